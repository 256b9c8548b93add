/*
 * h_health: /livez is true while the loop turns; /readyz asks for what a
 * request needs. aid away is named, but only AI answers lack it.
 */
#include <stdio.h>

#include "ai.h"
#include "apid.h"
#include "auth.h"
#include "certs.h"
#include "db.h"
#include "h_health.h"
#include "hub.h"
#include "json.h"
#include "req.h"

#define DB_AWAY		"PostgreSQL is away"
#define HUB_AWAY	"hubd is away"

void
h_health(struct req *r)
{
	char text[160];
	int n;

	n = snprintf(text, sizeof(text), "{\"status\":\"ok\","
	    "\"service\":\"mastkeeper\",\"version\":\"%s\","
	    "\"self_signed_cert\":%s}", APID_VERSION,
	    r->apid->self_signed ? "true" : "false");
	req_json(r, 200, (struct slice){ text, (size_t)n });
}

void
h_health_live(struct req *r)
{
	req_json(r, 200, SLICE("{\"status\":\"ok\"}"));
}

static void
put_check(struct json_w *w, const char *name, bool ok, const char *why)
{
	json_w_key(w, name);
	json_w_object(w);
	json_w_key(w, "ok");
	json_w_bool(w, ok);
	if (!ok) {
		json_w_key(w, "detail");
		json_w_str(w, why);
	}
	json_w_end_object(w);
}

static bool
certificate_good(const struct apid *a)
{
	return a->certs == NULL || (certs_fault(a->certs) == NULL &&
	    certs_days_left(a->certs) >= 0);
}

/* Its last month is told while it is good still. */
static void
put_certificate(struct json_w *w, const struct apid *a)
{
	bool good = certificate_good(a);
	char text[64];

	json_w_key(w, "certificate");
	json_w_object(w);
	json_w_key(w, "ok");
	json_w_bool(w, good);
	if (a->certs != NULL && certs_fault(a->certs) != NULL) {
		json_w_key(w, "detail");
		json_w_str(w, certs_fault(a->certs));
	} else if (!good) {
		json_w_key(w, "detail");
		json_w_str(w, "the certificate has expired");
	} else if (a->certs != NULL && certs_days_left(a->certs) <= 30) {
		snprintf(text, sizeof(text), "the certificate has %lld days "
		    "left", (long long)certs_days_left(a->certs));
		json_w_key(w, "detail");
		json_w_str(w, text);
	}
	json_w_end_object(w);
}

const char *
h_health_lacks(const struct apid *a)
{
	const char *refusal = db_refusal(a->db);

	if (a->stopping)
		return "apid is stopping";
	if (refusal != NULL)
		return refusal;
	if (!db_up(a->db) || !auth_ready(a->auth))
		return DB_AWAY;
	return hub_up(a->hub) ? NULL : HUB_AWAY;
}

void
h_health_ready(struct req *r)
{
	struct apid *a = r->apid;
	const char *refusal = db_refusal(a->db);
	bool db = db_up(a->db) && auth_ready(a->auth), hub = hub_up(a->hub);
	bool ready = h_health_lacks(a) == NULL;
	struct buf b = BUF_INIT;
	struct slice members;
	struct json_w w;

	json_w_init(&w, &b);
	json_w_object(&w);
	json_w_key(&w, "ready");
	json_w_bool(&w, ready);
	json_w_key(&w, "degraded");
	json_w_bool(&w, ready && !(ai_up(a->ai) && certificate_good(a)));
	json_w_key(&w, "checks");
	json_w_object(&w);
	put_check(&w, "database", db, DB_AWAY);
	put_check(&w, "schema", refusal == NULL, refusal);
	put_check(&w, "hub", hub, HUB_AWAY);
	put_check(&w, "aid", ai_up(a->ai), "aid is away");
	put_certificate(&w, a);
	json_w_end_object(&w);
	json_w_end_object(&w);
	members = (struct slice){ (const char *)buf_head(&b) + 1,
	    buf_used(&b) - 2 };
	if (ready)
		req_json(r, 200, (struct slice){ members.p - 1,
		    members.n + 2 });
	else
		req_fail_with(r, db && hub ? ERR_UNAVAILABLE : db ?
		    ERR_HUB_AWAY : ERR_DATABASE, NULL, members);
	buf_free(&b);
}
