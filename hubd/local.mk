sbin_PROGRAMS += mastkeeper-hubd
mastkeeper_hubd_SOURCES = hubd/main.c
mastkeeper_hubd_LDADD = hubd/libhubd.a $(COMMON_LIBS)
noinst_LIBRARIES += hubd/libhubd.a
hubd_libhubd_a_SOURCES = \
	hubd/alarm.c hubd/alarm.h \
	hubd/compare.c hubd/compare.h hubd/history.c hubd/history.h hubd/observe.c hubd/observe.h hubd/opposite.c hubd/opposite.h \
	hubd/batch.c hubd/batch.h hubd/cache.c hubd/cache.h \
	hubd/cmd.c hubd/cmd.h hubd/cmd_int.h hubd/conf.c hubd/conn.c hubd/conn.h hubd/conn_int.h \
	hubd/count.c hubd/count.h hubd/enroll.c hubd/enroll.h hubd/greet.c \
	hubd/hub.c hubd/hub.h hubd/hubd.c hubd/hubd.h \
	hubd/listen.c hubd/listen.h hubd/node.c hubd/node.h \
	hubd/note.c hubd/note.h hubd/numbered.c hubd/numbered.h \
	hubd/proto.c hubd/proto.h hubd/publish.c hubd/publish.h \
	hubd/push.c hubd/push.h hubd/queue.c hubd/queue.h \
	hubd/real.c hubd/real.h hubd/sealer.c hubd/sealer.h hubd/serve.c hubd/serve.h \
	hubd/sink.c hubd/sink.h hubd/stmt.c hubd/stmt.h \
	hubd/step.c hubd/step.h hubd/stmt_part.h hubd/stmt_queue.c hubd/stmt_record.c

check_PROGRAMS += tests/unit/hubd_opposite
TESTS += tests/unit/hubd_opposite
tests_unit_hubd_opposite_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/hubd
tests_unit_hubd_opposite_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_hubd_opposite_LDADD = hubd/libhubd.a $(COMMON_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/hubd_real
TESTS += tests/unit/hubd_real
tests_unit_hubd_real_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/hubd
tests_unit_hubd_real_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_hubd_real_LDADD = hubd/libhubd.a $(COMMON_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/hubd_note
TESTS += tests/unit/hubd_note
tests_unit_hubd_note_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/hubd
tests_unit_hubd_note_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_hubd_note_LDADD = hubd/libhubd.a $(COMMON_LIBS) $(CHECK_LIBS)

hubd_libhubd_a_SOURCES += \
	hubd/again.c hubd/again.h hubd/unsent.c hubd/unsent.h \
	hubd/thumb.c hubd/thumb.h
