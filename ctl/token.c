/* token: lists and ends API tokens; only users make them. */
#include "owned.h"
#include "token.h"
#include "xmalloc.h"

enum { LIST_USER };

int
token_list(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "TOKEN" },
		{ "username", OUT_TEXT, "USER" },
		{ "name", OUT_TEXT, "NAME" },
		{ "max_role", OUT_TEXT, "ROLE" },
		{ "read_only", OUT_BOOL, "READ ONLY" },
		{ "node_ids", OUT_JSON, NULL },
		{ "valid", OUT_BOOL, "VALID" },
		{ "created_at", OUT_TEXT, NULL },
		{ "expires_at", OUT_TEXT, "EXPIRES" },
		{ "last_used_at", OUT_TEXT, "LAST USED" },
	};

	return owned_list(ctl, STMT_TOKEN_LIST, a->opt[LIST_USER], cols,
	    nitems(cols));
}

int
token_revoke(struct ctl *ctl, const struct ctl_args *a)
{
	static const struct out_col cols[] = {
		{ "id", OUT_TEXT, "token" },
		{ "username", OUT_TEXT, "user" },
		{ "name", OUT_TEXT, "name" },
	};

	return owned_end(ctl, STMT_TOKEN_REVOKE, "token", a->v[0], cols,
	    nitems(cols));
}
