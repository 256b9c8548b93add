/*
 * simframe: messages prebuilt from the sample files: one stats frame a kind
 * with the wanted number of flows, masked once, digits patched when sent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jscan.h"
#include "sim.h"
#include "str.h"
#include "xmalloc.h"

#define TS "2026-08-21T04:39:21.123456789+00:00"

static const struct { const char *stats, *one, *health, *config; }
    files[KIND__MAX] = {
	{ "edge_stats_idle_v053.json", "edge_stats_1udp_v053.json",
	  "edge_health_v053.json", "edge_v053_config_response_1.json" },
	{ "edge_stats_idle_head.json", "edge_stats_1udp_head.json",
	  "edge_health_head.json", "edge_config_response_1.json" },
	{ "relay_stats_empty_head.json", "relay_stats_1_head.json",
	  "relay_health_head.json", NULL },
	{ "edge_stats_idle_v053.json", "edge_stats_1udp_v053.json",
	  "sdk_health.json", "edge_v053_config_response_1.json" },
};

bool
json_find(struct slice object, const char *key, struct slice *v_r)
{
	struct jscan js;
	struct slice v;
	bool hit;

	jscan_init(&js, object.p, object.n);
	if (jscan_next(&js) != JSCAN_OBJECT)
		return false;
	while (jscan_next(&js) == JSCAN_KEY) {
		hit = slice_eq(js.text, key);
		if (jscan_skip(&js, &v) == -1)
			return false;
		if (!hit)
			continue;
		if (v.n >= 2 && v.p[0] == '"') {
			v.p++;
			v.n -= 2;
		}
		*v_r = v;
		return true;
	}
	return false;
}

static char *
frame_file(const char *dir, const char *name)
{
	struct buf b = BUF_INIT;
	char path[512], part[8192];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "re")) == NULL) {
		fprintf(stderr, "nodesim: %s: %s\n", path, strerror(errno));
		return NULL;
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_put(&b, part, n);
	fclose(f);
	while (buf_used(&b) > 0 && b.data[b.len - 1] == '\n')
		b.len--;
	return buf_steal(&b, &n);
}

static void
frame_mask(struct sim_frame *f, const char *text, size_t n, const char *find)
{
	static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };
	struct buf b = BUF_INIT;
	const char *at;

	f->patch = f->digits = 0;
	at = find == NULL ? NULL : strstr(text, find);
	if (at != NULL) {
		at += strlen(find);
		f->patch = (size_t)(at - text);
		f->digits = strspn(at, "0123456789");
	}
	ws_put(&b, WS_TEXT, text, n, key);
	f->n = buf_used(&b);
	f->hdr = f->n - n;
	f->p = (uint8_t *)buf_steal(&b, &f->n);
}

/* The one flow of the sample, as often as wanted, ids counted up. */
static void
frame_flows(struct buf *b, struct slice flow, int flows)
{
	char id[24];
	size_t at, i;
	int k;

	for (k = 0; k < flows; k++) {
		if (k > 0)
			buf_putc(b, ',');
		at = b->len;
		buf_put(b, flow.p, flow.n);
		snprintf(id, sizeof(id), "flow-%03d", k + 1);
		for (i = at; i + 8 <= b->len; i++)
			if (memcmp(b->data + i, "flow-001", 8) == 0)
				memcpy(b->data + i, id, 8);
	}
}

static int
frame_edge(struct sim *s, struct sim_frame *f, const char *text, int flows,
    bool glitch)
{
	struct slice payload, arr, flow;
	struct buf b = BUF_INIT;
	size_t want = s->o.stats_bytes, size;

	if (!json_find(slice_of(text), "payload", &payload) ||
	    !json_find(payload, "flows", &arr) || arr.n < 2)
		return -1;
	flow.p = arr.p + 1;
	flow.n = arr.n - 2;
	if (want > 0 && flow.n > 0) {
		/* As many flows as make the wanted size. */
		flows = (int)((want > strlen(text) ? want - strlen(text) : 0) /
		    (flow.n + 1)) + 1;
	}
	buf_printf(&b, "{\"payload\":{\"active_flows\":%d,\"flows\":[", flows);
	if (!glitch && flows > 0)
		frame_flows(&b, flow, flows);
	buf_puts(&b, "]");
	buf_put(&b, arr.p + arr.n, (size_t)(payload.p + payload.n -
	    (arr.p + arr.n)));
	buf_puts(&b, ",\"timestamp\":\"" TS "\",\"type\":\"stats\"}");
	/* Pads with one unknown member; nodes may send any. */
	if (want > buf_used(&b) + 20) {
		size = want - buf_used(&b) - 9;
		b.len -= strlen("\"timestamp\":\"" TS "\",\"type\":\"stats\"}");
		buf_puts(&b, "\"pad\":\"");
		memset(buf_reserve(&b, size), 'x', size);
		buf_commit(&b, size);
		buf_puts(&b, "\",\"timestamp\":\"" TS "\",\"type\":\"stats\"}");
	}
	frame_mask(f, buf_cstr(&b), buf_used(&b), "\"bitrate_bps\":");
	buf_free(&b);
	return 0;
}

static int
frame_kind(struct sim *s, enum sim_kind k)
{
	const char *dir = s->o.samples;
	char *text;
	struct slice payload;
	int r = 0;

	text = frame_file(dir, s->o.flows > 0 ? files[k].one : files[k].stats);
	if (text == NULL)
		return -1;
	if (k == KIND_RELAY)
		frame_mask(&s->stats[k], text, strlen(text),
		    "\"total_bandwidth_bps\":");
	else {
		r = frame_edge(s, &s->stats[k], text, s->o.flows, false);
		if (r == 0 && s->o.flows > 0)
			r = frame_edge(s, &s->glitch[k], text, s->o.flows,
			    true);
	}
	free(text);
	s->health[k] = frame_file(dir, files[k].health);
	if (r == -1 || s->health[k] == NULL)
		return -1;
	if (files[k].config == NULL) {
		s->config[k] = xstrdup("{\"version\":1,\"listen\":"
		    "\"0.0.0.0:4433\",\"manager\":{\"node_secret\":"
		    "\"***REDACTED***\"}}");
		return 0;
	}
	text = frame_file(dir, files[k].config);
	if (text == NULL || !json_find(slice_of(text), "payload", &payload))
		return -1;
	s->config[k] = xstrndup(payload.p, payload.n);
	free(text);
	return 0;
}

int
frames_load(struct sim *s)
{
	int k;

	for (k = 0; k < KIND__MAX; k++)
		if (frame_kind(s, k) == -1)
			return -1;
	return 0;
}
