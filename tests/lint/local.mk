TESTS += tests/lint/check-lint.sh tests/lint/check-api.sh
EXTRA_DIST += tests/lint/check-lint.sh tests/lint/check-api.sh
