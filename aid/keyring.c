/*
 * keyring: aid's key pairs. The secret halves stay in guarded memory and in
 * this process; the public half of the present one goes to apid, and apid
 * seals every provider key to it the moment the key arrives. After a change
 * of the pair the one before still opens what was sealed to it.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "aid.h"
#include "log.h"
#include "provider.h"
#include "xmalloc.h"

/* The pair before: as configured, or as mastctl leaves it while it changes
 * the pair. A service manager that has none hands over a file that is no
 * key. NULL: there is none. */
static char *
old_path(const struct aid *aid)
{
	struct stat st;
	char *path;

	if (aid->conf.old_key != NULL)
		return xstrdup(aid->conf.old_key);
	path = aid->conf.key != NULL ? xasprintf("%s.old", aid->conf.key) :
	    conf_secret_path(aid->conf.suite.state_dir, "aid.key.old");
	if (stat(path, &st) == 0 && st.st_size >= SECRET_KEY)
		return path;
	free(path);
	return NULL;
}

int
keyring_load(struct aid *aid, struct buf *err_r)
{
	char *path = aid->conf.key != NULL ? xstrdup(aid->conf.key) :
	    conf_secret_path(aid->conf.suite.state_dir, "aid.key");

	aid->key = secret_key_load(path, err_r);
	free(path);
	if (aid->key == NULL)
		return -1;
	secret_box_public(aid->key, aid->pub);
	if ((path = old_path(aid)) == NULL)
		return 0;
	aid->old_key = secret_key_load(path, err_r);
	free(path);
	return aid->old_key != NULL ? 0 : -1;
}

int
keyring_open(const struct aid *aid, struct slice sealed, struct buf *out)
{
	if (secret_box_open(aid->key, sealed.p, sealed.n, out) == 0)
		return 0;
	if (aid->old_key == NULL)
		return -1;
	return secret_box_open(aid->old_key, sealed.p, sealed.n, out);
}

int
keyring_reseal(const struct aid *aid, struct slice sealed, struct buf *out)
{
	struct buf key = BUF_INIT;
	int r = keyring_open(aid, sealed, &key);

	if (r == 0)
		secret_box_seal(aid->pub, buf_head(&key), buf_used(&key),
		    out);
	provider_wipe(&key);
	return r;
}

void
keyring_forget(struct aid *aid)
{
	if (aid->old_key == NULL)
		return;
	secret_key_free(aid->old_key);
	aid->old_key = NULL;
	log_info("the key pair before the present one is forgotten");
}

void
keyring_free(struct aid *aid)
{
	secret_key_free(aid->key);
	if (aid->old_key != NULL)
		secret_key_free(aid->old_key);
}
