/* conf: the table of the keys that aid reads. */
#include <stddef.h>

#include "aid.h"
#include "xmalloc.h"

#define OFF(m) offsetof(struct aid_conf, m)
#define URL(i, name, def, help)						\
	{ "aid", name "_url", CONF_STRING, OFF(url[i]), def, 0, 512,	\
	  false, help }
#define MODEL(i, name, def)						\
	{ "aid", name "_model", CONF_STRING, OFF(model[i]), def, 0,	\
	  MSG_AI_MODEL_MAX, false, "model when the user prefers none" }
#define NUMBER(name, def, min, max, help)				\
	{ "aid", #name, CONF_INT, OFF(name), def, min, max, false, help }
#define OPENAI_URL	"https://api.openai.com/v1"
#define ANTHROPIC_URL	"https://api.anthropic.com/v1"
#define GEMINI_URL	"https://generativelanguage.googleapis.com/v1beta"

static const struct conf_key keys[] = {
	CONF_SUITE_ROWS,
	{ "aid", "key", CONF_PATH, OFF(key), "", 0, 0, false,
	  "secret half of the key pair; empty: state_dir/aid.key" },
	{ "aid", "resolvers", CONF_STRING, OFF(resolvers), "", 0, 512, false,
	  "DNS servers, ip[:port] with commas; empty: /etc/resolv.conf" },
	{ "aid", "selftest_name", CONF_STRING, OFF(selftest_name),
	  "localhost", 0, 253, false,
	  "host name that the self-test looks up" },
	{ "aid", "old_key", CONF_PATH, OFF(old_key), "", 0, 0, false,
	  "secret half that was replaced: keys sealed to it still open" },
	{ "aid", "ca_file", CONF_PATH, OFF(ca_file), "", 0, 0, false,
	  "root certificates of providers, PEM; empty: the system's" },
	URL(0, "openai", OPENAI_URL, "base URL; empty: switched off"),
	MODEL(0, "openai", "gpt-4.1"),
	URL(1, "anthropic", ANTHROPIC_URL, "base URL; empty: switched off"),
	MODEL(1, "anthropic", "claude-sonnet-4-6"),
	URL(2, "gemini", GEMINI_URL, "base URL; empty: switched off"),
	MODEL(2, "gemini", "gemini-2.5-flash"),
	URL(3, "compatible", "", "base URL of an endpoint of your own that "
	    "speaks like OpenAI's"),
	MODEL(3, "compatible", ""),
	{ "aid", "compatible_key", CONF_BOOL, OFF(compatible_key), "no", 0,
	  0, false, "does that endpoint need a key?" },
	{ "aid", "allow_private", CONF_BOOL, OFF(allow_private), "no", 0, 0,
	  false, "may base URLs of your own lead to private addresses?" },
	NUMBER(connect_ms, "10000", 100, 60000,
	    "milliseconds to connect to a provider"),
	NUMBER(first_byte_ms, "120000", 100, 600000,
	    "milliseconds until an answer begins"),
	NUMBER(idle_ms, "30000", 100, 600000,
	    "milliseconds of silence inside an answer"),
	NUMBER(calls_max, "16", 1, 256, "calls at the same time"),
	NUMBER(calls_each, "8", 1, 256,
	    "calls to one provider at the same time"),
	NUMBER(queue_max, "64", 1, 1024, "requests that wait for a call"),
	NUMBER(attempts_max, "4", 1, 10,
	    "calls for one request when a provider is busy"),
};

static const struct conf_table table = { keys, nitems(keys), "aid" };

const char *
aid_conf_url(size_t provider)
{
	static const char *const urls[PROVIDERS] = { OPENAI_URL,
	    ANTHROPIC_URL, GEMINI_URL, "" };

	return urls[provider];
}

const struct conf_table *
aid_conf_table(void)
{
	return &table;
}
