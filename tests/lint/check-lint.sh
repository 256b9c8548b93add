#!/bin/sh
# The rules of the tree that a compiler does not know, as TAP: include
# layers, one owner per library, SQL in its place, no mutable globals,
# headers that stand alone, sizes, words, scripts, manual pages.
set -u
SRC=${MAST_SRC:-.}
BUILD=${MAST_BUILD:-.}
CC=${CC:-cc}
cd "$SRC" || exit 99
n=0
tmp=$(mktemp) || exit 99
trap 'rm -f "$tmp"' EXIT

# point TEXT: the lines in $tmp are findings; none is a pass.
point() {
	n=$((n + 1))
	if [ -s "$tmp" ]; then
		sed 's/^/# /' "$tmp"
		echo "not ok $n - $1"
	else
		echo "ok $n - $1"
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP needs the package $2"
}

have() {
	command -v "$1" >/dev/null 2>&1
}

code() {
	find common apid hubd aid ctl -name '*.[ch]' \
	    ! -name ui_data.c ! -name api_data.c | sort
}

# Everything that people wrote.
texts() {
	find . -type d \( -name .git -o -name 'build*' -o -name autom4te.cache \
	    -o -name samples -o -name corpus -o -name corpora \
	    -o -name node_modules -o -name __pycache__ \
	    -o -name .deps \) -prune -o -type f \( -name '*.[ch]' \
	    -o -name '*.py' -o -name '*.sh' -o -name '*.sql' -o -name '*.mk' \
	    -o -name '*.[1-9]' -o -name '*.md' -o -name '*.js' \
	    -o -name '*.css' -o -name '*.html' -o -name '*.yaml' \
	    -o -name Makefile.am -o -name configure.ac -o -name quickstart \
	    -o -path './.ci/run' \) -print | sort
}

echo "1..18"

# ---- 1. layers: a lower one never includes a higher one
# shellcheck disable=SC2016 # awk's own $
code | xargs awk '
BEGIN {
	split("err log xmalloc arena buf str id valid mono role dbschema", a)
	for (i in a) layer[a[i]] = 0
	split("timer conf json jscan secret tls rate sandbox http1 ws msg " \
	    "sock frame driver watch cdiff tls_cert tls_trust " \
	    "msg_ai", a)
	for (i in a) layer[a[i]] = 1
	split("stream ipc db proc seal certs tunnel dump drift", a)
	for (i in a) layer[a[i]] = 2
	split("json:jscan frame:jscan frame:json driver:jscan driver:json " \
	    "watch:jscan driver:watch cdiff:jscan " \
	    "ipc:stream seal:db certs:db certs:proc", a)
	for (i in a) pair[a[i]] = 1
}
FNR == 1 {
	split(FILENAME, p, "/")
	folder = p[1]
	me = p[2]
	sub(/\.[ch]$/, "", me)
	if (folder == "common")
		sub(/_.*/, "", me)
	if (folder == "common" && !(me in layer))
		print FILENAME ": in no layer"
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, q, "\"")
	inc = q[2]
	if (inc == "config.h")
		next
	if (inc ~ /\//) {
		print FILENAME ":" FNR ": \"" inc "\": no folders in includes"
		next
	}
	base = inc
	sub(/\.h$/, "", base)
	if (folder != "common") {
		if ((getline line < (folder "/" inc)) >= 0)
			close(folder "/" inc)
		else if (!(base in layer))
			print FILENAME ":" FNR ": " inc " is a sibling'\''s"
		next
	}
	sub(/_.*/, "", base)
	if (!(base in layer))
		print FILENAME ":" FNR ": " inc " is not of common"
	else if (base != me && layer[base] >= layer[me] && layer[me] > 0 \
	    && !((me ":" base) in pair))
		print FILENAME ":" FNR ": layer " layer[me] " includes " inc \
		    " of layer " layer[base]
	else if (layer[me] == 0 && layer[base] > 0)
		print FILENAME ":" FNR ": layer 0 includes " inc
}' >"$tmp"
point "include layers"

# ---- 2. each library has one owner
: >"$tmp"
while read -r header owner; do
	code | xargs grep -lE "^[ 	]*#[ 	]*include[ 	]*<$header" |
	    grep -vx "$owner" | sed "s|\$|: <$header> belongs to $owner|" \
	    >>"$tmp"
done <<'OWNERS'
libpq-fe\.h common/db[_a-z]*\.[ch]
json-c/ common/json[_a-z]*\.[ch]
json\.h common/json.c
openssl/ common/tls[_a-z]*\.[ch]
sodium common/secret[_a-z]*\.[ch]
curl/ aid/fetch.c
seccomp common/sandbox.c
zlib\.h apid/gzip.c
OWNERS
point "one owner per library"

# ---- 3. SQL only in stmt*.c (db.c owns the protocol around it)
code | grep -v -e '/stmt[_a-z]*\.[ch]$' -e '^common/db[_a-z]*\.c$' | xargs grep -nE \
    '"[^"]*\<(SELECT|INSERT INTO|DELETE FROM|CREATE (TABLE|ROLE|DATABASE|INDEX|SCHEMA)|ALTER (TABLE|ROLE)|UPDATE [a-z_.]+ SET|BEGIN|COMMIT|ROLLBACK|LISTEN|NOTIFY [a-z])\>' \
    >"$tmp"
point "SQL only in stmt files and sql/"

# ---- 4. no state outside of what main makes
# log.c keeps the program's name and level; secret.c and tls.c hold what
# their libraries want made once.
: >"$tmp"
if have objdump && ls "$BUILD"/common/*.o >/dev/null 2>&1; then
	for o in "$BUILD"/common/*.o "$BUILD"/apid/*.o "$BUILD"/hubd/*.o \
	    "$BUILD"/aid/*.o "$BUILD"/ctl/*.o; do
		[ -f "$o" ] || continue
		case $o in
		*/common/log.o) continue ;;
		esac
		objdump -t "$o" | awk -v o="${o#"$BUILD"/}" '
		    $1 ~ /^[0-9a-f]+$/ && / O / {
			for (i = 1; i <= NF; i++)
				if (($i ~ /^\.(data|bss|tbss|tdata)/ &&
				    $i !~ /\.rel\.ro/) || $i == "*COM*")
					print o ": " $NF " is a mutable global"
		    }' >>"$tmp"
	done
	point "no mutable globals"
else
	skip "no mutable globals" binutils
fi

# ---- 5. headers compile alone
: >"$tmp"
for h in $(code | grep '\.h$'); do
	echo "#include \"$(basename "$h")\"" |
	    "$CC" -std=gnu11 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra \
	    -Werror -I"$(dirname "$h")" -Icommon -x c - >/dev/null 2>&1 ||
	    echo "$h does not compile alone" >>"$tmp"
done
point "headers compile alone"

# ---- 6. sizes
# shellcheck disable=SC2016
code | xargs awk '
FNR == 1 { if (prev != "" && last > 900) print prev ": " last " lines"
    prev = FILENAME; start = 0 }
{ last = FNR }
/^\{/ { start = FNR }
/^\}/ { if (start && FNR - start > 120)
    print FILENAME ":" start ": function of " FNR - start " lines"; start = 0 }
END { if (last > 900) print prev ": " last " lines" }' >"$tmp"
point "functions of at most 120 lines, files of at most 900"

# ---- 7. words: marks of unfinished work, hosts that are not ours to name
w1="TO""DO|FIX""ME|XX""X"
w2="registry\.|npm""js|py""pi\.org|crates""\.io|golang""\.org"
texts | xargs grep -nEw "$w1" >"$tmp"
texts | xargs grep -nE "$w2" >>"$tmp"
point "no unfinished marks, no registry hosts"

# ---- 8. layout of C files: tabs, nothing far beyond 80 columns
# shellcheck disable=SC2016
code | xargs awk '
{ line = $0; w = 0
  for (i = 1; i <= length(line); i++)
	w += substr(line, i, 1) == "\t" ? 8 - w % 8 : 1
  if (w > 100) print FILENAME ":" FNR ": " w " columns" }
/[ \t]$/ { print FILENAME ":" FNR ": blank at the end" }
/^        / { print FILENAME ":" FNR ": spaces instead of a tab" }' >"$tmp"
point "layout"

# ---- 9. scripts
if have shellcheck; then
	{
		find . -type d \( -name .git -o -name 'build*' -o \
		    -name node_modules -o -name autom4te.cache \) -prune -o \
		    -name '*.sh' ! -name tap-driver.sh -print
		ls quickstart .ci/run packaging/mk* 2>/dev/null
	} | xargs shellcheck -S warning -f gcc >"$tmp" 2>&1
	point "shellcheck"
else
	skip "shellcheck" shellcheck
fi

# ---- a test that nobody runs shows nothing
for f in tests/bb/test_*.py; do
	grep -q "$f" tests/bb/local.mk || echo "$f is not in local.mk"
done >"$tmp"
point "every black-box suite is run"

# ---- 10. manual pages
if have mandoc; then
	# Which other pages this machine has installed is no matter of ours.
	find man -name '*.[1-9]' -exec mandoc -T lint -W style {} + 2>&1 |
	    grep -v -e 'referenced manual not found' -e 'mandoc\.db' >"$tmp"
	point "mandoc lint"
else
	skip "mandoc lint" mandoc
fi

# ---- 11, 12. mastctl and its page, both ways
page=man/mastctl.8
if [ -x "$BUILD/mastctl" ]; then
	"$BUILD/mastctl" --help >"$tmp.help"
	grep -oE -- '--[a-z][a-z-]+' "$tmp.help" | sort -u >"$tmp.a"
	grep -oE 'Fl -[a-z][a-z-]+' "$page" | sed 's/Fl -/--/' |
	    sort -u >"$tmp.b"
	diff "$tmp.a" "$tmp.b" | grep '^[<>]' >"$tmp"
	point "options of mastctl and its page"
	sed -n 's/^  \([a-z][a-z ]*[a-z]\)\( .*\)*$/\1/p' "$tmp.help" |
	    sed 's/ *$//' | sort -u >"$tmp.a"
	sed -n 's/^\.It Cm \([a-z ]*[a-z]\).*/\1/p' "$page" |
	    sort -u >"$tmp.b"
	diff "$tmp.a" "$tmp.b" | grep '^[<>]' >"$tmp"
	point "commands of mastctl and its page"
	rm -f "$tmp.help" "$tmp.a" "$tmp.b"
else
	skip "options of mastctl and its page" "mastctl, built"
	skip "commands of mastctl and its page" "mastctl, built"
fi

# ---- 13. the daemons' options, both ways
if [ -x "$BUILD/mastkeeper-apid" ] && [ -x "$BUILD/mastkeeper-aid" ] &&
    [ -x "$BUILD/mastkeeper-hubd" ]; then
	: >"$tmp"
	for d in apid hubd aid; do
		"$BUILD/mastkeeper-$d" --help | grep -oE -- '--[a-z][a-z-]+' |
		    sort -u >"$tmp.a"
		grep -oE 'Fl -[a-z][a-z-]+' "man/mastkeeper-$d.8" |
		    sed 's/Fl -/--/' | sort -u >"$tmp.b"
		diff "$tmp.a" "$tmp.b" | grep '^[<>]' | sed "s/^/$d: /" \
		    >>"$tmp"
	done
	point "options of the daemons and their pages"

	# ---- 14. configuration keys, both ways
	for d in apid hubd aid; do
		"$BUILD/mastkeeper-$d" --config-keys
	done | sed -n 's/^#\([a-z_]*\) =.*/\1/p' | sort -u >"$tmp.a"
	grep -oE '\{ "ctl", "[a-z_]+"' ctl/ctl.c |
	    sed 's/.*"\([a-z_]*\)"/\1/' | sort -u - "$tmp.a" -o "$tmp.a"
	sed -n 's/^\.It Ic \([a-z_]*\)$/\1/p' man/mastkeeper.conf.5 |
	    sort -u >"$tmp.b"
	diff "$tmp.a" "$tmp.b" | grep '^[<>]' >"$tmp"
	# and what other pages say to be one
	grep -hE '^\.Pq .*Xr mastkeeper\.conf 5' man/*.[178] |
	    grep -oE '(Ic|Cm) [a-z]+_[a-z_]+' | awk '{ print $2 }' |
	    grep -vxFf "$tmp.a" | sed 's/$/: no key/' >>"$tmp"
	point "configuration keys and their pages"
	rm -f "$tmp.a" "$tmp.b"
else
	skip "options of the daemons and their pages" "the daemons, built"
	skip "configuration keys and their page" "the daemons, built"
fi

# ---- the journal's messages and the page that explains them, both ways
if [ -x "$BUILD/mastkeeper-apid" ]; then
	"$BUILD/mastkeeper-apid" --message-ids | awk '{ print $2 }' |
	    sort >"$tmp.a"
	sed -n '/^\.Sh MESSAGES/,/^\.Sh FILES/s/^\.It Ic //p' \
	    man/mastkeeper.7 | sort >"$tmp.b"
	diff "$tmp.a" "$tmp.b" | grep '^[<>]' >"$tmp"
	point "message ids and their page"
	rm -f "$tmp.a" "$tmp.b"
else
	skip "message ids and their page" "the daemons, built"
fi

# ---- bugs that are planted into copies still fit the sources
if command -v patch >/dev/null; then
	for p in tests/chaos/plants/*.patch; do
		patch --dry-run -s -f -p1 <"$p" >"$tmp.a" 2>&1 ||
		    echo "$p: $(head -1 "$tmp.a")"
	done >"$tmp"
	point "planted bugs fit the sources"
	rm -f "$tmp.a"
else
	skip "planted bugs fit the sources" "patch"
fi

# ---- exit codes of mastctl and its page, both ways
sed -n '/^enum ctl_exit/,/^}/s/.*= \([0-9]*\).*/\1/p' ctl/ctl.h | sort -n \
    >"$tmp.a"
sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It \([0-9]*\)$/\1/p' man/mastctl.8 |
    sort -n >"$tmp.b"
diff "$tmp.a" "$tmp.b" | grep '^[<>]' >"$tmp"
point "exit codes of mastctl and its page"
rm -f "$tmp.a" "$tmp.b"
