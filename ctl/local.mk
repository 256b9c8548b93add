sbin_PROGRAMS += mastctl
mastctl_SOURCES = ctl/main.c
mastctl_LDADD = ctl/libctl.a $(COMMON_LIBS)
noinst_LIBRARIES += ctl/libctl.a
ctl_libctl_a_SOURCES = \
	ctl/ai_key.c ctl/ai_key.h ctl/key_aid.c ctl/key_aid.h ctl/owned.c ctl/owned.h ctl/talk.c ctl/talk.h \
	ctl/audit.c ctl/audit.h ctl/cert.c ctl/cert.h ctl/verify.c ctl/verify.h \
	ctl/cmds.c ctl/cmds.h ctl/ctl.c ctl/ctl.h ctl/doctor.c ctl/doctor.h \
	ctl/node.c ctl/node.h ctl/out.c ctl/out.h ctl/ready.c ctl/ready.h ctl/pass.c ctl/pass.h \
	ctl/pg.c ctl/pg.h ctl/schema.c ctl/schema.h ctl/setup.c ctl/setup.h \
	ctl/status.c ctl/status.h ctl/stmt.c ctl/stmt.h ctl/user.c ctl/user.h \
	ctl/backup.c ctl/backup.h ctl/report.c ctl/report.h \
	ctl/watch.c ctl/watch.h \
	ctl/completion.c ctl/completion.h ctl/service.c ctl/service.h \
	ctl/settle.c ctl/settle.h \
	ctl/key.c ctl/key.h ctl/key_audit.c ctl/key_server.c \
	ctl/keyfile.c ctl/keyfile.h ctl/order.c ctl/order.h \
	ctl/export.c ctl/export.h ctl/token.c ctl/token.h
