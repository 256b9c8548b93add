# check's programs speak TAP, and so do the shell and Python suites.
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/packaging/build-aux/tap-driver.sh
TEST_EXTENSIONS = .sh .py
LOG_DRIVER = $(TAP_DRIVER)
SH_LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_COMPILER = /usr/bin/python3
AM_PY_LOG_FLAGS = -B
AM_TESTS_ENVIRONMENT = CK_TAP_LOG_FILE_NAME=-; export CK_TAP_LOG_FILE_NAME; \
	CK_VERBOSITY=silent; export CK_VERBOSITY; \
	CK_TIMEOUT_MULTIPLIER=10; export CK_TIMEOUT_MULTIPLIER; \
	MAST_SRC='$(abs_top_srcdir)'; export MAST_SRC; \
	MAST_BUILD='$(abs_top_builddir)'; export MAST_BUILD;
include tests/unit/local.mk
include tests/fuzz/local.mk
include tests/sim/local.mk
include tests/bb/local.mk
include tests/bench/local.mk
include tests/chaos/local.mk
include tests/lint/local.mk
include tests/sql/local.mk

# Tools for people; none of them is part of `make check`.
SOURCE_FILES = $(srcdir)/common/*.[ch] $(srcdir)/apid/*.[ch] \
	$(srcdir)/hubd/*.[ch] $(srcdir)/aid/*.[ch] $(srcdir)/ctl/*.[ch]
.PHONY: tidy format coverage check-valgrind
tidy:
	clang-tidy --quiet $(srcdir)/common/*.c $(srcdir)/apid/*.c \
	    $(srcdir)/hubd/*.c $(srcdir)/aid/*.c $(srcdir)/ctl/*.c -- \
	    -std=gnu11 $(AM_CPPFLAGS) -I$(top_srcdir)/apid $(DEFS) $(EVENT_CFLAGS) $(PQ_CFLAGS) \
	    $(JSON_CFLAGS) $(SSL_CFLAGS) $(SODIUM_CFLAGS) $(SECCOMP_CFLAGS)
format:
	clang-format --dry-run $(SOURCE_FILES)
# In a tree configured with --enable-coverage, after `make check`.
coverage:
	gcovr --root $(srcdir) --object-directory . \
	    --filter '(common|apid|hubd|aid|ctl)/' --print-summary
check-valgrind: $(UNIT_TESTS)
	for t in $(UNIT_TESTS); do \
	    CK_FORK=no valgrind -q --error-exitcode=9 --leak-check=full \
	    --errors-for-leak-kinds=definite ./$$t || exit 1; done
