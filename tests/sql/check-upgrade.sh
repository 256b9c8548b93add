#!/bin/sh
# From the first schema with data in it to today's, as TAP: nothing is lost,
# nothing changes that a migration does not say, and what results is the
# schema of a new installation.
set -u
src=${MAST_SRC:-.}
scratch=$src/tests/sql/pg-scratch
n=0
bad=0

if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
	echo "1..0 # SKIP needs the package postgresql"
	exit 0
fi
top=$(mktemp -d /tmp/mastq.XXXXXX) || exit 99
chmod 0755 "$top"
db=$top/pg
out=$top/out
trap '"$scratch" stop "$db"; rm -rf "$top"' EXIT

point() {
	rc=$?
	n=$((n + 1))
	[ $rc = 0 ] || {
		head -30 "$out" | sed 's/^/# /'
		printf 'not '
		bad=1
	}
	echo "ok $n - $1"
}

q() {
	"$scratch" psql "$db" "$@"
}

# One query that says of every table how many rows it has and what is in the
# columns that it has now.
digest() {
	q postgres -A -t <<'SQL'
SELECT string_agg(format('SELECT %L, count(*), md5(string_agg(r, %L ORDER BY r)) '
    'FROM (SELECT ROW(%s)::text r FROM mast.%I) t', c.relname, '|',
    (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)
	FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid
	AND a.attnum > 0 AND NOT a.attisdropped), c.relname),
    ' UNION ALL ' ORDER BY c.relname) || ' ORDER BY 1'
FROM pg_catalog.pg_class c
WHERE c.relnamespace = 'mast'::regnamespace AND c.relkind IN ('r', 'p')
AND NOT c.relispartition
-- the last ones were in no use before a later file gave them their form
AND c.relname NOT IN ('migrations', 'settings', 'alarms', 'certificates',
    'samples')
SQL
}

"$scratch" start "$db" >"$out" 2>&1 || {
	sed 's/^/# /' "$out"
	echo "Bail out! no scratch server"
	exit 99
}
"$scratch" schema "$db" 1 3 >"$out" 2>&1
point "the first schema"
q postgres -1 -f "$src/tests/sql/old-data.sql" >"$out" 2>&1
point "an installation's data in it"
digest >"$top/query"
q postgres -A -t -f "$top/query" >"$top/before" 2>"$out"
[ "$(grep -cv '|0|' "$top/before")" -ge 14 ]
point "something of everything"
q postgres -A -t -c 'SELECT key, value FROM mast.settings ORDER BY 1' \
    >"$top/settings"
"$scratch" schema "$db" 4 9999 >"$out" 2>&1
point "every later migration applies to it"
q postgres -A -t -f "$top/query" >"$top/after" 2>"$out"
diff -u "$top/before" "$top/after" >>"$out"
point "every row and every old column is as it was"
q postgres -A -t -c 'SELECT key, value FROM mast.settings ORDER BY 1' \
    >"$top/now"
[ -z "$(comm -23 "$top/settings" "$top/now" | tee "$out")" ]
point "no setting was changed or taken away"
q _mast_ctl -A -t -f "$src/sql/catalog.sql" >"$top/catalog" 2>"$out"
sed '/^-- /d' "$src/sql/schema.sql" | diff -u - "$top/catalog" >"$out"
point "the schema is that of a new installation"
q _mast_hubd -c 'SELECT mast.ensure_partitions(2)' >"$out" 2>&1
point "and hubd can work in it"
echo "1..$n"
exit $bad
