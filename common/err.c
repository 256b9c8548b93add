/* err: the one table behind enum err. Owns names, statuses and titles. */
#include "err.h"
#include "xmalloc.h"

static const struct err_info errs[ERR__MAX] = {
	[ERR_OK] = { "ok", 200, "ok", "Success" },
	[ERR_BAD_REQUEST] = { "bad_request", 400, "bad-request",
	    "The request is malformed" },
	[ERR_BAD_JSON] = { "bad_json", 400, "bad-json",
	    "The body is not valid JSON" },
	[ERR_BAD_QUERY] = { "bad_query", 400, "bad-query",
	    "A query parameter is not acceptable" },
	[ERR_UNAUTHENTICATED] = { "unauthenticated", 401, "unauthenticated",
	    "A valid session is required" },
	[ERR_BAD_CREDENTIALS] = { "bad_credentials", 401, "bad-credentials",
	    "The sign-in was refused" },
	[ERR_CSRF] = { "csrf", 403, "csrf",
	    "The X-CSRF-Token header is missing or wrong" },
	[ERR_FORBIDDEN] = { "forbidden", 403, "forbidden",
	    "The role does not allow this" },
	[ERR_NODE_FORBIDDEN] = { "node_forbidden", 403, "node-forbidden",
	    "The node is not among those this user may access" },
	[ERR_ORIGIN] = { "origin", 403, "origin",
	    "The Origin header names a foreign site" },
	[ERR_NOT_FOUND] = { "not_found", 404, "not-found",
	    "There is no such resource" },
	[ERR_METHOD] = { "method", 405, "method-not-allowed",
	    "The method is not allowed here" },
	[ERR_NOT_ACCEPTABLE] = { "not_acceptable", 406, "not-acceptable",
	    "No representation matches the Accept header" },
	[ERR_TIMEOUT] = { "timeout", 408, "timeout",
	    "The request took too long to arrive" },
	[ERR_CONFLICT] = { "conflict", 409, "conflict",
	    "The present state does not allow this" },
	[ERR_DUPLICATE] = { "duplicate", 409, "duplicate",
	    "A unique value is already taken" },
	[ERR_PRECONDITION] = { "precondition", 412, "precondition-failed",
	    "The resource has changed since it was read" },
	[ERR_TOO_LARGE] = { "too_large", 413, "too-large",
	    "The body is larger than allowed" },
	[ERR_URI_TOO_LONG] = { "uri_too_long", 414, "uri-too-long",
	    "The request target is longer than allowed" },
	[ERR_MEDIA_TYPE] = { "media_type", 415, "media-type",
	    "The body's media type is not supported" },
	[ERR_EXPECTATION] = { "expectation", 417, "expectation-failed",
	    "The expectation cannot be met" },
	[ERR_INVALID] = { "invalid", 422, "invalid",
	    "A member of the request breaks its rule" },
	[ERR_NODE_REFUSED] = { "node_refused", 422, "node-refused",
	    "The node refused the command" },
	[ERR_UPGRADE] = { "upgrade", 426, "upgrade-required",
	    "A WebSocket upgrade is required" },
	[ERR_RATE_LIMITED] = { "rate_limited", 429, "rate-limited",
	    "Too many requests" },
	[ERR_HEADERS_TOO_LARGE] = { "headers_too_large", 431,
	    "headers-too-large", "The header fields are larger than allowed" },
	[ERR_INTERNAL] = { "internal", 500, "internal",
	    "An internal error occurred" },
	[ERR_NOT_IMPLEMENTED] = { "not_implemented", 501, "not-implemented",
	    "The method or transfer coding is not implemented" },
	[ERR_NODE_OFFLINE] = { "node_offline", 502, "node-offline",
	    "The node is not connected" },
	[ERR_NODE_LOST] = { "node_lost", 502, "node-lost",
	    "The node left before it answered" },
	[ERR_UNAVAILABLE] = { "unavailable", 503, "unavailable",
	    "The service is not able to answer now" },
	[ERR_DATABASE] = { "database", 503, "database-away",
	    "The database is not reachable" },
	[ERR_HUB_AWAY] = { "hub_away", 503, "hub-away",
	    "The node service is not reachable" },
	[ERR_AI_AWAY] = { "ai_away", 503, "ai-away",
	    "The AI service is not reachable" },
	[ERR_NODE_TIMEOUT] = { "node_timeout", 504, "node-timeout",
	    "The node did not answer in time" },
	[ERR_HTTP_VERSION] = { "http_version", 505, "http-version",
	    "The HTTP version is not supported" },
	[ERR_PROTOCOL] = { "protocol", 500, "internal",
	    "A peer broke the protocol" },
	[ERR_PEER_GONE] = { "peer_gone", 503, "unavailable",
	    "A peer closed its channel" },
	[ERR_EXPIRED] = { "expired", 401, "unauthenticated",
	    "The credential has expired" },
	[ERR_LOCKED] = { "locked", 429, "rate-limited",
	    "Too many failed attempts" },
	[ERR_FULL] = { "full", 503, "unavailable",
	    "A bounded queue is full" },
	[ERR_CANCELLED] = { "cancelled", 409, "conflict",
	    "The operation was cancelled" },
	[ERR_KEY_REUSED] = { "key_reused", 422, "idempotency-key-reused",
	    "The idempotency key was used for another request" },
	[ERR_IN_PROGRESS] = { "in_progress", 409, "in-progress",
	    "A request with this idempotency key is in progress" },
	[ERR_TOTP] = { "totp", 401, "totp-required",
	    "A code of the second factor is required" },
	[ERR_ANSWER_LOST] = { "answer_lost", 409, "answer-lost",
	    "The request was carried out and its answer was not kept" },
};

const struct err_info *
err_info(enum err e)
{
	if ((unsigned)e >= nitems(errs) || errs[e].name == NULL)
		return &errs[ERR_INTERNAL];
	return &errs[e];
}

enum err
err_from_status(int status)
{
	unsigned i;

	for (i = 0; i < nitems(errs); i++)
		if (errs[i].status == status)
			return (enum err)i;
	return ERR_INTERNAL;
}
