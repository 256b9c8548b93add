EXTRA_PROGRAMS = bench-sink
bench_sink_SOURCES = tests/bench/sink.c
bench_sink_LDADD = $(SSL_LIBS)
EXTRA_DIST += tests/bench/bench.py tests/bench/export.py tests/bench/paging.py
CLEANFILES += bench-sink

# Figures, never a pass or a fail: prints a table and BENCH.json.
bench: all bench-sink
	MAST_SRC='$(abs_top_srcdir)' MAST_BUILD='$(abs_top_builddir)' \
	/usr/bin/python3 $(srcdir)/tests/bench/bench.py $(BENCH_ARGS)
.PHONY: bench
