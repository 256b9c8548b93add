/*
 * secret_turn: how a key file becomes one with a new key, in three steps, so
 * that neither a crash nor a program that started a moment ago meets what it
 * cannot open. The number of keys in the file says which step was done:
 *
 *	1, 2	what seals; what hashes, unless that is the same
 *	4	accept: what seals, the new one twice, what hashes
 *	3	use: the new one, what sealed before, what hashes
 *	2	retire: the new one, what hashes
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"
#include "xmalloc.h"

#define FILE_MAX	(SECRET_KEYS * SECRET_KEY)

struct ring {
	size_t		n;
	uint8_t		v[SECRET_KEYS][SECRET_KEY];
	struct stat	st;
};

static int
ring_read(const char *path, struct ring *r, struct buf *err_r)
{
	struct secret_key *key = secret_key_load(path, err_r);
	int fd = -1;
	ssize_t n = -1;

	memset(r, 0, sizeof(*r));
	if (key == NULL)
		return -1;
	secret_key_free(key);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
	if (fd != -1 && fstat(fd, &r->st) == 0)
		n = read(fd, r->v, FILE_MAX);
	if (n < SECRET_KEY || n % SECRET_KEY != 0) {
		buf_printf(err_r, "key file %s: %s", path, strerror(errno));
		n = -1;
	}
	if (fd != -1)
		close(fd);
	r->n = n == -1 ? 0 : (size_t)n / SECRET_KEY;
	return n == -1 ? -1 : 0;
}

int
secret_key_sync(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd == -1 ? -1 : fsync(fd);

	if (fd != -1)
		close(fd);
	free(copy);
	return rc;
}

/* Whole or not at all, and on disk, with the mode and owner of before. */
static int
ring_write(const char *path, const struct ring *r, struct buf *err_r)
{
	char *fresh = xasprintf("%s.new", path);
	const size_t n = r->n * SECRET_KEY;
	int fd, rc = -1;

	(void)unlink(fresh);	/* of one that was interrupted */
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (fd != -1 && fchmod(fd, r->st.st_mode & 07777) == 0 &&
	    ((r->st.st_uid == geteuid() && r->st.st_gid == getegid()) ||
	    fchown(fd, r->st.st_uid, r->st.st_gid) == 0) &&
	    write(fd, r->v, n) == (ssize_t)n && fsync(fd) == 0 &&
	    rename(fresh, path) == 0 && secret_key_sync(path) == 0)
		rc = 0;
	if (rc == -1)
		buf_printf(err_r, "key file %s: %s", path, strerror(errno));
	if (fd != -1)
		close(fd);
	if (rc == -1)
		(void)unlink(fresh);
	free(fresh);
	return rc;
}

static void
copy(struct ring *r, size_t to, const uint8_t from[SECRET_KEY])
{
	memcpy(r->v[to], from, SECRET_KEY);
}

/* r is what was already; is there something to change? */
static bool
turn(struct ring *r, const struct ring *was, enum secret_turn what)
{
	switch (what) {
	case SECRET_ACCEPT:
		if (was->n > 2)
			return false;
		r->n = 4;
		secret_random(r->v[1], SECRET_KEY);
		copy(r, 2, r->v[1]);
		copy(r, 3, was->v[was->n - 1]);
		return true;
	case SECRET_USE:
		if (was->n != 4)
			return false;
		r->n = 3;
		copy(r, 0, was->v[1]);
		copy(r, 1, was->v[0]);
		copy(r, 2, was->v[3]);
		return true;
	case SECRET_RETIRE:
		if (was->n != 3)
			return false;
		r->n = 2;
		copy(r, 1, was->v[2]);
		return true;
	}
	return false;
}

int
secret_key_turn(const char *path, enum secret_turn what, struct buf *err_r)
{
	struct ring was, r;
	int rc = ring_read(path, &was, err_r);

	r = was;
	if (rc == 0 && turn(&r, &was, what))
		rc = ring_write(path, &r, err_r);
	secret_wipe(&was, sizeof(was));
	secret_wipe(&r, sizeof(r));
	return rc;
}
