/*
 * Replays a target's corpus without libFuzzer: every file as it is, cut at
 * many places, and with bytes changed at random but repeatably. One TAP line
 * a file. Without arguments the corpus of the program's own name is used.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "xmalloc.h"

#define FILES_MAX	512
#define SIZE_CAP	(1024 * 1024)
#define CUTS		64
#define CHANGES		200

struct files {
	char	*name[FILES_MAX];
	size_t	 n;
};

/* Exactly as big as the input: a sanitizer sees every read past it. */
static void
run(const uint8_t *data, size_t n)
{
	uint8_t *exact = xmemdup(data, n);

	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static void
run_changed(const uint8_t *data, size_t n, uint64_t *rnd)
{
	uint8_t	*copy = xmemdup(data, n);
	size_t	 i, changes = 1 + fuzz_rand(rnd) % 4;

	for (i = 0; i < changes; i++)
		copy[fuzz_rand(rnd) % n] = fuzz_rand(rnd) % 2 == 0 ?
		    (uint8_t)fuzz_rand(rnd) : data[fuzz_rand(rnd) % n];
	run(copy, n);
	free(copy);
}

static int
run_file(const char *name)
{
	uint8_t		*data = xmalloc(SIZE_CAP);
	FILE		*f = fopen(name, "rb");
	uint64_t	 rnd;
	size_t		 n, i, step;

	if (f == NULL) {
		free(data);
		return -1;
	}
	n = fread(data, 1, SIZE_CAP, f);
	fclose(f);
	run(data, n);
	step = n / CUTS + 1;
	for (i = 0; i < n; i += step)
		run(data, i);
	rnd = fuzz_seed(data, n);
	/* long files would take long: the same work for all */
	for (i = 0; n > 0 && i < CHANGES && i * n < 4 * SIZE_CAP; i++)
		run_changed(data, n, &rnd);
	free(data);
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list(struct files *fs, const char *dir)
{
	struct dirent	*e;
	struct stat	 st;
	char		*path;
	DIR		*d = opendir(dir);

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL && fs->n < FILES_MAX) {
		path = xasprintf("%s/%s", dir, e->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			fs->name[fs->n++] = path;
		else
			free(path);
	}
	closedir(d);
	qsort(fs->name, fs->n, sizeof(fs->name[0]), by_name);
}

int
main(int argc, char **argv)
{
	const char	*src = getenv("MAST_SRC"), *base;
	struct files	 fs = { .n = 0 };
	char		*dir;
	size_t		 i;
	int		 failed = 0;

	base = strrchr(argv[0], '/');
	base = base != NULL ? base + 1 : argv[0];
	base = strstr(base, "fuzz_") != NULL ? strstr(base, "fuzz_") + 5 :
	    base;
	if (argc > 1) {
		for (; *++argv != NULL && fs.n < FILES_MAX; fs.n++)
			fs.name[fs.n] = xstrdup(*argv);
	} else {
		dir = xasprintf("%s/tests/fuzz/corpus/%s",
		    src != NULL ? src : ".", base);
		list(&fs, dir);
		free(dir);
	}
	printf("1..%zu\n", fs.n + 1);
	printf("%s 1 - %s has a corpus\n", fs.n > 0 ? "ok" : "not ok", base);
	for (i = 0; i < fs.n; i++) {
		fflush(stdout);
		if (run_file(fs.name[i]) == -1) {
			failed = 1;
			printf("not ");
		}
		printf("ok %zu - %s\n", i + 2, fs.name[i]);
		free(fs.name[i]);
	}
	return failed || fs.n == 0;
}
