#!/bin/sh
# The schema on a scratch server, as TAP: every NN_*.sql of this folder
# (pgTAP, each in a transaction that is rolled back), and what needs more
# than one connection.
set -u
src=${MAST_SRC:-.}
here=$src/tests/sql
scratch=$here/pg-scratch
n=0

if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
	echo "1..0 # SKIP needs the package postgresql"
	exit 0
fi
top=$(mktemp -d /tmp/mastq.XXXXXX) || exit 99
chmod 0755 "$top"
db=$top/pg
out=$top/out
trap '"$scratch" stop "$db"; rm -rf "$top"' EXIT

# point TEXT: passes when the last command did; $out is the comment.
point() {
	rc=$?
	n=$((n + 1))
	[ $rc = 0 ] || {
		sed 's/^/# /' "$out"
		printf 'not '
	}
	echo "ok $n - $1"
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP needs the package $2"
}

q() {
	"$scratch" psql "$db" "$@"
}

"$scratch" start "$db" >"$out" 2>&1 || {
	sed 's/^/# /' "$out"
	echo "Bail out! no scratch server"
	exit 99
}
"$scratch" schema "$db" >"$out" 2>&1
point "roles and every migration apply"

q postgres -1 -f "$src/sql/0000_roles.sql" >"$out" 2>&1
point "0000_roles.sql again"

q _mast_ctl -A -t -f "$src/sql/catalog.sql" >"$top/now"
sed '/^-- /d' "$src/sql/schema.sql" | diff -u - "$top/now" >"$out"
point "schema.sql is the catalog (else run sql/make-manifest.sh)"

(cd "$src/sql" && sha256sum [0-9]*.sql | diff -u manifest -) >"$out"
point "manifest names every file with its sum"

q _mast_apid -c 'SELECT FROM mast.migrations' >"$out" 2>&1 &&
    q _mast_hubd -c 'SELECT mast.ensure_partitions(2)' >"$out" 2>&1
point "the roles sign in and do their first statement"

q _mast_ctl -A -t -f "$src/sql/catalog.sql" >"$top/now"
sed '/^-- /d' "$src/sql/schema.sql" | diff -u - "$top/now" >"$out"
point "day partitions do not show in the catalog"

# Two hubs at once: one makes them, both return.
for hub in 1 2 3 4; do
	q _mast_hubd -A -t -c 'SELECT mast.ensure_partitions(20)' \
	    >"$top/hub$hub" 2>&1 &
done
wait
cat "$top"/hub? >"$out"
[ "$(sort -n "$out" | tr '\n' ' ')" = "0 0 0 72 " ]
point "four hubs make the partitions once"

for role in _mast_apid _mast_hubd; do
	! q "$role" -c 'CREATE TABLE mast.x (y int)' >"$out" 2>&1 &&
	    ! q "$role" -c 'CREATE TEMP TABLE x (y int)' >"$out" 2>&1 &&
	    ! q "$role" -c 'SET ROLE _mast_ctl' >"$out" 2>&1
	point "$role changes no form"
done

limits='statement_timeout lock_timeout idle_in_transaction_session_timeout'
for role in _mast_apid _mast_hubd; do
	bad=0
	for s in $limits; do
		[ "$(q "$role" -A -t -c "SHOW $s")" != 0 ] || bad=1
	done
	[ "$(q "$role" -A -t -c 'SHOW search_path')" = "mast, pg_temp" ] ||
	    bad=1
	[ $bad = 0 ]
	point "$role has its limits and search_path"
done

# pgTAP and plpgsql_check are extensions that only tests use.
missing=
for ext in pgtap plpgsql_check; do
	q postgres -c "CREATE SCHEMA IF NOT EXISTS tap;
	    GRANT USAGE ON SCHEMA tap TO PUBLIC;
	    CREATE EXTENSION $ext SCHEMA tap" >"$out" 2>&1 ||
	    missing="$missing $ext"
done
major=$(q postgres -A -t -c \
    "SELECT current_setting('server_version_num')::int / 10000")
for file in "$here"/[0-9]*.sql; do
	name=${file##*/}
	case "$missing $name" in
	*pgtap*)
		skip "$name" "postgresql-$major-pgtap"
		continue
		;;
	*plpgsql_check*" 02_functions.sql")
		skip "$name" "postgresql-$major-plpgsql-check"
		continue
		;;
	esac
	q postgres -A -t -f "$file" >"$out" 2>&1
	rc=$?
	# Renumbers the points; a file that stops early fails.
	awk -v n="$n" -v f="${name%.sql}" -v rc="$rc" '
	    /^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0; next }
	    /^(not )?ok [0-9]+/ {
		seen++
		good = $1 == "ok"
		sub(/^(not )?ok [0-9]+( - )?/, "")
		print (good ? "" : "not ") "ok " n + seen " - " f ": " $0
		next
	    }
	    { print "# " $0 }
	    END {
		seen++
		print (rc == 0 && plan > 0 && seen == plan + 1 ? "" : "not ") \
		    "ok " n + seen " - " f ": ran to its end"
	    }' "$out"
	n=$((n + $(grep -cE '^(not )?ok [0-9]+' "$out") + 1))
done
echo "1..$n"
