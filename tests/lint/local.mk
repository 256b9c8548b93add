TESTS += tests/lint/check-lint.sh tests/lint/check-api.sh tests/lint/check-packaging.sh
EXTRA_DIST += tests/lint/check-lint.sh tests/lint/check-api.sh tests/lint/check-packaging.sh
