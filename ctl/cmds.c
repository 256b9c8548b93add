/* cmds: the table of mastctl's commands. */
#include "ai_key.h"
#include "audit.h"
#include "backup.h"
#include "cert.h"
#include "cmds.h"
#include "completion.h"
#include "ctl.h"
#include "doctor.h"
#include "export.h"
#include "key.h"
#include "node.h"
#include "order.h"
#include "report.h"
#include "schema.h"
#include "service.h"
#include "settle.h"
#include "setup.h"
#include "status.h"
#include "token.h"
#include "user.h"
#include "watch.h"
#include "xmalloc.h"

#define SUPERUSER { "superuser-conninfo", "CONNINFO", \
    "connect as a PostgreSQL superuser with this" }
#define SQL_DIR	  { "sql-dir", "DIR", "where the numbered SQL files are" }
#define GENERATE  { "generate", NULL, "make a password and print it once" }
#define EXPIRES	  { "token-hours", "N", "validity of the token, 1 to 8760" }

const struct ctl_cmd cmds_table[] = {
	{ "setup", NULL, "", 0, 0, CTL_CONF_OR_NONE, setup_run,
	    { SUPERUSER, SQL_DIR,
	      { "admin", "NAME", "user name of the first administrator" },
	      { "password-stdin", NULL,
		"read the administrator's password from standard input" },
	      GENERATE,
	      { "wait", "N", "seconds for the daemons to be ready; 60 else" },
	      { "dry-run", NULL, "say what would be done, change nothing" } },
	    "Make everything the daemons need; safe to repeat" },
	{ "status", NULL, "", 0, 0, CTL_CONF, status_run, { { 0 } },
	    "Ask the running daemons how they are" },
	{ "doctor", NULL, "", 0, 0, CTL_CONF_ANY, doctor_run, { SQL_DIR },
	    "Look for what is wrong and name the command that mends it" },
	{ "report", NULL, "", 0, 0, CTL_CONF_ANY, report_run, { SQL_DIR },
	    "Print what a report of a fault needs, without any secret" },
	{ "backup", NULL, "FOLDER", 1, 1, CTL_CONF, backup_run, { { 0 } },
	    "Save database, keys and configuration in a new folder" },
	{ "restore", NULL, "FOLDER", 1, 1, CTL_CONF_OR_NONE, restore_run,
	    { SUPERUSER, SQL_DIR,
	      { "dry-run", NULL, "only check that it could be done" } },
	    "Bring a backup back, into an empty database" },
	{ "start", NULL, "", 0, 0, CTL_CONF, service_start, { { 0 } },
	    "Start the daemons through the service manager" },
	{ "stop", NULL, "", 0, 0, CTL_CONF, service_stop, { { 0 } },
	    "Stop them, sockets included" },
	{ "reload", NULL, "", 0, 0, CTL_CONF, service_reload, { { 0 } },
	    "Let apid and hubd read their configuration again" },
	{ "config", "show", "", 0, 0, CTL_CONF_ANY, settle_show, { { 0 } },
	    "Print the configuration file" },
	{ "config", "check", "", 0, 0, CTL_CONF_ANY, settle_check, { { 0 } },
	    "Let every program judge the configuration, keys and certificate" },
	{ "completion", NULL, "SHELL", 1, 1, CTL_CONF_ANY, completion_run,
	    { { 0 } },
	    "Print completion for bash, zsh or fish" },
	{ "db", "status", "", 0, 0, CTL_CONF, schema_status, { SQL_DIR },
	    "Show the schema version and what is pending" },
	{ "db", "migrate", "", 0, 0, CTL_CONF, schema_migrate,
	    { SQL_DIR,
	      { "dry-run", NULL, "say what would be applied" } },
	    "Apply the SQL files that are pending" },
	{ "db", "verify", "", 0, 0, CTL_CONF, schema_verify, { SQL_DIR },
	    "Compare files, manifest and database" },
	{ "user", "add", "NAME", 1, 1, CTL_CONF, user_add,
	    { { "role", "ROLE", "viewer, operator, admin or super_admin" },
	      { "display-name", "TEXT", "the name shown to others" },
	      { "email", "ADDRESS", "electronic mail address" }, GENERATE },
	    "Add a user; the password comes from standard input" },
	{ "user", "passwd", "NAME", 1, 1, CTL_CONF, user_passwd,
	    { GENERATE },
	    "Set a user's password and end the user's sessions" },
	{ "user", "list", "", 0, 0, CTL_CONF, user_list, { { 0 } },
	    "List the users" },
	{ "user", "disable", "NAME", 1, 1, CTL_CONF, user_disable, { { 0 } },
	    "Let a user sign in no more and end the user's sessions" },
	{ "user", "enable", "NAME", 1, 1, CTL_CONF, user_enable, { { 0 } },
	    "Let a disabled user sign in again" },
	{ "user", "sessions", "NAME", 1, 1, CTL_CONF, user_sessions,
	    { { "end", NULL, "end all of them" } },
	    "List a user's open sessions, or end them" },
	{ "token", "list", "", 0, 0, CTL_CONF, token_list,
	    { { "user", "NAME", "only those of this user" } },
	    "List the API tokens of users" },
	{ "token", "revoke", "TOKEN", 1, 1, CTL_CONF, token_revoke,
	    { { 0 } },
	    "End an API token; TOKEN is its id" },
	{ "ai key", "list", "", 0, 0, CTL_CONF, ai_key_list,
	    { { "user", "NAME", "only those of this user" } },
	    "List the users' keys of AI providers, by their last characters" },
	{ "ai key", "test", "KEY", 1, 1, CTL_CONF, ai_key_test, { { 0 } },
	    "Ask the provider whether a key is good; KEY is its id" },
	{ "ai key", "delete", "KEY", 1, 1, CTL_CONF, ai_key_delete,
	    { { 0 } },
	    "Delete a key of an AI provider; KEY is its id" },
	{ "node", "add", "NAME", 1, 1, CTL_CONF, node_add,
	    { { "type", "TYPE", "device type, edge when not given" },
	      { "description", "TEXT", "free text" }, EXPIRES },
	    "Add a node and print its registration token once" },
	{ "node", "list", "", 0, 0, CTL_CONF, node_list,
	    { { "type", "TYPE", "only nodes of this device type" } },
	    "List the nodes" },
	{ "node", "show", "NODE", 1, 1, CTL_CONF, node_show, { { 0 } },
	    "Show one node; NODE is its id or its name" },
	{ "node", "token", "NODE", 1, 1, CTL_CONF, node_token, { EXPIRES },
	    "Make a new registration token and print it once" },
	{ "node", "delete", "NODE", 1, 1, CTL_CONF, node_delete, { { 0 } },
	    "Delete a node; its events stay" },
	{ "node", "config", "NODE", 1, 1, CTL_CONF, order_config, { { 0 } },
	    "Print the configuration that the node reported last" },
	{ "node", "command", "NODE COMMAND", 2, 2, CTL_CONF, order_command,
	    { { "wait", "N", "seconds for the node to take it; 30 else" } },
	    "Have a node do something and wait for its answer" },
	{ "node", "watch", "NODE", 1, 1, CTL_CONF, watch_node, { { 0 } },
	    "Print a line whenever the node's state changes" },
	{ "event", "tail", "", 0, 0, CTL_CONF, watch_events,
	    { { "lines", "N", "the last N events, 1 to 1000; 20 else" },
	      { "follow", NULL, "go on with what happens" },
	      { "node", "NODE", "only of this node, by its id or name" } },
	    "Print the last events" },
	{ "cert", "show", "", 0, 0, CTL_CONF, cert_show, { { 0 } },
	    "Show the certificate that the daemons serve with" },
	{ "cert", "install", "CERT KEY", 2, 2, CTL_CONF, cert_install,
	    { { 0 } },
	    "Let the daemons serve with this pair of PEM files, at once" },
	{ "cert", "renew", "", 0, 0, CTL_CONF, cert_renew, { { 0 } },
	    "Let them serve with a new self-signed pair of the same names" },
	{ "cert", "restore", "", 0, 0, CTL_CONF, cert_restore, { { 0 } },
	    "Let them serve with the previous pair again" },
	{ "key", "rotate", "KEY", 1, 1, CTL_CONF, key_rotate,
	    { { "step", NULL, "aid on several hosts: the next step only" } },
	    "Change a key; what it sealed or signed stays good" },
	{ "audit", "tail", "", 0, 0, CTL_CONF, audit_tail,
	    { { "lines", "N", "the last N rows, 1 to 1000; 20 if not given" },
	      { "follow", NULL, "go on with what is added" } },
	    "Print the end of the audit" },
	{ "audit", "seal", "", 0, 0, CTL_CONF, audit_seal, { { 0 } },
	    "Seal the rows of the audit that wait, now" },
	{ "audit", "verify", "", 0, 0, CTL_CONF_OR_NONE, audit_verify,
	    { { "keys", "FILE", "public keys, state_dir/audit.pub else" },
	      { "anchor", "HEAD", "a head that was known before" },
	      { "file", "FILE", "verify an export instead of the database" } },
	    "Prove that nothing sealed was changed, removed or cut off" },
	{ "audit", "export", "", 0, 0, CTL_CONF, audit_export, { { 0 } },
	    "Print the audit with its seals as JSON lines" },
	{ "export", NULL, "FILE", 1, 1, CTL_CONF, export_run,
	    { { "events", NULL, "with all events" },
	      { "events-days", "N", "with the events of the last N days" },
	      { "audit", NULL, "with the audit" },
	      { "passphrase-file", "FILE", "with the secrets, encrypted" } },
	    "Write the whole installation to a new file" },
	{ "import", NULL, "FILE", 1, 1, CTL_CONF, import_run,
	    { { "dry-run", NULL, "say what would be done, change nothing" },
	      { "mode", "MODE", "merge, the default, or replace" },
	      { "passphrase-file", "FILE", "to open the file's secrets" } },
	    "Take in an export, all of it or nothing" },
};
const size_t cmds_n = nitems(cmds_table);
