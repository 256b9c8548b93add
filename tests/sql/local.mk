SQL_TESTS = tests/sql/check-sql.sh tests/sql/explain.py tests/sql/check-upgrade.sh
TESTS += $(SQL_TESTS)
EXTRA_DIST += $(SQL_TESTS) tests/sql/pg-scratch tests/sql/old-data.sql tests/sql/01_shape.sql \
	tests/sql/02_functions.sql tests/sql/03_grants.sql \
	tests/sql/04_rls.sql tests/sql/05_versions.sql \
	tests/sql/06_partitions.sql tests/sql/07_signin.sql \
	tests/sql/15_keys.sql tests/sql/17_system.sql tests/sql/18_feed.sql \
	tests/sql/18_journal.sql \
	tests/sql/08_tokens.sql tests/sql/09_tunnels.sql tests/sql/19_ai.sql tests/sql/21_lost.sql
