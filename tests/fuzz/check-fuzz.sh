#!/bin/sh
# Builds every fuzz target with libFuzzer and sanitizers in a folder of its
# own and runs each for FUZZ_SECONDS (5) from its corpus. TAP. With names as
# arguments only those targets. New inputs stay in FUZZ_KEEP when it is set.
src=${MAST_SRC:-.}
seconds=${FUZZ_SECONDS:-5}
cc=${FUZZ_CC:-clang}
fuzz=$src/tests/fuzz
flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all"
san=address,undefined

if [ $# -gt 0 ]; then
	targets=$*
else
	targets=$(cd "$fuzz" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/mast-fuzz.XXXXXX") || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM

skip()
{
	echo "1..0 # SKIP $1"
	exit 0
}

diag()
{
	sed 's/^/# /'
}

command -v "$cc" >/dev/null 2>&1 ||
	skip "no $cc: install clang and libclang-rt-14-dev"
cat >"$dir/probe.c" <<'END'
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) { return 0; }
END
"$cc" -fsanitize=fuzzer,$san "$dir/probe.c" -o "$dir/probe" 2>/dev/null &&
"$dir/probe" -runs=1 >/dev/null 2>&1 ||
	skip "$cc has no working libFuzzer: install libclang-rt-14-dev"

# The pure modules and what they stand on; a module may have several files.
objects()
{
	for m in err log xmalloc arena buf str id valid mono role http1 ws \
	    jscan json msg conf frame secret driver watch cdiff dump tls_cert \
	    ../apid/cursor ../apid/sub ../aid/provider ../aid/guard \
	    ../apid/ai_envelope ../apid/ai_form \
	    ../apid/ai_flow ../apid/ai_redact; do
		for f in "$src/common/$m.c" "$src/common/$m"_*.c; do
			[ -f "$f" ] || continue
			# shellcheck disable=SC2046 # a list of flags
			"$cc" $flags -fsanitize=fuzzer-no-link,$san \
			    -I"$src/common" \
			    $(pkg-config --cflags json-c libsodium) \
			    -c "$f" -o "$dir/$(basename "$f" .c).o" || return 1
		done
	done
	"$cc" $flags -fsanitize=fuzzer-no-link,$san -I"$src/common" \
	    -c "$fuzz/fuzz.c" -o "$dir/fuzz.o"
}

run()
{
	# shellcheck disable=SC2046 # a list of flags
	"$cc" $flags -fsanitize=fuzzer,$san -I"$src/common" \
	    "$fuzz/fuzz_$1.c" "$dir"/*.o -o "$dir/$1" \
	    $(pkg-config --libs json-c libsodium libcrypto) -lm || return 1
	new=${FUZZ_KEEP:+$FUZZ_KEEP/$1}
	new=${new:-$dir/new-$1}
	mkdir -p "$new" "$dir/crash-$1" || return 1
	"$dir/$1" -max_total_time="$seconds" -max_len=20000 -timeout=10 \
	    -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
	    -artifact_prefix="$dir/crash-$1/" "$new" "$fuzz/corpus/$1" && return 0
	for f in "$dir/crash-$1"/*; do
		[ -f "$f" ] || continue
		echo "reproducer $(basename "$f"), base64:"
		base64 "$f" | head -100
	done
	return 1
}

n=0
failed=0
echo "1..$(($(echo $targets | wc -w) + 1))"
report()
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		failed=1
		diag <"$dir/out"
		echo "not ok $n - $2"
	fi
}

objects >"$dir/out" 2>&1
report $? "the sources build with $cc and sanitizers"
[ $failed -eq 0 ] || { echo "Bail out! nothing to fuzz"; exit 1; }
for t in $targets; do
	run "$t" >"$dir/out" 2>&1
	rc=$?
	units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/out")
	report $rc "$t for $seconds s, ${units:-0} runs"
done
exit $failed
