/* mast-nodesim: options, schedule, report. See sim.h. */
#include <sys/epoll.h>
#include <sys/resource.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jscan.h"
#include "sim.h"
#include "xmalloc.h"

#define TICK MONO_MS

static volatile sig_atomic_t got_stop, got_reset;

static const char *const kinds[] = { "edge-old", "edge", "relay", "gateway" };
static const char *const traps[] = { "none", "spent-token", "old-secret",
    "duplicate", "glitch", "slow-reader", "garbage", "oversize" };

void
hist_add(struct hist *h, int64_t us)
{
	int i;

	if (us < 0)
		us = 0;
	h->n++;
	h->sum += (uint64_t)us;
	if ((uint64_t)us > h->max)
		h->max = (uint64_t)us;
	i = us < 1 ? 0 : (int)(8.0 * log2((double)us));
	h->b[i < HIST_BUCKETS ? i : HIST_BUCKETS - 1]++;
}

int64_t
hist_at(const struct hist *h, double q)
{
	uint64_t want = (uint64_t)ceil((double)h->n * q), seen = 0;
	int i;

	for (i = 0; i < HIST_BUCKETS; i++) {
		seen += h->b[i];
		if (seen >= want && seen > 0)
			return (int64_t)exp2((i + 1) / 8.0);
	}
	return 0;
}

void
wheel_init(struct sim_wheel *w)
{
	memset(w, 0, sizeof(*w));
	w->at = (uint64_t)(mono_now() / TICK);
}

void
wheel_del(struct sim_timer *t)
{
	if (t->pprev == NULL)
		return;
	*t->pprev = t->next;
	if (t->next != NULL)
		t->next->pprev = t->pprev;
	t->next = NULL;
	t->pprev = NULL;
}

void
wheel_set(struct sim_wheel *w, struct sim_timer *t, mono_us due)
{
	uint64_t tick = (uint64_t)((due + TICK - 1) / TICK);
	struct sim_timer **slot;

	wheel_del(t);
	t->due = due;
	if (tick <= w->at)
		tick = w->at + 1;
	slot = &w->slot[tick % 4096];
	t->next = *slot;
	if (t->next != NULL)
		t->next->pprev = &t->next;
	*slot = t;
	t->pprev = slot;
}

void
wheel_run(struct sim_wheel *w, mono_us now)
{
	uint64_t to = (uint64_t)(now / TICK);
	struct sim_timer *t, *list;

	while (w->at < to) {
		w->at++;
		list = w->slot[w->at % 4096];
		w->slot[w->at % 4096] = NULL;
		if (list != NULL)
			list->pprev = &list;
		while ((t = list) != NULL) {
			wheel_del(t);
			if (t->due > now + TICK)	/* another round */
				wheel_set(w, t, t->due);
			else
				t->fn(t->arg);
		}
	}
}

static void
sim_signal(int sig)
{
	if (sig == SIGUSR1)
		got_reset = 1;
	else
		got_stop = 1;
}

/* Connects at the chosen rate, or everybody at once. */
static void
sim_on_ramp(void *arg)
{
	struct sim *s = arg;
	int n = s->o.ramp > 0 ? (int)(s->o.ramp / 1000) + 1 : s->n;

	while (n-- > 0 && s->ramped < s->n)
		node_start(&s->nodes[s->ramped++]);
	if (s->ramped < s->n)
		wheel_set(&s->wheel, &s->t_ramp, mono_now() + TICK);
}

static void
sim_on_events(void *arg)
{
	struct sim *s = arg;
	static int next;
	mono_us now = mono_now();
	int tries;

	/* By the clock: a late turn owes what the lost ones did not send. */
	if (s->events_at != 0)
		s->event_debt += s->o.events_per_sec *
		    (double)(now - s->events_at) / MONO_SEC;
	s->events_at = now;
	while (s->event_debt >= 1) {
		for (tries = 0; tries < s->n; tries++) {
			next = (next + 1) % s->n;
			if (s->nodes[next].phase == PH_LIVE)
				break;
		}
		s->event_debt -= 1;
		if (tries < s->n)
			node_event(&s->nodes[next]);
	}
	wheel_set(&s->wheel, &s->t_events, mono_now() + TICK);
}

static void
report_hist(FILE *f, const char *name, const struct hist *h)
{
	fprintf(f, ",\"%s_us\":{\"n\":%llu,\"mean\":%llu,\"p50\":%lld,"
	    "\"p99\":%lld,\"p999\":%lld,\"max\":%llu}", name,
	    (unsigned long long)h->n,
	    (unsigned long long)(h->n > 0 ? h->sum / h->n : 0),
	    (long long)hist_at(h, 0.5), (long long)hist_at(h, 0.99),
	    (long long)hist_at(h, 0.999), (unsigned long long)h->max);
}

static void
sim_report(struct sim *s, FILE *f)
{
	const struct sim_books *b = &s->b;
	struct rusage ru;
	const struct { const char *name; uint64_t v; } rows[] = {
		{ "connects", b->connects }, { "upgrades", b->upgrades },
		{ "registered", b->registered }, { "auth_ok", b->auth_ok },
		{ "auth_error", b->auth_error },
		{ "auth_timeout", b->auth_timeout },
		{ "close_frames", b->closed }, { "resets", b->resets },
		{ "tls_failed", b->tls_failed }, { "stats", b->stats },
		{ "health", b->health }, { "events", b->events },
		{ "commands", b->commands }, { "acks", b->acks },
		{ "commands_again", b->commands_again },
		{ "refused", b->refused }, { "configs", b->configs },
		{ "pings", b->pings }, { "ws_pings", b->ws_pings },
		{ "events_acked", b->events_acked },
		{ "events_again", b->events_again },
		{ "tunnels", b->tunnels },
		{ "stalled", b->stalled }, { "bytes_out", b->bytes_out },
	};
	size_t i;

	(void)getrusage(RUSAGE_SELF, &ru);
	fprintf(f, "{\"nodes\":%d,\"online\":%d,\"online_peak\":%d,"
	    "\"all_online_ms\":%lld,\"stats_bytes\":%zu,\"cpu_ms\":%lld",
	    s->n, s->online, s->online_peak, s->all_online == 0 ? -1LL :
	    (long long)((s->all_online - s->start) / 1000),
	    s->stats[s->o.kind].n, (long long)(ru.ru_utime.tv_sec +
	    ru.ru_stime.tv_sec) * 1000 + (ru.ru_utime.tv_usec +
	    ru.ru_stime.tv_usec) / 1000);
	for (i = 0; i < nitems(rows); i++)
		fprintf(f, ",\"%s\":%llu", rows[i].name,
		    (unsigned long long)rows[i].v);
	report_hist(f, "wait", &b->wait);
	report_hist(f, "handshake", &b->handshake);
	report_hist(f, "auth", &b->auth);
	report_hist(f, "total", &b->total);
	report_hist(f, "lateness", &b->late);
	fprintf(f, "}\n");
	fflush(f);
}

static void
sim_write_report(struct sim *s)
{
	char tmp[600];
	FILE *f;

	if (s->ledger != NULL)
		fflush(s->ledger);
	if (s->o.report == NULL) {
		sim_report(s, stdout);
		return;
	}
	/* A reader never sees half a report. */
	snprintf(tmp, sizeof(tmp), "%s.new", s->o.report);
	if ((f = fopen(tmp, "we")) == NULL) {
		fprintf(stderr, "nodesim: %s: %s\n", tmp, strerror(errno));
		return;
	}
	sim_report(s, f);
	if (fclose(f) != 0 || rename(tmp, s->o.report) == -1)
		fprintf(stderr, "nodesim: %s: %s\n", s->o.report,
		    strerror(errno));
}

/* stdin: "event INDEX", "events N", "rate R" and "pause" for new events,
 * "reset", "mark" (lateness is counted from here), "report", "stop". */
static void
sim_control(struct sim *s)
{
	static char line[256];
	static size_t have;
	ssize_t got;
	double rate;
	char *nl;
	int i;

	got = read(STDIN_FILENO, line + have, sizeof(line) - 1 - have);
	if (got <= 0) {
		if (got == 0 || errno != EAGAIN)
			(void)epoll_ctl(s->ep, EPOLL_CTL_DEL, STDIN_FILENO,
			    NULL);
		return;
	}
	have += (size_t)got;
	line[have] = '\0';
	while ((nl = strchr(line, '\n')) != NULL) {
		*nl = '\0';
		if (sscanf(line, "events %d", &i) == 1) {
			while (i-- > 0)
				node_event(&s->nodes[i % s->n]);
		} else if (sscanf(line, "event %d", &i) == 1 && i >= 0 &&
		    i < s->n)
			node_event(&s->nodes[i]);
		else if (strcmp(line, "reset") == 0)
			node_reset_all(s);
		else if (strcmp(line, "pause") == 0)
			s->o.events_per_sec = 0;	/* no new events */
		else if (sscanf(line, "rate %lf", &rate) == 1 && rate >= 0)
			s->o.events_per_sec = rate;
		else if (strcmp(line, "mark") == 0)
			memset(&s->b.late, 0, sizeof(s->b.late));
		else if (strcmp(line, "report") == 0)
			sim_write_report(s);
		else if (strcmp(line, "stop") == 0)
			got_stop = 1;
		have -= (size_t)(nl + 1 - line);
		memmove(line, nl + 1, have + 1);
	}
	if (have == sizeof(line) - 1)
		have = 0;
}

static void
sim_loop(struct sim *s)
{
	struct epoll_event ev[512];
	mono_us end, report = mono_now() + MONO_SEC, save = 0;
	int i, n;

	end = s->o.duration > 0 ? mono_now() + s->o.duration * MONO_SEC : 0;
	while (!got_stop && (end == 0 || mono_now() < end)) {
		n = epoll_wait(s->ep, ev, nitems(ev), 1);
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr == s)
				sim_control(s);
			else
				io_event(ev[i].data.ptr, ev[i].events);
		}
		wheel_run(&s->wheel, mono_now());
		if (got_reset) {
			got_reset = 0;
			node_reset_all(s);
		}
		if (mono_now() >= save) {
			node_save(s);
			save = mono_now() + 100 * MONO_MS;
		}
		if (s->o.report != NULL && mono_now() >= report) {
			report += MONO_SEC;
			sim_write_report(s);
		}
	}
}

static void
sim_end(struct sim *s)
{
	int i, online = s->online;

	s->stop = true;
	for (i = 0; i < s->n; i++) {
		if (s->nodes[i].phase == PH_LIVE)
			io_send(&s->nodes[i], WS_CLOSE, "\x03\xe8", 2);
		io_close(&s->nodes[i], false);
		buf_free(&s->nodes[i].out);
		free(s->nodes[i].acks);
		free(s->nodes[i].done);
		free(s->nodes[i].tunnels);
	}
	node_save(s);
	s->online = online;	/* the report is of the run */
	sim_write_report(s);
	if (s->ledger != NULL && fclose(s->ledger) != 0)
		fprintf(stderr, "nodesim: ledger: %s\n", strerror(errno));
}

static struct sim_node *
sim_add(struct sim *s, enum sim_kind kind)
{
	struct sim_node *nd;

	s->nodes = xreallocarray(s->nodes, (size_t)s->n + 1,
	    sizeof(*s->nodes));
	nd = &s->nodes[s->n];
	memset(nd, 0, sizeof(*nd));
	nd->idx = s->n++;
	nd->kind = kind;
	nd->fd = -1;
	return nd;
}

/* Lines "KIND-NUMBER ID SECRET" (as saved) or "token TOKEN [KIND]". */
static int
sim_credentials(struct sim *s, const char *file)
{
	char line[512], a[128], b[128], c[128];
	struct sim_node *nd;
	FILE *f;
	size_t k;
	int n;

	f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	if (f == NULL) {
		fprintf(stderr, "nodesim: %s: %s\n", file, strerror(errno));
		return -1;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		n = sscanf(line, "%127s %127s %127s", a, b, c);
		if (n < 2)
			continue;
		nd = sim_add(s, s->o.kind);
		if (strcmp(a, "token") == 0) {
			snprintf(nd->token, sizeof(nd->token), "%.79s", b);
			for (k = 0; n == 3 && k < nitems(kinds); k++)
				if (strcmp(kinds[k], c) == 0)
					nd->kind = (enum sim_kind)k;
		} else if (n == 3) {
			nd->kind = (enum sim_kind)(atoi(a) % KIND__MAX);
			snprintf(nd->id, sizeof(nd->id), "%.36s", b);
			snprintf(nd->secret, sizeof(nd->secret), "%.79s", c);
		}
	}
	if (f != stdin)
		fclose(f);
	return 0;
}

static const char usage_text[] =
"usage: mast-nodesim [options]\n"
"  --connect ADDR:PORT   hub to dial (127.0.0.1:8444)\n"
"  --plain               ws:// instead of wss://\n"
"  --path PATH           /ws/node\n"
"  --host NAME           Host field (the address)\n"
"  --token T             one node that registers; may be repeated\n"
"  --creds FILE          saved credentials, or lines 'token T [KIND]'; - stdin\n"
"  --save FILE           write credentials after each registration\n"
"  --kind K              edge-old edge relay gateway (edge)\n"
"  --flows N             flows per stats frame (1)\n"
"  --stats-bytes N       size of a stats frame instead of --flows\n"
"  --stats-ms N          interval, 0 for none (1000)\n"
"  --stats-share N       percent of nodes that send stats (100)\n"
"  --health-ms N         interval (15000)\n"
"  --events R            events per second of the whole fleet (0)\n"
"  --ack-ms N            delay of acks (0);  --shuffle: newest first\n"
"  --number-events       number events and keep them until acknowledged\n"
"  --dedupe              remember commands, answer repeated ones\n"
"  --no-ack              commands are never answered\n"
"  --refuse TYPE         this command is answered success:false\n"
"  --reconnect old|new|none   1..60 s, flat 5 s, never (new)\n"
"  --trap T              spent-token old-secret duplicate glitch\n"
"                        slow-reader garbage oversize\n"
"  --sources A-B         loopback source addresses (127.0.0.2-127.0.0.9)\n"
"  --ramp R              connects per second (all at once)\n"
"  --duration S          stop after S seconds (never)\n"
"  --samples DIR         sample messages (tests/samples)\n"
"  --ledger FILE         a line for every event, command and ack\n"
"  --report FILE         JSON, rewritten each second and at the end\n"
"  --print               a line for every registration and loss\n"
"stdin: event I, events N, reset, mark, report, stop. SIGUSR1: reset all.\n";

static void
usage(void)
{
	fputs(usage_text, stderr);
	exit(64);
}

static int
pick(const char *const *names, size_t n, const char *s)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(names[i], s) == 0)
			return (int)i;
	usage();
	return 0;
}

static void
opt_connect(struct sim *s, char *v)
{
	char *colon = strrchr(v, ':');

	if (colon == NULL)
		usage();
	*colon = '\0';
	s->o.to.sin_family = AF_INET;
	s->o.to.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, v, &s->o.to.sin_addr) != 1)
		usage();
	*colon = ':';
	if (s->o.host == NULL)
		s->o.host = v;
}

static void
opt_sources(struct sim *s, char *v)
{
	struct in_addr a, b;
	char *dash = strchr(v, '-');

	if (dash != NULL)
		*dash++ = '\0';
	if (inet_pton(AF_INET, v, &a) != 1 ||
	    inet_pton(AF_INET, dash != NULL ? dash : v, &b) != 1)
		usage();
	s->o.src_first = ntohl(a.s_addr);
	s->o.src_count = ntohl(b.s_addr) - s->o.src_first + 1;
}

enum { OPT_CONNECT = 1, OPT_PLAIN, OPT_PATH, OPT_HOST, OPT_TOKEN, OPT_CREDS, OPT_SAVE,
    OPT_KIND, OPT_FLOWS, OPT_BYTES, OPT_STATS, OPT_SHARE, OPT_HEALTH, OPT_EVENTS, OPT_ACK,
    OPT_SHUFFLE, OPT_NUMBERS, OPT_DEDUPE, OPT_NOACK, OPT_REFUSE, OPT_RECONNECT, OPT_TRAP, OPT_SOURCES, OPT_RAMP,
    OPT_DURATION, OPT_SAMPLES, OPT_LEDGER, OPT_REPORT, OPT_PRINT, OPT_HELP };

static const struct option longopts[] = {
	{ "connect", 1, NULL, OPT_CONNECT }, { "plain", 0, NULL, OPT_PLAIN },
	{ "path", 1, NULL, OPT_PATH }, { "host", 1, NULL, OPT_HOST },
	{ "token", 1, NULL, OPT_TOKEN }, { "creds", 1, NULL, OPT_CREDS },
	{ "save", 1, NULL, OPT_SAVE }, { "kind", 1, NULL, OPT_KIND },
	{ "flows", 1, NULL, OPT_FLOWS }, { "stats-bytes", 1, NULL, OPT_BYTES },
	{ "stats-ms", 1, NULL, OPT_STATS }, { "stats-share", 1, NULL, OPT_SHARE },
	{ "health-ms", 1, NULL, OPT_HEALTH }, { "events", 1, NULL, OPT_EVENTS },
	{ "ack-ms", 1, NULL, OPT_ACK }, { "shuffle", 0, NULL, OPT_SHUFFLE },
	{ "number-events", 0, NULL, OPT_NUMBERS },
	{ "dedupe", 0, NULL, OPT_DEDUPE },
	{ "no-ack", 0, NULL, OPT_NOACK }, { "refuse", 1, NULL, OPT_REFUSE },
	{ "reconnect", 1, NULL, OPT_RECONNECT }, { "trap", 1, NULL, OPT_TRAP },
	{ "sources", 1, NULL, OPT_SOURCES }, { "ramp", 1, NULL, OPT_RAMP },
	{ "duration", 1, NULL, OPT_DURATION },
	{ "samples", 1, NULL, OPT_SAMPLES }, { "ledger", 1, NULL, OPT_LEDGER },
	{ "report", 1, NULL, OPT_REPORT }, { "print", 0, NULL, OPT_PRINT },
	{ "help", 0, NULL, OPT_HELP }, { NULL, 0, NULL, 0 }
};

static void
sim_option(struct sim *s, int c, char *v)
{
	static const char *const modes[] = { "new", "old", "none" };
	struct sim_opts *o = &s->o;
	int m;

	switch (c) {
	case OPT_CONNECT: opt_connect(s, v); break;
	case OPT_PLAIN: o->plain = true; break;
	case OPT_PATH: o->path = v; break;
	case OPT_HOST: o->host = v; break;
	case OPT_TOKEN:
		snprintf(sim_add(s, o->kind)->token, 80, "%s", v);
		break;
	case OPT_CREDS:
		if (sim_credentials(s, v) == -1)
			exit(1);
		break;
	case OPT_SAVE: o->save = v; break;
	case OPT_KIND: o->kind = (enum sim_kind)pick(kinds, 4, v); break;
	case OPT_FLOWS: o->flows = atoi(v); break;
	case OPT_BYTES: o->stats_bytes = (size_t)atol(v); break;
	case OPT_STATS: o->stats_ms = atoi(v); break;
	case OPT_SHARE: o->stats_share = atoi(v); break;
	case OPT_HEALTH: o->health_ms = atoi(v); break;
	case OPT_EVENTS: o->events_per_sec = atof(v); break;
	case OPT_ACK: o->ack_ms = atoi(v); break;
	case OPT_SHUFFLE: o->shuffle = true; break;
	case OPT_NUMBERS: o->numbers = true; break;
	case OPT_DEDUPE: o->dedupe = true; break;
	case OPT_NOACK: o->ack = false; break;
	case OPT_REFUSE: o->refuse = v; break;
	case OPT_RECONNECT:
		m = pick(modes, 3, v);
		o->reconnect_old = m == 1;
		o->keep_going = m != 2;
		break;
	case OPT_TRAP: o->trap = (enum sim_trap)pick(traps, TRAP__MAX, v); break;
	case OPT_SOURCES: opt_sources(s, v); break;
	case OPT_RAMP: o->ramp = atof(v); break;
	case OPT_DURATION: o->duration = atoi(v); break;
	case OPT_SAMPLES: o->samples = v; break;
	case OPT_LEDGER: o->ledger = v; break;
	case OPT_REPORT: o->report = v; break;
	case OPT_PRINT: o->print = true; break;
	default: usage();
	}
}

static void
sim_setup(struct sim *s)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };
	struct rlimit rl;
	int i, n = s->n;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGTERM, sim_signal);
	(void)signal(SIGINT, sim_signal);
	(void)signal(SIGUSR1, sim_signal);
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* A clone: the same identity from a second place. */
	for (i = 0; s->o.trap == TRAP_DUPLICATE && i < n; i++) {
		struct sim_node *nd = sim_add(s, s->nodes[i].kind);

		memcpy(nd->id, s->nodes[i].id, sizeof(nd->id));
		memcpy(nd->secret, s->nodes[i].secret, sizeof(nd->secret));
	}
	for (i = 0; i < s->n; i++)
		s->nodes[i].sim = s;
	s->ep = epoll_create1(EPOLL_CLOEXEC);
	(void)fcntl(STDIN_FILENO, F_SETFL,
	    fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
	/* EPERM when stdin is a file: there is no control channel then. */
	if (s->ep == -1 || (epoll_ctl(s->ep, EPOLL_CTL_ADD, STDIN_FILENO,
	    &ev) == -1 && errno != EPERM)) {
		perror("nodesim: epoll");
		exit(1);
	}
	s->ctx = SSL_CTX_new(TLS_client_method());
	if (s->ctx == NULL)
		exit(1);
	SSL_CTX_set_verify(s->ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(s->ctx, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set1_groups_list(s->ctx, "X25519:P-256");
}

int
main(int argc, char **argv)
{
	static struct sim s;
	static char def_samples[512], def_to[] = "127.0.0.1:8444",
	    def_path[] = "/ws/node";
	const char *src = getenv("MAST_SRC");
	int c;

	snprintf(def_samples, sizeof(def_samples), "%s/tests/samples",
	    src != NULL ? src : ".");
	s.o = (struct sim_opts){ .path = def_path, .samples = def_samples,
	    .kind = KIND_EDGE, .flows = 1, .stats_ms = 1000,
	    .health_ms = 15000, .stats_share = 100, .ack = true,
	    .keep_going = true };
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1)
		sim_option(&s, c, optarg);
	if (optind != argc || s.n == 0)
		usage();
	if (s.o.to.sin_family == 0)
		opt_connect(&s, def_to);
	if (frames_load(&s) == -1)
		exit(1);
	if (s.o.ledger != NULL &&
	    (s.ledger = fopen(s.o.ledger, "ae")) == NULL) {
		fprintf(stderr, "nodesim: %s: %s\n", s.o.ledger,
		    strerror(errno));
		exit(1);
	}
	sim_setup(&s);
	wheel_init(&s.wheel);
	s.start = mono_now();
	s.t_ramp = (struct sim_timer){ .fn = sim_on_ramp, .arg = &s };
	s.t_events = (struct sim_timer){ .fn = sim_on_events, .arg = &s };
	wheel_set(&s.wheel, &s.t_ramp, s.start);
	if (s.o.events_per_sec > 0)
		wheel_set(&s.wheel, &s.t_events, s.start + TICK);
	sim_loop(&s);
	sim_end(&s);
	SSL_CTX_free(s.ctx);
	return 0;
}
