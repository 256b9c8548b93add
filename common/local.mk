noinst_LIBRARIES += common/libcommon.a
common_libcommon_a_SOURCES = \
	common/arena.c common/arena.h common/buf.c common/buf.h \
	common/conf.c common/conf.h common/db.c common/db.h \
	common/db_conn.c common/db_int.h common/db_sync.c common/db_tx.c common/db_value.c \
	common/dump.h common/dump_int.h common/dump_in.c common/dump_out.c \
	common/dump_rows.c common/dump_seal.c \
	common/driver.c common/driver.h common/driver_edge.c \
	common/driver_edge.h common/driver_edge_config.c common/driver_edge_turn.c \
	common/driver_edge_hide.c \
	common/driver_form.c common/driver_edge_form.c \
	common/driver_edge_watch.c common/watch.c common/watch.h \
	common/cdiff.c common/cdiff.h common/drift.c common/drift.h \
	common/driver_relay.c common/err.c common/err.h \
	common/frame.c common/frame.h common/http1.c common/http1.h \
	common/http1_out.c \
	common/id.c common/id.h common/ipc.c common/ipc.h \
	common/ipc_chan.c common/ipc_int.h \
	common/jscan.c common/jscan.h common/jscan_fast.c common/jscan_num.c \
	common/json.c common/json.h common/json_w.c \
	common/log.c common/log.h common/mono.c common/mono.h \
	common/msg.c common/msg.h common/msg_ai.c common/msg_ai.h \
	common/proc.c common/proc.h common/proc_listen.c \
	common/rate.c common/rate.h common/role.c common/role.h common/dbschema.h \
	common/sandbox.c common/sandbox.h common/secret.c common/secret_turn.c common/secret.h \
	common/seal.c common/seal.h \
	common/sock.c common/sock.h common/str.c common/str.h \
	common/stream.c common/stream.h \
	common/stream_int.h common/stream_out.c common/timer.c common/timer.h \
	common/tls.c common/tls.h common/tls_cert.c common/tls_cert.h \
	common/certs.c common/certs.h common/tunnel.c common/tunnel.h \
	common/valid.c common/valid.h \
	common/tls_hmac.c common/tls_trust.c common/tls_trust.h \
	common/ws.c common/ws.h common/xmalloc.c common/xmalloc.h
