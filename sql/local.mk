sqldir = $(pkgdatadir)/sql
dist_sql_DATA = sql/0000_roles.sql sql/0001_tables.sql \
	sql/0002_functions.sql sql/0003_grants.sql sql/0004_users.sql \
	sql/0005_api.sql sql/0006_commands.sql sql/0007_system.sql \
	sql/0008_audit.sql sql/0009_tunnels.sql \
	sql/0010_export.sql sql/0012_enrolment.sql \
	sql/0013_alarms.sql \
	sql/0014_history.sql \
	sql/0015_config.sql \
	sql/0016_feed.sql \
	sql/0017_ai.sql sql/0018_journal.sql sql/0019_ai.sql \
	sql/0020_tool.sql sql/0021_lost.sql sql/0022_reads.sql \
	sql/0023_setup.sql sql/0024_hash.sql \
	sql/catalog.sql sql/schema.sql sql/manifest
EXTRA_DIST += sql/make-manifest.sh
