/*
 * routes: every method and path of the daemon, with the authority that it
 * takes. A review of who may do what is a review of this table; its text
 * form is pinned by a test.
 */
#include "h_alarm.h"
#include "h_ai.h"
#include "h_ai_key.h"
#include "h_audit.h"
#include "h_auth.h"
#include "h_bulk.h"
#include "h_command.h"
#include "h_config.h"
#include "h_dashboard.h"
#include "h_endpoint.h"
#include "h_enrol.h"
#include "h_event.h"
#include "h_flow.h"
#include "h_export.h"
#include "h_health.h"
#include "h_import.h"
#include "h_link.h"
#include "h_history.h"
#include "h_node.h"
#include "h_page.h"
#include "h_place.h"
#include "h_problem.h"
#include "h_proposal.h"
#include "h_self.h"
#include "h_session.h"
#include "h_settings.h"
#include "h_token.h"
#include "h_tunnel.h"
#include "h_totp.h"
#include "h_user.h"
#include "h_version.h"
#include "h_thumb.h"
#include "h_tls.h"
#include "relay.h"
#include "route.h"
#include "xmalloc.h"

#define API "/api/v1"
#define KB(n) ((size_t)(n) * 1024)
/* The page for who has a session; others are led to the sign-in. */
#define ROUTE_PAGE (ROUTE_HTML | ROUTE_OPTIONAL)

static const struct route routes[] = {
	/* health */
	{ ROUTE_GET, "/health", ROLE_PUBLIC, ROUTE_FREE, 0, NULL, NULL,
	  h_health, "The service answers" },
	{ ROUTE_GET, "/livez", ROLE_PUBLIC, ROUTE_FREE, 0, NULL, NULL,
	  h_health_live, "The loop turns" },
	{ ROUTE_GET, "/readyz", ROLE_PUBLIC, ROUTE_FREE, 0, NULL, NULL,
	  h_health_ready, "Database, schema, hub and aid" },

	{ ROUTE_GET, API "/openapi.json", ROLE_PUBLIC, 0, 0, NULL, NULL,
	  h_page_openapi, "The description of all this" },

	/* sign-in */
	{ ROUTE_POST, API "/auth/login", ROLE_PUBLIC, ROUTE_NO_CSRF | ROUTE_FREE,
	  KB(8), &h_auth_login_body, &h_auth_login_size,
	  h_auth_login, "Sign in" },
	{ ROUTE_POST, API "/auth/logout", ROLE_VIEWER, ROUTE_SESSION, 0, NULL, NULL,
	  h_auth_logout, "Sign out" },
	{ ROUTE_GET, API "/auth/me", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_auth_me, "Who am I" },
	{ ROUTE_POST, API "/auth/login-form", ROLE_PUBLIC,
	  ROUTE_NO_CSRF | ROUTE_RAW_BODY | ROUTE_FREE, KB(8), NULL, NULL,
	  h_auth_login_form, "Sign in from a plain form" },
	{ ROUTE_POST, API "/auth/setup", ROLE_PUBLIC,
	  ROUTE_NO_CSRF | ROUTE_FREE, KB(8), &h_link_body, &h_link_size,
	  h_link, "The first password, by the link of mastctl setup" },
	{ ROUTE_PUT, API "/auth/me", ROLE_VIEWER, ROUTE_SESSION, KB(8),
	  &h_self_update_body, &h_self_update_size,
	  h_self_update, "Change one's profile" },
	{ ROUTE_POST, API "/auth/password", ROLE_VIEWER, ROUTE_SESSION, KB(8),
	  &h_self_password_body, &h_self_password_size,
	  h_self_password, "Change one's password" },
	{ ROUTE_GET, API "/auth/sessions", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_session_list, "List one's sessions" },
	{ ROUTE_DELETE, API "/auth/sessions", ROLE_VIEWER, ROUTE_SESSION, 0,
	  NULL, NULL, h_session_end_others, "End one's other sessions" },
	{ ROUTE_DELETE, API "/auth/sessions/:id", ROLE_VIEWER, ROUTE_SESSION,
	  0, NULL, NULL, h_session_end, "End one of one's sessions" },
	{ ROUTE_GET, API "/auth/totp", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_totp_get, "One's second factor" },
	{ ROUTE_POST, API "/auth/totp", ROLE_VIEWER, ROUTE_SESSION, KB(8),
	  &h_totp_enrol_body, &h_totp_size,
	  h_totp_enrol, "Enrol a second factor" },
	{ ROUTE_POST, API "/auth/totp/confirm", ROLE_VIEWER, ROUTE_SESSION,
	  KB(8), &h_totp_confirm_body, &h_totp_size,
	  h_totp_confirm, "Confirm it with a code" },
	{ ROUTE_POST, API "/auth/totp/disable", ROLE_VIEWER, ROUTE_SESSION,
	  KB(8), &h_totp_disable_body, &h_totp_size,
	  h_totp_disable, "Give up the second factor" },

	/* users */
	{ ROUTE_GET, API "/users", ROLE_ADMIN, ROUTE_ETAG, 0, NULL, NULL,
	  h_user_list, "List the users" },
	{ ROUTE_POST, API "/users", ROLE_ADMIN, ROUTE_SESSION, KB(512),
	  &h_user_create_body, &h_user_create_size,
	  h_user_create, "Add a user" },
	{ ROUTE_GET, API "/users/:id", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_user_get, "One user: oneself, or any for admins" },
	{ ROUTE_PUT, API "/users/:id", ROLE_ADMIN, ROUTE_SESSION, KB(512),
	  &h_user_update_body, &h_user_update_size,
	  h_user_update, "Change a user" },
	{ ROUTE_DELETE, API "/users/:id", ROLE_ADMIN, ROUTE_SESSION, 0, NULL,
	  NULL, h_user_delete, "Delete a user" },
	{ ROUTE_GET, API "/users/:id/sessions", ROLE_ADMIN, 0, 0, NULL, NULL,
	  h_session_user_list, "List a user's sessions" },
	{ ROUTE_DELETE, API "/users/:id/sessions", ROLE_ADMIN, ROUTE_SESSION,
	  0, NULL, NULL, h_session_user_end_all, "End a user's sessions" },
	{ ROUTE_DELETE, API "/users/:id/sessions/:session", ROLE_ADMIN,
	  ROUTE_SESSION, 0, NULL, NULL,
	  h_session_user_end, "End a user's session" },
	{ ROUTE_DELETE, API "/users/:id/totp", ROLE_ADMIN, ROUTE_SESSION, 0,
	  NULL, NULL, h_totp_reset, "Reset a user's second factor" },

	/* API tokens */
	{ ROUTE_GET, API "/tokens", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_token_list, "List one's API tokens, or a user's for admins" },
	{ ROUTE_POST, API "/tokens", ROLE_VIEWER, ROUTE_SESSION, KB(512),
	  &h_token_create_body, &h_token_create_size,
	  h_token_create, "Make an API token" },
	{ ROUTE_DELETE, API "/tokens/:id", ROLE_VIEWER, ROUTE_SESSION, 0, NULL,
	  NULL, h_token_delete, "End an API token" },

	/* nodes */
	{ ROUTE_GET, API "/device-types", ROLE_VIEWER, ROUTE_ETAG, 0, NULL,
	  NULL, h_node_types, "Kinds of node and their commands" },
	{ ROUTE_GET, API "/nodes", ROLE_VIEWER, ROUTE_ETAG, 0, NULL, NULL,
	  h_node_list, "List the caller's nodes" },
	{ ROUTE_POST, API "/nodes", ROLE_ADMIN, 0, KB(64),
	  &h_node_create_body, &h_node_create_size,
	  h_node_create, "Register a node" },
	{ ROUTE_GET, API "/nodes/endpoints", ROLE_VIEWER, ROUTE_ETAG, 0, NULL,
	  NULL, h_endpoint_list, "Flows of online edges with their addresses" },
	{ ROUTE_GET, API "/nodes/:id", ROLE_VIEWER, ROUTE_NODE, 0, NULL, NULL,
	  h_node_get, "One node" },
	{ ROUTE_PUT, API "/nodes/:id", ROLE_ADMIN, ROUTE_NODE, KB(64),
	  &h_node_update_body, &h_node_update_size,
	  h_node_update, "Change a node" },
	{ ROUTE_DELETE, API "/nodes/:id", ROLE_ADMIN, ROUTE_NODE, 0, NULL,
	  NULL, h_node_delete, "Delete a node" },
	{ ROUTE_POST, API "/nodes/:id/token", ROLE_ADMIN, ROUTE_NODE, 0, NULL,
	  NULL, h_node_token, "New registration token" },
	{ ROUTE_POST, API "/nodes/:id/quarantine", ROLE_ADMIN, ROUTE_NODE,
	  KB(8), &h_enrol_quarantine_body, &h_enrol_quarantine_size,
	  h_enrol_quarantine, "Keep a node out" },
	{ ROUTE_DELETE, API "/nodes/:id/quarantine", ROLE_ADMIN, ROUTE_NODE,
	  0, NULL, NULL, h_enrol_release, "Let a node in again" },
	{ ROUTE_POST, API "/nodes/:id/rotate-secret", ROLE_ADMIN, ROUTE_NODE,
	  0, NULL, NULL, h_enrol_rotate, "Give a node a new secret" },
	{ ROUTE_GET, API "/nodes/:id/config", ROLE_VIEWER, ROUTE_NODE, 0,
	  NULL, NULL, h_config_get, "The node's configuration" },
	{ ROUTE_GET, API "/nodes/:id/config/versions", ROLE_VIEWER, ROUTE_NODE,
	  0, NULL, NULL, h_version_list, "Configurations seen and pushed" },
	{ ROUTE_GET, API "/nodes/:id/config/versions/#version", ROLE_VIEWER,
	  ROUTE_NODE, 0, NULL, NULL, h_version_get, "One of them" },
	{ ROUTE_GET, API "/nodes/:id/config/diff", ROLE_VIEWER, ROUTE_NODE, 0,
	  NULL, NULL, h_version_diff, "What differs between two of them" },
	{ ROUTE_POST, API "/nodes/:id/config/restore", ROLE_OPERATOR,
	  ROUTE_NODE, KB(8), &h_version_restore_body, &h_version_restore_size,
	  h_version_restore, "Push one of them again" },
	{ ROUTE_GET, API "/nodes/:id/config/drift", ROLE_VIEWER, ROUTE_NODE, 0,
	  NULL, NULL, h_version_drift, "Is it as it was ordered" },
	{ ROUTE_POST, API "/nodes/:id/config/drift", ROLE_OPERATOR,
	  ROUTE_NODE, KB(8), &h_version_drift_body, &h_version_drift_size,
	  h_version_drift_act, "Adopt, push again or ignore drift" },
	{ ROUTE_GET, API "/nodes/:id/thumbnail", ROLE_VIEWER, ROUTE_NODE, 0,
	  NULL, NULL, h_thumb_get, "The newest picture of a flow" },
	{ ROUTE_GET, API "/nodes/:id/metrics", ROLE_VIEWER, ROUTE_NODE, 0,
	  NULL, NULL, h_history_metrics, "What the node measured" },
	{ ROUTE_GET, API "/nodes/:id/states", ROLE_VIEWER, ROUTE_NODE, 0,
	  NULL, NULL, h_history_states, "When the node was online" },
	{ ROUTE_PUT, API "/nodes/:id/config", ROLE_OPERATOR, ROUTE_NODE,
	  H_CONFIG_BODY, &h_config_body, &h_config_size,
	  h_config_put, "Replace the node's configuration" },
	{ ROUTE_POST, API "/nodes/:id/flows", ROLE_OPERATOR, ROUTE_NODE,
	  H_FLOW_BODY, &h_flow_body, &h_flow_size,
	  h_flow_create, "Create a flow" },
	{ ROUTE_DELETE, API "/nodes/:id/flows/*flow_id", ROLE_OPERATOR,
	  ROUTE_NODE, 0, NULL, NULL, h_flow_delete, "Delete a flow" },
	{ ROUTE_POST, API "/nodes/:id/command", ROLE_OPERATOR, ROUTE_NODE,
	  H_COMMAND_BODY, &h_command_body, &h_command_size,
	  h_command, "Send a command" },
	{ ROUTE_POST, API "/commands", ROLE_OPERATOR, 0, H_BULK_BODY,
	  &h_bulk_body, &h_bulk_size, h_bulk, "A command to many nodes" },
	{ ROUTE_GET, API "/nodes/:id/commands", ROLE_VIEWER, ROUTE_NODE, 0,
	  NULL, NULL, h_command_list, "The node's commands, newest first" },
	{ ROUTE_GET, API "/nodes/:id/commands/:command_id", ROLE_VIEWER,
	  ROUTE_NODE, 0, NULL, NULL, h_command_get, "One command" },
	{ ROUTE_DELETE, API "/nodes/:id/commands/:command_id", ROLE_OPERATOR,
	  ROUTE_NODE, 0, NULL, NULL,
	  h_command_cancel, "Cancel a command that is not sent yet" },

	/* events */
	{ ROUTE_GET, API "/events", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_event_list, "List events, newest first" },
	{ ROUTE_GET, API "/events/count", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_event_count, "Count open warnings and criticals" },
	{ ROUTE_POST, API "/events/ack", ROLE_OPERATOR, 0, KB(16),
	  &h_event_bulk_body, &h_event_bulk_size,
	  h_event_ack_bulk, "Acknowledge events by filter" },
	{ ROUTE_GET, API "/events/#id", ROLE_VIEWER, ROUTE_ETAG, 0, NULL,
	  NULL, h_event_get, "One event" },
	{ ROUTE_POST, API "/events/#id/ack", ROLE_OPERATOR, ROUTE_EMPTY,
	  KB(16), &h_event_ack_body, &h_event_ack_size,
	  h_event_ack, "Acknowledge an event" },

	/* alarms */
	{ ROUTE_GET, API "/alarms", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_alarm_list, "List alarms, newest first" },
	{ ROUTE_POST, API "/alarms/:id/ack", ROLE_OPERATOR, ROUTE_EMPTY,
	  KB(16), &h_alarm_ack_body, &h_alarm_ack_size,
	  h_alarm_ack, "Acknowledge an alarm" },

	/* audit */
	{ ROUTE_GET, API "/audit", ROLE_ADMIN, ROUTE_ACCEPT, 0, NULL, NULL,
	  h_audit, "Who did what, newest first" },

	/* what a person arranges for oneself */
	{ ROUTE_GET, API "/preferences/*key", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_place_get, "One preference of the caller" },
	{ ROUTE_PUT, API "/preferences/*key", ROLE_VIEWER, 0, H_PLACE_BODY,
	  &h_place_value_body, &h_place_value_size,
	  h_place_put, "Set a preference" },
	{ ROUTE_DELETE, API "/preferences/*key", ROLE_VIEWER, 0, 0, NULL,
	  NULL, h_place_delete, "Forget a preference" },
	{ ROUTE_GET, API "/topology/positions", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_place_positions, "Where the caller's nodes stand" },
	{ ROUTE_PUT, API "/topology/positions", ROLE_VIEWER, 0,
	  H_PLACE_VALUE_MAX, &h_place_positions_body, &h_place_positions_size,
	  h_place_positions_put, "Replace a view's positions" },
	{ ROUTE_DELETE, API "/topology/positions", ROLE_VIEWER, 0, 0, NULL,
	  NULL, h_place_positions_delete, "Forget a view's positions" },

	/* tunnels */
	{ ROUTE_GET, API "/tunnels", ROLE_OPERATOR, 0, 0, NULL, NULL,
	  h_tunnel_list, "List tunnels at the caller's nodes" },
	{ ROUTE_POST, API "/tunnels", ROLE_ADMIN, 0, KB(64),
	  &h_tunnel_create_body, &h_tunnel_create_size,
	  h_tunnel_create, "Make a tunnel" },
	{ ROUTE_GET, API "/tunnels/:id", ROLE_OPERATOR, 0, 0, NULL, NULL,
	  h_tunnel_get, "One tunnel" },
	{ ROUTE_PUT, API "/tunnels/:id", ROLE_ADMIN, 0, KB(64),
	  &h_tunnel_update_body, &h_tunnel_update_size,
	  h_tunnel_update, "Change or push again a tunnel" },
	{ ROUTE_DELETE, API "/tunnels/:id", ROLE_ADMIN, 0, 0, NULL, NULL,
	  h_tunnel_delete, "Delete a tunnel" },
	{ ROUTE_GET, API "/nodes/:id/tunnels", ROLE_OPERATOR, ROUTE_NODE, 0,
	  NULL, NULL, h_tunnel_of_node, "Tunnels at a node" },

	/* the installation */
	{ ROUTE_GET, API "/settings", ROLE_ADMIN, 0, 0, NULL, NULL,
	  h_settings_get, "The settings" },
	{ ROUTE_PUT, API "/settings", ROLE_ADMIN, 0, KB(8),
	  &h_settings_body, &h_settings_size,
	  h_settings_put, "Change settings, all or none" },
	{ ROUTE_GET, API "/settings/tls", ROLE_ADMIN, 0, 0, NULL, NULL,
	  h_tls_get, "The certificate in use" },
	{ ROUTE_POST, API "/settings/tls/upload", ROLE_ADMIN, 0, KB(160),
	  &h_tls_body, &h_tls_size, h_tls_upload, "Serve with this pair" },
	{ ROUTE_POST, API "/settings/tls/restore", ROLE_ADMIN, 0, 0, NULL,
	  NULL, h_tls_restore, "Serve with the previous pair again" },

	/* the whole installation */
	{ ROUTE_GET, API "/export", ROLE_SUPER_ADMIN, ROUTE_LONG, 0, NULL,
	  NULL, h_export, "Everything but secrets, as a file" },
	{ ROUTE_POST, API "/export", ROLE_SUPER_ADMIN,
	  ROUTE_LONG | ROUTE_SESSION, KB(8), &h_export_body, &h_export_size,
	  h_export_secrets, "Everything with encrypted secrets" },
	{ ROUTE_POST, API "/import", ROLE_SUPER_ADMIN,
	  ROUTE_STREAM | ROUTE_SESSION, H_IMPORT_BODY, NULL, NULL,
	  h_import, "Take in an export file" },

	/* AI */
	{ ROUTE_GET, API "/ai/providers", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_ai_providers, "The AI providers that can be asked" },
	{ ROUTE_GET, API "/ai/keys", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_ai_key_list, "One's keys of AI providers" },
	{ ROUTE_POST, API "/ai/keys", ROLE_VIEWER, 0, KB(8),
	  &h_ai_key_put_body, &h_ai_key_put_size,
	  h_ai_key_put, "Set a key" },
	{ ROUTE_DELETE, API "/ai/keys", ROLE_VIEWER, 0, KB(8),
	  &h_ai_key_body, &h_ai_key_size,
	  h_ai_key_delete, "Delete a key" },
	{ ROUTE_POST, API "/ai/keys/test", ROLE_VIEWER, ROUTE_LONG, KB(8),
	  &h_ai_key_body, &h_ai_key_size,
	  h_ai_key_test, "Ask the provider whether a key is good" },
	{ ROUTE_POST, API "/ai/generate-config", ROLE_VIEWER,
	  ROUTE_LONG | ROUTE_ACCEPT, KB(512), &h_ai_generate_body, &h_ai_size,
	  h_ai_generate, "Have a change proposed" },
	{ ROUTE_POST, API "/ai/analyze", ROLE_VIEWER,
	  ROUTE_LONG | ROUTE_ACCEPT, KB(64), &h_ai_analyze_body, &h_ai_size,
	  h_ai_analyze, "Have a problem analyzed" },
	{ ROUTE_POST, API "/ai/query", ROLE_VIEWER,
	  ROUTE_LONG | ROUTE_ACCEPT, KB(64), &h_ai_query_body, &h_ai_size,
	  h_ai_query, "Ask about one's nodes" },
	{ ROUTE_GET, API "/ai/usage", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_ai_usage, "One's AI calls, tokens and budget" },
	{ ROUTE_GET, API "/ai/proposals", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_proposal_list, "One's proposals, newest first" },
	{ ROUTE_GET, API "/ai/proposals/:id", ROLE_VIEWER, 0, 0, NULL, NULL,
	  h_proposal_get, "One proposal with its difference" },
	{ ROUTE_POST, API "/ai/proposals/:id/apply", ROLE_OPERATOR,
	  ROUTE_EMPTY, 0, NULL, NULL, h_proposal_apply, "Apply it" },
	{ ROUTE_DELETE, API "/ai/proposals/:id", ROLE_VIEWER, 0, 0, NULL,
	  NULL, h_proposal_dismiss, "Dismiss it" },

	/* sockets */
	{ ROUTE_GET, "/ws/dashboard", ROLE_VIEWER, ROUTE_UPGRADE, 0, NULL,
	  NULL, h_dashboard, "Live state for browsers" },
	{ ROUTE_GET, "/ws/node", ROLE_PUBLIC, ROUTE_UPGRADE | ROUTE_FREE, 0,
	  NULL, NULL, relay_node, "Nodes, relayed to hubd" },

	/* the page */
	{ ROUTE_GET, "/", ROLE_PUBLIC, ROUTE_HTML, 0, NULL, NULL,
	  h_page, "The page" },
	{ ROUTE_GET, "/login", ROLE_PUBLIC, ROUTE_HTML, 0, NULL, NULL,
	  h_page, "Sign in" },
	{ ROUTE_GET, "/setup", ROLE_PUBLIC, ROUTE_HTML, 0, NULL, NULL,
	  h_page_setup, "Where the link of mastctl setup leads" },
	{ ROUTE_GET, "/dashboard", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_guarded, "The fleet at a glance" },
	{ ROUTE_GET, "/nodes", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_guarded, "The nodes" },
	{ ROUTE_GET, "/nodes/:id", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_guarded, "A node" },
	{ ROUTE_GET, "/nodes/:id/*tab", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_node, "A side of a node" },
	{ ROUTE_GET, "/topology", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_guarded, "How the nodes hang together" },
	{ ROUTE_GET, "/events", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_guarded, "What happened" },
	{ ROUTE_GET, "/alarms", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_guarded, "What is wrong" },
	{ ROUTE_GET, "/tunnels", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_guarded, "The tunnels" },
	{ ROUTE_GET, "/ai/*page", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_ai, "The assistant and its keys" },
	{ ROUTE_GET, "/admin/*page", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_admin, "Administration" },
	{ ROUTE_GET, "/account", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_guarded, "One's account" },
	{ ROUTE_GET, "/api", ROLE_PUBLIC, ROUTE_PAGE, 0, NULL,
	  NULL, h_page_guarded, "The API for people" },
	{ ROUTE_GET, "/assets/*build/*name", ROLE_PUBLIC, ROUTE_HTML, 0, NULL,
	  NULL, h_page_asset, "Files of the page" },
	{ ROUTE_GET, "/problems", ROLE_PUBLIC, ROUTE_HTML, 0, NULL, NULL,
	  h_problem_list, "Every type of problem" },
	{ ROUTE_GET, "/problems/*slug", ROLE_PUBLIC, ROUTE_HTML, 0, NULL,
	  NULL, h_problem, "What a type of problem means" },
};

const struct route *
routes_table(size_t *n_r)
{
	*n_r = nitems(routes);
	return routes;
}

static const char *
role_text(enum role role)
{
	return role == ROLE_PUBLIC ? "public" : role_name(role);
}

void
routes_dump(struct buf *b)
{
	const struct route *r;
	size_t i;

	for (i = 0; i < nitems(routes); i++) {
		r = &routes[i];
		buf_printf(b, "%-6s %-28s %-8s %6zu%s%s%s%s%s%s%s%s%s%s%s%s%s%s  %s\n",
		    route_method_name(r->method), r->pattern,
		    role_text(r->role), r->body_max,
		    r->schema != NULL ? " json" : "",
		    r->flags & ROUTE_NO_CSRF ? " no-csrf" : "",
		    r->flags & ROUTE_NODE ? " node" : "",
		    r->flags & ROUTE_UPGRADE ? " upgrade" : "",
		    r->flags & ROUTE_ETAG ? " etag" : "",
		    r->flags & ROUTE_HTML ? " html" : "",
		    r->flags & ROUTE_RAW_BODY ? " raw" : "",
		    r->flags & ROUTE_OPTIONAL ? " optional" : "",
		    r->flags & ROUTE_SESSION ? " session" : "",
		    r->flags & ROUTE_ACCEPT ? " accept" : "",
		    r->flags & ROUTE_EMPTY ? " empty" : "",
		    r->flags & ROUTE_FREE ? " free" : "",
		    r->flags & ROUTE_STREAM ? " stream" : "",
		    r->flags & ROUTE_LONG ? " long" : "", r->doc);
	}
}
