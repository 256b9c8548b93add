/*
 * keyring: aid's key pairs. The secret halves stay in guarded memory and in
 * this process; the public half of the present one goes to apid, and apid
 * seals every provider key to it the moment the key arrives. While the pair
 * is changed, the one before and, where other hosts change first, the one
 * that comes open what is sealed to them.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "aid.h"
#include "log.h"
#include "provider.h"
#include "xmalloc.h"

/* The path of the present key, or of one that mastctl leaves beside it. */
static char *
key_path(const struct aid *aid, const char *suffix)
{
	char *path, *name;

	if (aid->conf.key != NULL)
		return xasprintf("%s%s", aid->conf.key, suffix);
	name = xasprintf("aid.key%s", suffix);
	path = conf_secret_path(aid->conf.suite.state_dir, name);
	free(name);
	return path;
}

static int
add(struct aid *aid, char *path, struct buf *err_r)
{
	struct secret_key *key = secret_key_load(path, err_r);

	free(path);
	if (key == NULL)
		return -1;
	secret_box_public(key, aid->pubs[aid->nkeys]);
	aid->keys[aid->nkeys++] = key;
	return 0;
}

/* One that is there only while the pair is changed. A service manager that
 * has none hands over a file that is no key. */
static int
add_beside(struct aid *aid, const char *suffix, struct buf *err_r)
{
	char *path = key_path(aid, suffix);
	struct stat st;

	if (stat(path, &st) == 0 && st.st_size >= SECRET_KEY)
		return add(aid, path, err_r);
	free(path);
	return 0;
}

int
keyring_load(struct aid *aid, struct buf *err_r)
{
	if (add(aid, key_path(aid, ""), err_r) == -1)
		return -1;
	if (aid->conf.old_key != NULL) {
		if (add(aid, xstrdup(aid->conf.old_key), err_r) == -1)
			return -1;
	} else if (add_beside(aid, ".old", err_r) == -1)
		return -1;
	return add_beside(aid, ".new", err_r);
}

int
keyring_open(const struct aid *aid, struct slice sealed, struct buf *out)
{
	size_t i;

	for (i = 0; i < aid->nkeys; i++)
		if (secret_box_open(aid->keys[i], sealed.p, sealed.n, out) ==
		    0)
			return 0;
	return -1;
}

int
keyring_reseal(const struct aid *aid, struct slice sealed, struct buf *out)
{
	struct buf key = BUF_INIT;
	int r = keyring_open(aid, sealed, &key);

	if (r == 0)
		secret_box_seal(aid->pubs[0], buf_head(&key),
		    buf_used(&key), out);
	secret_buf_free(&key);
	return r;
}

void
keyring_forget(struct aid *aid)
{
	while (aid->nkeys > 1) {
		secret_key_free(aid->keys[--aid->nkeys]);
		log_info("a key pair beside the present one is forgotten");
	}
}

void
keyring_free(struct aid *aid)
{
	while (aid->nkeys > 0)
		secret_key_free(aid->keys[--aid->nkeys]);
}
