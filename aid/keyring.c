/*
 * keyring: aid's key pair. The secret half stays in guarded memory and in
 * this process; the public half goes to apid in the hello, and apid seals
 * every provider key to it the moment the key arrives.
 */
#include "aid.h"

int
keyring_load(struct aid *aid, struct buf *err_r)
{
	struct buf path = BUF_INIT;

	if (aid->conf.key != NULL)
		buf_puts(&path, aid->conf.key);
	else
		buf_printf(&path, "%s/aid.key", aid->conf.suite.state_dir);
	aid->key = secret_key_load(buf_cstr(&path), err_r);
	buf_free(&path);
	if (aid->key == NULL)
		return -1;
	secret_box_public(aid->key, aid->pub);
	return 0;
}
