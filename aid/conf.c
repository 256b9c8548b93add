/* conf: the table of the keys that aid reads. */
#include <stddef.h>

#include "aid.h"
#include "xmalloc.h"

#define OFF(m) offsetof(struct aid_conf, m)

static const struct conf_key keys[] = {
	CONF_SUITE_ROWS,
	{ "aid", "key", CONF_PATH, OFF(key), "", 0, 0, false,
	  "secret half of the key pair; empty: state_dir/aid.key" },
	{ "aid", "resolvers", CONF_STRING, OFF(resolvers), "", 0, 512, false,
	  "DNS servers, ip[:port] with commas; empty: /etc/resolv.conf" },
	{ "aid", "selftest_name", CONF_STRING, OFF(selftest_name),
	  "localhost", 0, 253, false,
	  "host name that the self-test looks up" },
};

static const struct conf_table table = { keys, nitems(keys), "aid" };

const struct conf_table *
aid_conf_table(void)
{
	return &table;
}
