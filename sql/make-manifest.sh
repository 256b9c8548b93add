#!/bin/sh
# Makes sql/manifest and sql/schema.sql anew. Run after every change of a
# numbered file; --check only compares. A migration that was in a release
# is never changed: a new file follows it.
#
# manifest	"sha256  name" of each numbered file
# schema.sql	the answer of catalog.sql on a fresh server after all of them;
#		"mastctl db verify" asks the same of the live one
set -eu

src=$(cd "$(dirname "$0")/.." && pwd)
export MAST_SRC="$src"
scratch="$src/tests/sql/pg-scratch"
dir=$(mktemp -d /tmp/mastm.XXXXXX)
trap '"$scratch" stop "$dir/pg"; rm -rf "$dir"' EXIT
chmod 0755 "$dir"

"$scratch" start "$dir/pg"
"$scratch" schema "$dir/pg"
{
	echo "-- The catalog after every migration: made by make-manifest.sh"
	echo "-- from catalog.sql, compared by mastctl db verify. Not run."
	"$scratch" psql "$dir/pg" _mast_ctl -A -t -f "$src/sql/catalog.sql"
} >"$dir/schema.sql"
(cd "$src/sql" && sha256sum [0-9]*.sql) >"$dir/manifest"

if [ "${1-}" = --check ]; then
	diff -u "$src/sql/schema.sql" "$dir/schema.sql"
	diff -u "$src/sql/manifest" "$dir/manifest"
else
	cat "$dir/schema.sql" >"$src/sql/schema.sql"
	cat "$dir/manifest" >"$src/sql/manifest"
fi
