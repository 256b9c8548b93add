EXTRA_PROGRAMS = bench-sink bench-scan
bench_sink_SOURCES = tests/bench/sink.c
bench_sink_LDADD = $(SSL_LIBS)
bench_scan_SOURCES = tests/bench/scan.c tests/bench/scan.h \
	tests/bench/scan_jsonc.c
bench_scan_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS)
bench_scan_LDADD = $(COMMON_LIBS)
EXTRA_DIST += tests/bench/aicall.py tests/bench/bench.py tests/bench/export.py \
	tests/bench/live.py tests/bench/page.py tests/bench/paging.py
CLEANFILES += bench-sink bench-scan

# Figures, never a pass or a fail: prints a table and BENCH.json.
bench: all bench-sink bench-scan
	MAST_SRC='$(abs_top_srcdir)' MAST_BUILD='$(abs_top_builddir)' \
	/usr/bin/python3 $(srcdir)/tests/bench/bench.py $(BENCH_ARGS)
.PHONY: bench
