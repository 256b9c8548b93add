#!/bin/sh
# Writes files as C arrays: each as it is and compressed in two ways, and an
# id that changes with any of them, which stands for @BUILD@ in their text.
# A file is called by the last part of its path.
# usage: embed.sh NAME SRCDIR OUT.c FILE...   (NAME: of the arrays, see ui.h)
set -eu
LC_ALL=C
export LC_ALL

name=$1 src=$2 out=$3
shift 3
work=$(mktemp -d "${TMPDIR:-/tmp}/mast-ui.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

build=$(cd "$src" && cat "$@" | sha256sum | cut -c 1-16)

bytes() {
	od -An -v -tx1 "$1" |
	    awk '{ for (i = 1; i <= NF; i++) printf "0x%s,", $i; print "" }'
}

type_of() {
	case $1 in
	*.html) echo 'text/html; charset=utf-8' ;;
	*.css) echo 'text/css; charset=utf-8' ;;
	*.js) echo 'text/javascript; charset=utf-8' ;;
	*.svg) echo 'image/svg+xml' ;;
	*.json) echo 'application/json' ;;
	*) echo "embed.sh: $1: unknown type" >&2; exit 1 ;;
	esac
}

{
	echo '/* Made by apid/ui/embed.sh. */'
	echo '#include "ui.h"'
	echo
	i=0
	for f; do
		sed "s/@BUILD@/$build/g" "$src/$f" >"$work/plain"
		gzip -9 -n -c "$work/plain" >"$work/gz"
		brotli -q 11 -w 24 -c "$work/plain" >"$work/br"
		for form in plain gz br; do
			echo "static const unsigned char $form${i}[] = {"
			bytes "$work/$form"
			echo '};'
		done
		i=$((i + 1))
	done
	echo "const struct ui_asset ${name}_assets[] = {"
	i=0
	for f; do
		type=$(type_of "$f")
		printf '\t{ "%s", "%s",\n\t  plain%d, sizeof(plain%d), ' \
		    "${f##*/}" "$type" "$i" "$i"
		printf 'gz%d, sizeof(gz%d), br%d, sizeof(br%d) },\n' \
		    "$i" "$i" "$i" "$i"
		i=$((i + 1))
	done
	echo '};'
	echo "const size_t ${name}_nassets = $i;"
	echo "const char ${name}_build[] = \"$build\";"
} >"$work/out"
mkdir -p "$(dirname "$out")"
mv "$work/out" "$out"
