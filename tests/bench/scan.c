/*
 * bench-scan: what a stats frame costs before anything is kept of it:
 * validation and summary in one walk, beside json-c's parse of the same
 * text. One JSON line per file: bytes, GB/s of each step,
 * and how many times faster than json-c the walk is. Medians of five.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "driver.h"
#include "frame.h"
#include "jscan.h"
#include "scan.h"

#define ROUNDS	5
#define SPAN	0.2		/* seconds of one round */

struct work {
	char			*text;
	size_t			 n;
	const struct driver	*driver;
	struct json_tokener	*tok;
};

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
payload(void *arg, struct slice type, struct jscan *js)
{
	const struct work *w = arg;
	struct driver_summary sum;

	return w->driver->summarize(js, &sum);
}

static void
step_walk(struct work *w)
{
	struct frame f;

	if (frame_parse(w->text, w->n, payload, w, &f) == -1) {
		fprintf(stderr, "bench-scan: %s\n", f.bad);
		exit(1);
	}
}

static void
step_valid(struct work *w)
{
	if (!jscan_valid(w->text, w->n, NULL))
		exit(1);
}

static void
step_jsonc(struct work *w)
{
	if (!scan_jsonc(w->tok, w->text, w->n))
		exit(1);
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Seconds of one call: the median of the rounds. */
static double
cost(struct work *w, void (*step)(struct work *))
{
	double v[ROUNDS], begin, took;
	unsigned i, n;

	for (i = 0; i < ROUNDS; i++) {
		begin = now();
		for (n = 0; (took = now() - begin) < SPAN; n += 16) {
			unsigned k;

			for (k = 0; k < 16; k++)
				step(w);
		}
		v[i] = took / n;
	}
	qsort(v, ROUNDS, sizeof(*v), compare);
	return v[ROUNDS / 2];
}

static void
load(struct work *w, const char *path)
{
	FILE *f = fopen(path, "r");
	long n;

	if (f == NULL || fseek(f, 0, SEEK_END) == -1 || (n = ftell(f)) <= 0) {
		perror(path);
		exit(1);
	}
	rewind(f);
	w->text = malloc((size_t)n + 1);
	w->n = w->text == NULL ? 0 : fread(w->text, 1, (size_t)n, f);
	(void)fclose(f);
	while (w->n > 0 && w->text[w->n - 1] == '\n')
		w->n--;
	if (w->n == 0)
		exit(1);
	w->text[w->n] = '\0';
}

int
main(int argc, char **argv)
{
	double walk, valid, jsonc;
	struct work w = { 0 };
	int i;

	w.tok = scan_jsonc_new();
	for (i = 1; i + 1 < argc; i += 2) {
		w.driver = driver_find(slice_of(argv[i]));
		if (w.driver == NULL || w.tok == NULL)
			return 1;
		load(&w, argv[i + 1]);
		walk = cost(&w, step_walk);
		valid = cost(&w, step_valid);
		jsonc = cost(&w, step_jsonc);
		printf("{\"file\":\"%s\",\"bytes\":%zu,\"walk_gbs\":%.3f,"
		    "\"valid_gbs\":%.3f,\"jsonc_gbs\":%.3f,\"walk_us\":%.3f,"
		    "\"times\":%.1f}\n", strrchr(argv[i + 1], '/') == NULL ?
		    argv[i + 1] : strrchr(argv[i + 1], '/') + 1, w.n,
		    (double)w.n / walk / 1e9, (double)w.n / valid / 1e9,
		    (double)w.n / jsonc / 1e9, walk * 1e6, jsonc / walk);
		free(w.text);
	}
	scan_jsonc_free(w.tok);
	return 0;
}
