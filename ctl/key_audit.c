/*
 * key_audit: a new key that signs the audit. Its public half is trusted
 * before it signs anything; that of the old one stays for what it signed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db.h"
#include "key.h"
#include "keyfile.h"
#include "pg.h"
#include "proc.h"
#include "seal.h"
#include "secret.h"
#include "service.h"
#include "str.h"
#include "xmalloc.h"

#define PUB_MAX 8192

/* hubd reads so many and no more. */
static int
room(struct ctl *ctl, const char *pub)
{
	struct seal_keys keys = { .n = 0 };
	struct buf text = BUF_INIT, err = BUF_INIT;
	int code = CTL_OK;

	if (access(pub, F_OK) == -1)
		return CTL_OK;
	if (proc_read_file(pub, PUB_MAX, &text, &err) == -1)
		code = ctl_fail(ctl, CTL_CONFIG, "%s", buf_cstr(&err));
	else if (seal_keys_parse(&keys, buf_slice(&text), &err) == -1)
		code = ctl_fail(ctl, CTL_CONFIG, "%s: %s", pub,
		    buf_cstr(&err));
	else if (keys.n + 2 > SEAL_KEYS)
		code = ctl_fail(ctl, CTL_REFUSED, "%s has %zu keys and takes "
		    "no more", pub, keys.n);
	buf_free(&text);
	buf_free(&err);
	return code;
}

/* The new one in the place of the old; hex_r says which it is. */
static int
replace(struct ctl *ctl, const char *file, const char *pub,
    char hex_r[2 * SECRET_KEY + 1])
{
	char *fresh = xasprintf("%s.new", file);
	struct buf err = BUF_INIT;
	struct secret_key *key = NULL;
	uint8_t raw[SECRET_KEY];
	int code = CTL_OK;

	(void)unlink(fresh);	/* of one that was interrupted */
	if (secret_key_create(fresh) == -1)
		code = ctl_fail(ctl, CTL_FAILED, "%s: %s", fresh,
		    strerror(errno));
	else if ((key = secret_key_load(fresh, &err)) == NULL ||
	    keyfile_public(pub, key, &err) == -1)
		code = ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&err));
	else if (rename(fresh, file) == -1)
		code = ctl_fail(ctl, CTL_FAILED, "%s: %s", file,
		    strerror(errno));
	if (code == CTL_OK) {
		secret_sign_public(key, raw);
		str_hex(hex_r, raw, sizeof(raw));
	} else
		(void)unlink(fresh);
	secret_key_free(key);
	buf_free(&err);
	free(fresh);
	return code;
}

static int
rotate(struct ctl *ctl, struct db_sync *db, const char *file, const char *pub)
{
	static const char *const hubd[] = { "mastkeeper-hubd.service", NULL };
	char hex[2 * SECRET_KEY + 1], *details;
	int code;

	if ((!service_managed(ctl) &&
	    (code = key_quiet(ctl, db)) != CTL_OK) ||
	    (code = room(ctl, pub)) != CTL_OK ||
	    (code = replace(ctl, file, pub, hex)) != CTL_OK ||
	    (code = key_restart(ctl, hubd)) != CTL_OK)
		return code;
	details = xasprintf("{\"public\":\"%s\"}", hex);
	code = key_note(ctl, db, "audit", details);
	free(details);
	if (code != CTL_OK)
		return code;
	ctl_say(ctl, "the audit is signed by a new key from now on; its "
	    "public half, also in %s:\n%s", pub, hex);
	if (ctl->json)
		printf("{\"key\":\"audit\",\"public\":\"%s\"}\n", hex);
	return CTL_OK;
}

int
key_audit(struct ctl *ctl, const struct ctl_args *a)
{
	char *file = xasprintf("%s/audit.key", ctl->conf.suite.state_dir);
	char *pub = xasprintf("%s/audit.pub", ctl->conf.suite.state_dir);
	struct db_sync *db = NULL;
	int code;

	(void)a;
	if (access(file, F_OK) == -1)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "there is no %s; run: "
		    "mastctl setup", file);
	else if ((db = pg_begin(ctl)) == NULL)
		code = CTL_UNAVAILABLE;
	else
		code = rotate(ctl, db, file, pub);
	if (db != NULL)
		db_sync_close(db);
	free(file);
	free(pub);
	return code;
}
