/* json-c's side of bench-scan, apart from our json.h: both have json_type. */
#include <json-c/json.h>

#include "scan.h"

struct json_tokener *
scan_jsonc_new(void)
{
	return json_tokener_new_ex(64);
}

void
scan_jsonc_free(struct json_tokener *tok)
{
	json_tokener_free(tok);
}

bool
scan_jsonc(struct json_tokener *tok, const char *p, size_t n)
{
	struct json_object *o;

	json_tokener_reset(tok);
	o = json_tokener_parse_ex(tok, p, (int)n);
	json_object_put(o);
	return o != NULL;
}
