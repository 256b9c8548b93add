/*
 * keyring: aid's key pair. The secret half stays in guarded memory and in
 * this process; the public half goes to apid in the hello, and apid seals
 * every provider key to it the moment the key arrives.
 */
#include <stdlib.h>

#include "aid.h"
#include "xmalloc.h"

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
	return 0;
}
