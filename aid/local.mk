sbin_PROGRAMS += mastkeeper-aid
mastkeeper_aid_SOURCES = aid/main.c
# aid holds no database: it does not link libpq.
AID_LIBS = common/libcommon.a $(EVENTEXTRA_LIBS) $(EVENT_LIBS) $(JSON_LIBS) \
	$(SSL_LIBS) $(SODIUM_LIBS) $(SECCOMP_LIBS)
mastkeeper_aid_LDADD = aid/libaid.a $(AID_LIBS)
noinst_LIBRARIES += aid/libaid.a
aid_libaid_a_SOURCES = aid/aid.h aid/conf.c aid/fence.c aid/keyring.c \
	aid/resolve.c aid/resolve.h aid/selftest.c aid/selftest.h aid/serve.c
