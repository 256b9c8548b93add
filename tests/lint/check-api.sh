#!/bin/sh
# The API's description against the strict rules of a linter that others
# wrote, as TAP. quickstart check installs it beside the build trees.
set -u
SRC=$(cd "${MAST_SRC:-.}" && pwd)
lint=$SRC/build-npm/node_modules/.bin/redocly
rules=recommended-strict

echo "1..2"
if [ ! -x "$lint" ]; then
	echo "ok 1 - the description # SKIP needs npm ci of tests/npm"
	echo "ok 2 - a bad one # SKIP needs npm ci of tests/npm"
	exit 0
fi
REDOCLY_TELEMETRY=off
REDOCLY_SUPPRESS_UPDATE_NOTICE=true
export REDOCLY_TELEMETRY REDOCLY_SUPPRESS_UPDATE_NOTICE
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cp "$SRC/apid/openapi.yaml" "$tmp" || exit 99
sed 's/operationId: login$/operationId: logout/' "$tmp/openapi.yaml" \
    >"$tmp/bad.yaml"
cd "$tmp" || exit 99
if "$lint" lint --extends=$rules openapi.yaml >out 2>&1; then
	echo "ok 1 - the description keeps every rule of $rules"
else
	sed 's/^/# /' out
	echo "not ok 1 - the description keeps every rule of $rules"
fi
if ! "$lint" lint --extends=$rules bad.yaml >out 2>&1 &&
    grep -q operation-operationId-unique out; then
	echo "ok 2 - an operationId that is there twice is found"
else
	sed 's/^/# /' out
	echo "not ok 2 - an operationId that is there twice is found"
fi
