# The fuzz targets. `make check` replays the corpus with plain programs and,
# where clang is, fuzzes each for some seconds; `make check-fuzz` for longer.
FUZZ_SECONDS = 60

fuzz_programs = tests/fuzz/fuzz_ai \
	tests/fuzz/fuzz_cdiff tests/fuzz/fuzz_cert \
	tests/fuzz/fuzz_conf tests/fuzz/fuzz_cursor \
	tests/fuzz/fuzz_dump tests/fuzz/fuzz_frame tests/fuzz/fuzz_http1 \
	tests/fuzz/fuzz_json tests/fuzz/fuzz_jscan tests/fuzz/fuzz_msg \
	tests/fuzz/fuzz_provider tests/fuzz/fuzz_sub tests/fuzz/fuzz_ws
check_PROGRAMS += $(fuzz_programs)
TESTS += $(fuzz_programs) tests/fuzz/check-fuzz.sh

fuzz_common = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
fuzz_replay = $(fuzz_common) tests/fuzz/run_corpus.c
fuzz_libs = $(COMMON_LIBS) -lm
tests_fuzz_fuzz_ai_SOURCES = tests/fuzz/fuzz_ai.c $(fuzz_replay)
tests_fuzz_fuzz_ai_LDADD = apid/libapid.a $(fuzz_libs)
tests_fuzz_fuzz_cdiff_SOURCES = tests/fuzz/fuzz_cdiff.c $(fuzz_replay)
tests_fuzz_fuzz_cdiff_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_cert_SOURCES = tests/fuzz/fuzz_cert.c $(fuzz_replay)
tests_fuzz_fuzz_cert_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c $(fuzz_replay)
tests_fuzz_fuzz_conf_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_dump_SOURCES = tests/fuzz/fuzz_dump.c $(fuzz_replay)
tests_fuzz_fuzz_dump_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_cursor_SOURCES = tests/fuzz/fuzz_cursor.c $(fuzz_replay)
tests_fuzz_fuzz_cursor_LDADD = apid/libapid.a $(fuzz_libs)
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c $(fuzz_replay)
tests_fuzz_fuzz_frame_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_http1_SOURCES = tests/fuzz/fuzz_http1.c $(fuzz_replay)
tests_fuzz_fuzz_http1_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c $(fuzz_replay)
tests_fuzz_fuzz_json_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_jscan_SOURCES = tests/fuzz/fuzz_jscan.c $(fuzz_replay)
tests_fuzz_fuzz_jscan_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_msg_SOURCES = tests/fuzz/fuzz_msg.c $(fuzz_replay)
tests_fuzz_fuzz_msg_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_provider_SOURCES = tests/fuzz/fuzz_provider.c $(fuzz_replay)
tests_fuzz_fuzz_provider_LDADD = aid/libaid.a $(fuzz_libs)
tests_fuzz_fuzz_sub_SOURCES = tests/fuzz/fuzz_sub.c $(fuzz_replay)
tests_fuzz_fuzz_sub_LDADD = apid/libapid.a $(fuzz_libs)
tests_fuzz_fuzz_ws_SOURCES = tests/fuzz/fuzz_ws.c $(fuzz_replay)
tests_fuzz_fuzz_ws_LDADD = $(fuzz_libs)

# ./configure CC=clang --enable-fuzz --enable-sanitizers
if FUZZ
noinst_PROGRAMS += \
	libfuzzer-ai libfuzzer-cdiff libfuzzer-cert \
	libfuzzer-conf libfuzzer-cursor libfuzzer-dump libfuzzer-frame libfuzzer-http1 libfuzzer-json \
	libfuzzer-jscan libfuzzer-msg libfuzzer-provider libfuzzer-sub \
	libfuzzer-ws
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
libfuzzer_ai_SOURCES = tests/fuzz/fuzz_ai.c $(fuzz_common)
libfuzzer_ai_LDADD = apid/libapid.a $(fuzz_libs)
libfuzzer_ai_LDFLAGS = $(fuzz_ldflags)
libfuzzer_cdiff_SOURCES = tests/fuzz/fuzz_cdiff.c $(fuzz_common)
libfuzzer_cdiff_LDADD = $(fuzz_libs)
libfuzzer_cdiff_LDFLAGS = $(fuzz_ldflags)
libfuzzer_cert_SOURCES = tests/fuzz/fuzz_cert.c $(fuzz_common)
libfuzzer_cert_LDADD = $(fuzz_libs)
libfuzzer_cert_LDFLAGS = $(fuzz_ldflags)
libfuzzer_conf_SOURCES = tests/fuzz/fuzz_conf.c $(fuzz_common)
libfuzzer_conf_LDADD = $(fuzz_libs)
libfuzzer_conf_LDFLAGS = $(fuzz_ldflags)
libfuzzer_dump_SOURCES = tests/fuzz/fuzz_dump.c $(fuzz_common)
libfuzzer_dump_LDADD = $(fuzz_libs)
libfuzzer_dump_LDFLAGS = $(fuzz_ldflags)
libfuzzer_cursor_SOURCES = tests/fuzz/fuzz_cursor.c $(fuzz_common)
libfuzzer_cursor_LDADD = apid/libapid.a $(fuzz_libs)
libfuzzer_cursor_LDFLAGS = $(fuzz_ldflags)
libfuzzer_frame_SOURCES = tests/fuzz/fuzz_frame.c $(fuzz_common)
libfuzzer_frame_LDADD = $(fuzz_libs)
libfuzzer_frame_LDFLAGS = $(fuzz_ldflags)
libfuzzer_http1_SOURCES = tests/fuzz/fuzz_http1.c $(fuzz_common)
libfuzzer_http1_LDADD = $(fuzz_libs)
libfuzzer_http1_LDFLAGS = $(fuzz_ldflags)
libfuzzer_json_SOURCES = tests/fuzz/fuzz_json.c $(fuzz_common)
libfuzzer_json_LDADD = $(fuzz_libs)
libfuzzer_json_LDFLAGS = $(fuzz_ldflags)
libfuzzer_jscan_SOURCES = tests/fuzz/fuzz_jscan.c $(fuzz_common)
libfuzzer_jscan_LDADD = $(fuzz_libs)
libfuzzer_jscan_LDFLAGS = $(fuzz_ldflags)
libfuzzer_msg_SOURCES = tests/fuzz/fuzz_msg.c $(fuzz_common)
libfuzzer_msg_LDADD = $(fuzz_libs)
libfuzzer_msg_LDFLAGS = $(fuzz_ldflags)
libfuzzer_provider_SOURCES = tests/fuzz/fuzz_provider.c $(fuzz_common)
libfuzzer_provider_LDADD = aid/libaid.a $(fuzz_libs)
libfuzzer_provider_LDFLAGS = $(fuzz_ldflags)
libfuzzer_sub_SOURCES = tests/fuzz/fuzz_sub.c $(fuzz_common)
libfuzzer_sub_LDADD = apid/libapid.a $(fuzz_libs)
libfuzzer_sub_LDFLAGS = $(fuzz_ldflags)
libfuzzer_ws_SOURCES = tests/fuzz/fuzz_ws.c $(fuzz_common)
libfuzzer_ws_LDADD = $(fuzz_libs)
libfuzzer_ws_LDFLAGS = $(fuzz_ldflags)
endif

EXTRA_DIST += tests/fuzz/check-fuzz.sh tests/fuzz/corpus

check-fuzz:
	MAST_SRC='$(abs_top_srcdir)' FUZZ_SECONDS='$(FUZZ_SECONDS)' \
	$(SHELL) '$(srcdir)/tests/fuzz/check-fuzz.sh'
.PHONY: check-fuzz
