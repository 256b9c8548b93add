sbin_PROGRAMS += mastkeeper-aid
mastkeeper_aid_SOURCES = aid/main.c
# aid holds no database: it does not link libpq.
AID_LIBS = common/libcommon.a $(EVENTEXTRA_LIBS) $(EVENT_LIBS) $(JSON_LIBS) \
	$(SSL_LIBS) $(SODIUM_LIBS) $(SECCOMP_LIBS) $(CURL_LIBS)
mastkeeper_aid_LDADD = aid/libaid.a $(AID_LIBS)
noinst_LIBRARIES += aid/libaid.a
aid_libaid_a_SOURCES = aid/aid.h aid/conf.c aid/fence.c aid/keyring.c \
	aid/fetch.c aid/fetch.h aid/guard.c aid/guard.h \
	aid/job.c aid/job.h aid/job_call.c aid/job_int.h \
	aid/provider.c aid/provider.h aid/provider_anthropic.c \
	aid/provider_gemini.c aid/provider_openai.c \
	aid/resolve.c aid/resolve.h aid/selftest.c aid/selftest.h aid/serve.c

check_PROGRAMS += tests/unit/aid_fetch tests/unit/aid_provider
TESTS += tests/unit/aid_fetch tests/unit/aid_provider
tests_unit_aid_fetch_SOURCES = tests/unit/aid_fetch.c
tests_unit_aid_fetch_LDADD = aid/libaid.a $(AID_LIBS) $(CHECK_LIBS)
tests_unit_aid_provider_SOURCES = tests/unit/aid_provider.c
tests_unit_aid_provider_LDADD = aid/libaid.a $(AID_LIBS) $(CHECK_LIBS)
