/*
 * driver_edge_hide: credentials that an edge has and does not show. One of
 * the older dialect leaves those of its flows out of the configuration that
 * it reports (a stream key of an output becomes ""), brings them back into
 * a whole configuration that comes without them, and loses them when a flow
 * comes without them. The newer dialect shows them.
 */
#include "driver_edge.h"
#include "xmalloc.h"

static const struct hides {
	const char	*type;
	bool		 input, output;
	const char	*names[2];
} rows[] = {
	{ "\"rtp\"", true, true, { NULL } },
	{ "\"udp\"", true, true, { NULL } },
	{ "\"srt\"", true, true, { "passphrase" } },
	{ "\"rtmp\"", true, true, { "stream_key" } },
	{ "\"rtsp\"", true, false, { "username", "password" } },
	{ "\"webrtc\"", true, true, { "bearer_token" } },
	{ "\"whep\"", true, false, { "bearer_token" } },
	{ "\"hls\"", false, true, { "auth_token" } },
};

static bool
shows(struct slice object, const char *name)
{
	struct slice raw;

	return edge_string(object, name, &raw) && raw.n > 2;
}

static bool
shows_all(struct slice object, const struct hides *row)
{
	size_t i;

	for (i = 0; i < nitems(row->names) && row->names[i] != NULL; i++)
		if (!shows(object, row->names[i]))
			return false;
	return true;
}

bool
edge_hides(struct slice config, struct slice end, bool input)
{
	struct slice raw, type, leg;
	int64_t version;
	size_t i;

	if (json_member(config.p, config.n, "version", &raw) &&
	    jscan_i64(raw, &version) == 0 && version >= 2)
		return false;
	if (!edge_string(end, "type", &type))
		return true;
	for (i = 0; i < nitems(rows); i++)
		if (slice_eq(type, rows[i].type) && (input ? rows[i].input :
		    rows[i].output))
			break;
	if (i == nitems(rows))
		return true;		/* nobody knows what it has */
	/* SRT's second leg has what the first has. */
	return !shows_all(end, &rows[i]) ||
	    (json_member(end.p, end.n, "redundancy", &leg) &&
	    leg.p[0] == '{' && !shows_all(leg, &rows[i]));
}
