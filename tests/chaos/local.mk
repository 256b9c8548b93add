# The chaos run. Its short form is tests/bb/test_chaos.py.
EXTRA_DIST += tests/chaos/books.py tests/chaos/chaos.py \
	tests/chaos/checks.py tests/chaos/faults.py tests/chaos/plants.py \
	tests/chaos/plants

# Loaded into the processes under test: no sanitizer, which is theirs.
noinst_PROGRAMS += mast-chaos-shim.so
mast_chaos_shim_so_SOURCES = tests/chaos/shim.c
mast_chaos_shim_so_CFLAGS = -std=gnu11 -Wall -Wextra -O2 -fPIC
mast_chaos_shim_so_LDFLAGS = -shared
mast_chaos_shim_so_LDADD = -ldl

CHAOS_SECONDS = 600
CHAOS_SEED =
CHAOS_ENV = MAST_SRC='$(abs_top_srcdir)' MAST_BUILD='$(abs_top_builddir)'

# Ten minutes of faults, then the books.
check-chaos: all
	$(CHAOS_ENV) /usr/bin/python3 -B $(srcdir)/tests/chaos/chaos.py \
	    --seconds $(CHAOS_SECONDS) $(CHAOS_SEED:%=--seed %)
# Builds with planted bugs: the run must fail for each, and say why.
check-chaos-plants: all
	$(CHAOS_ENV) /usr/bin/python3 -B $(srcdir)/tests/chaos/plants.py \
	    $(PLANTS)
.PHONY: check-chaos check-chaos-plants
