/*
 * stmt: every SQL text of apid, and nowhere else. Each mutation and its
 * audit row are one statement; reads let PostgreSQL build the JSON. One
 * table a family, stmt_<family>.c; a number is family and row (db.h).
 */
#ifndef APID_STMT_H
#define APID_STMT_H

#include <stddef.h>

#include "buf.h"
#include "db.h"

enum stmt_family {
	STMT_CORE	= 0 << 8,
	STMT_NODE	= 1 << 8,
	STMT_EVENT	= 2 << 8,
	STMT_SYSTEM	= 4 << 8,
	STMT_USER	= 3 << 8,
	STMT_AUDIT	= 5 << 8,
	STMT_PLACE	= 6 << 8,
	STMT_TUNNEL	= 8 << 8,
	STMT_COMMAND	= 9 << 8,
	STMT_ENROL	= 10 << 8,
	STMT_ALARM	= 11 << 8,
	STMT_HISTORY	= 12 << 8,
	STMT_CONFIG	= 13 << 8,
	STMT_EXPORT	= 7 << 8,
	STMT_AI		= 14 << 8,
};

enum stmt {			/* the order of the tables */
	/* stmt_core.c */
	STMT_VERSIONS = STMT_CORE,		/* () name, value */
	STMT_SETTINGS,		/* () key, value */
	STMT_LOGIN_USER,	/* (name) id, phc, why not or NULL, user,
				 * second factor, its last step */
	STMT_LOGIN_FAILED,	/* (name, user, why, address, request) audit */
	STMT_SESSION_OPEN,	/* (user, session, hash, address, agent,
				 * request, step, recovery hash) ends,
				 * lifetime; audit */
	STMT_SESSION_LOOKUP,	/* (hash) what a who is made from */
	STMT_TOKEN_LOOKUP,	/* (hash) the same, of an API token */
	STMT_SESSION_CLOSE,	/* (hash, address, request) and audit */
	STMT_ME,		/* (hash, csrf) the caller as JSON */
	STMT_KEY_FIND,		/* (key, hash) see once.c */
	STMT_KEY_CLAIM,		/* (key, hash, request) in front of a write */
	STMT_KEY_DONE,		/* (key, request, status, answer) */
	STMT_FACTORS,		/* (user) hash, factor, last step, pending */
	STMT_PROOF_FAILED,	/* (what, address, request) audit */
	STMT_SELF_PASSWORD,	/* see the text: id */
	STMT_TOTP_STATE,	/* () json */
	STMT_TOTP_ENROL,	/* (secret, address, request) id; none: has one */
	STMT_TOTP_CONFIRM,	/* see the text: id; none: has one */
	STMT_TOTP_DISABLE,	/* see the text: id; none: the code is used */
	STMT_LINK_PASSWORD,	/* (link's hash, phc, address, request) user
				 * name or NULL; audit */
	STMT_CORE__END,

	/* stmt_node.c */
	STMT_NODE_LIST = STMT_NODE, /* (type, access, status, LIKE) json */
	STMT_NODE_PAGE,		/* (... limit, name, id) json, name, id */
	STMT_NODE_GET,		/* (node, access) json, version */
	STMT_NODE_CREATE,	/* see the text: json, version, id */
	STMT_NODE_UPDATE,	/* see the text: json, version, found */
	STMT_NODE_DELETE,	/* see the text: json, version, found */
	STMT_NODE_TOKEN,	/* (node, access, hash, address, request id,
				 * seconds) */
	STMT_NODE_TYPE,		/* (node, access) device type */
	STMT_CONFIG_GET,	/* (node, access) sealed, hash, age, time,
				 * device_type */
	STMT_ENDPOINTS,		/* (access, name, node, types) node, name,
				 * type, sealed, hash: a page after those */
	STMT_NODE__END,

	/* stmt_event.c */
	STMT_EVENT_LIST = STMT_EVENT,	/* see the text: json */
	STMT_EVENT_PAGE,	/* see the text: json, time, id */
	STMT_EVENT_GET,		/* (event, access) json */
	STMT_EVENT_ACK,		/* (event, access, address, request, note) id */
	STMT_EVENT_ACK_BULK,	/* see the text: json */
	STMT_EVENT_COUNT,	/* (access) json */
	STMT_FEED_START,	/* () number of an event, of a change */
	STMT_FEED_NEWS,		/* (event, gaps from, to, change, gaps from,
				 * to) kind, number, node, json, left out */
	STMT_EVENT__END,

	/* stmt_system.c */
	STMT_SETTINGS_GET = STMT_SYSTEM,	/* () json, version */
	STMT_SETTINGS_PUT,	/* see the text: version; no row: stale */
	STMT_CERT_USE,		/* () the pair in use, for certs */
	STMT_CERT_EXPIRY,	/* see certs.h */
	STMT_CERT_UPLOAD,	/* see the text: id */
	STMT_CERT_RESTORE,	/* (address, request) done, kept, source */
	STMT_HUBS_LOST,		/* () name, nodes: of each that was found */
	STMT_SYSTEM__END,
	/* stmt_user.c */
	STMT_USER_LIST = STMT_USER,	/* () json */
	STMT_USER_GET,		/* (user) json, version */
	STMT_USER_CREATE,	/* see the text: json, version, id */
	STMT_USER_UPDATE,	/* see the text: json, version, found, below */
	STMT_USER_PASSWORD,	/* the same, and a new password */
	STMT_USER_DELETE,	/* see the text: as above */
	STMT_API_TOKEN_LIST,	/* (user) json */
	STMT_API_TOKEN_CREATE,	/* see the text: json, id; no row: too many */
	STMT_API_TOKEN_DELETE,	/* see the text: below */
	STMT_API_TOKEN_ME,	/* () the caller as JSON */
	STMT_SELF_UPDATE,	/* see the text: json, version, found, below */
	STMT_TOTP_RESET,	/* (user, access, address, request) below */
	STMT_SESSION_LIST,	/* (user, own session) json, user found */
	STMT_SESSION_END,	/* see the text: below, how many */
	STMT_USER__END,

	/* stmt_audit.c */
	STMT_AUDIT_LIST = STMT_AUDIT,	/* see the text: json, key */
	STMT_AUDIT_LINES,	/* see the text: JSON lines, key; audit */
	STMT_AUDIT_CSV,		/* see the text: CSV lines, key; audit */
	STMT_AUDIT_REFUSED,	/* see the text: audit */
	STMT_AUDIT__END,

	/* stmt_place.c */
	STMT_PREFERENCE_GET = STMT_PLACE,	/* (key) json */
	STMT_PREFERENCE_PUT,	/* (key, value, address, request id) key */
	STMT_PREFERENCE_DELETE,	/* (key, address, request id) key */
	STMT_POSITIONS_GET,	/* (view, access) json */
	STMT_POSITIONS_PUT,	/* see the text: a node that may not be */
	STMT_POSITIONS_DELETE,	/* (view, address, request id) nodes */
	STMT_PLACE__END,

	/* stmt_command.c */
	STMT_COMMAND_OPEN = STMT_COMMAND,	/* see the text: node, id */
	STMT_CONFIG_PUSH,	/* the same with a configuration */
	STMT_COMMAND_LIST,	/* see the text: json, key, node is there */
	STMT_COMMAND_GET,	/* (command, node, access) json */
	STMT_COMMAND_CANCEL,	/* (command, node, access, address, request)
				 * state before, cancelled */
	STMT_BULK_PICK,		/* (nodes or NULL, access, type, status, LIKE
				 * pattern) node, name, type, status */
	STMT_BULK_OPEN,		/* see the text: command */
	STMT_COMMAND_KEPT,	/* (command) id, and it is on the disk */
	STMT_COMMAND__END,

	/* stmt_tunnel.c */
	STMT_TUNNEL_LIST = STMT_TUNNEL,		/* (access) json */
	STMT_TUNNEL_OF_NODE,	/* (node, access) json */
	STMT_TUNNEL_GET,	/* (id, access) json, version, whether pushes
				 * are on their way, warnings or NULL */
	STMT_TUNNEL_ENDS,	/* (ingress, egress, relay, access) types of
				 * the three, relay's address, configurations
				 * of ingress and egress: sealed, hash, stale */
	STMT_TUNNEL_READ,	/* (id, access) mode, protocol, ingress, port,
				 * relay, own, configuration of the ingress */
	STMT_TUNNEL_CREATE,	/* see the text: id */
	STMT_TUNNEL_UPDATE,	/* see the text: id, found, own */
	STMT_TUNNEL_DELETE,	/* see the text: id, found, own */
	STMT_TUNNEL__END,

	/* stmt_enrol.c */
	STMT_QUARANTINE = STMT_ENROL, /* see the text: json, version, found */
	STMT_RELEASE,		/* see the text: json, version, found */
	STMT_SECRET_ROTATE,	/* see the text: node, command, why not */
	STMT_ENROL__END,

	/* stmt_export.c */
	STMT_EXPORT_OPEN = STMT_EXPORT,	/* (address, request, events, days,
				 * audit, secrets) time, user; audit */
	STMT_EXPORT_SECTION,	/* (section, days) */
	STMT_EXPORT_FETCH,	/* (n) row */
	STMT_IMPORT_BEGIN,	/* () whether it may */
	STMT_IMPORT_STAGE,	/* (section, first, rows) */
	STMT_IMPORT_APPLY,	/* (mode, address, request) report, whether it
				 * has conflicts, these; audit */
	STMT_EXPORT__END,

	/* stmt_alarm.c */
	STMT_ALARM_LIST = STMT_ALARM,	/* see the text: json, time, id */
	STMT_ALARM_ACK,		/* (alarm, access, address, request, note) json */
	STMT_ALARM__END,

	/* stmt_history.c */
	STMT_METRICS = STMT_HISTORY,	/* see the text: wrong, why, json */
	STMT_STATES,		/* (node, access, range) json */
	STMT_HISTORY__END,

	/* stmt_ai.c */
	STMT_AI_KEYS = STMT_AI,	/* (aid's key) json */
	STMT_AI_KEY_PUT,	/* see the text: id */
	STMT_AI_KEY_DELETE,	/* (provider, address, request) how many */
	STMT_AI_OPEN,		/* see the text */
	STMT_AI_CLOSE,		/* see the text: proposal, expires */
	STMT_AI_USAGE,		/* (calls, tokens, days) json */
	STMT_PROPOSAL_LIST,	/* (state, access, limit, key) json, key */
	STMT_PROPOSAL_GET,	/* see the text */
	STMT_PROPOSAL_CLAIM,	/* (id, address, request) id; none: not open */
	STMT_PROPOSAL_END,	/* see the text: id, inverse */
	STMT_PROPOSAL_DISMISS,	/* (id, address, request) state, done */
	STMT_AI__END,

	/* stmt_config.c */
	STMT_VERSION_LIST = STMT_CONFIG, /* see the text: json, id, found */
	STMT_VERSION_GET,	/* (node, access, version) sealed, hash */
	STMT_CONFIG_PAIR,	/* see the text */
	STMT_DRIFT_ADOPT,	/* see the text: node; none: it moved */
	STMT_DRIFT_IGNORE,	/* see the text: node; none: it moved */
	STMT_CONFIG__END,
};

extern const struct db_stmt stmt_core[], stmt_node[], stmt_event[];
extern const struct db_stmt stmt_enrol[], stmt_alarm[], stmt_history[];
extern const struct db_stmt stmt_config[];
extern const struct db_stmt stmt_user[], stmt_system[], stmt_audit[];
extern const struct db_stmt stmt_place[], stmt_tunnel[], stmt_command[];
extern const struct db_stmt stmt_export[], stmt_ai[];

const struct db_part *stmt_parts(size_t *n_r);
unsigned stmt_flags(unsigned stmt);	/* DB_READ and so on */
void stmt_dump(struct buf *);	/* --statements */

#endif
