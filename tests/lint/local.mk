TESTS += tests/lint/check-lint.sh
EXTRA_DIST += tests/lint/check-lint.sh
