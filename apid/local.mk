sbin_PROGRAMS += mastkeeper-apid
mastkeeper_apid_SOURCES = apid/main.c
mastkeeper_apid_LDADD = apid/libapid.a $(COMMON_LIBS)
noinst_LIBRARIES += apid/libapid.a
apid_libapid_a_SOURCES = \
	apid/acquire.c apid/acquire.h apid/apid.h apid/arg.c apid/arg.h apid/auth.c apid/auth.h \
	apid/body.c apid/body.h apid/budget.c apid/budget.h apid/channels.c apid/channels.h apid/conf.c \
	apid/conn.c apid/conn.h apid/cursor.c apid/cursor.h apid/gzip.c apid/gzip.h apid/h_auth.c \
	apid/h_auth.h apid/h_health.c apid/h_health.h apid/http.c \
	apid/http.h apid/metrics.c apid/metrics.h apid/once.c apid/once.h apid/page.c apid/page.h apid/peer.c apid/peer.h \
	apid/problem.c apid/problem.h apid/pwhash.c apid/pwhash.h \
	apid/relay.c apid/relay.h apid/req.c apid/req.h apid/route.c \
	apid/route.h apid/routes.c apid/settings.c apid/settings.h \
	apid/stmt.c apid/stmt.h apid/stmt_core.c apid/stmt_event.c \
	apid/stmt_node.c apid/stmt_sql.h apid/wsconn.c apid/wsconn.h
apid_libapid_a_SOURCES += \
	apid/ai.c apid/ai.h apid/ai_form.c apid/ai_form.h apid/ai_keep.c apid/ai_keep.h \
	apid/ai_schema.c apid/ai_schema.h apid/feed.c apid/feed.h \
	apid/h_bulk.c apid/h_bulk.h apid/command.c apid/command.h apid/h_command.c apid/h_command.h \
	apid/h_config.c apid/h_config.h apid/h_endpoint.c apid/h_endpoint.h \
	apid/h_enrol.c apid/h_enrol.h apid/stmt_enrol.c \
	apid/h_flow.c apid/h_flow.h apid/stmt_command.c \
	apid/h_dashboard.c apid/h_dashboard.h apid/h_event.c apid/h_event.h \
	apid/h_node.c apid/h_node.h apid/h_page.c apid/h_page.h apid/h_problem.c apid/h_problem.h \
	apid/h_alarm.c apid/h_alarm.h apid/stmt_alarm.c \
	apid/h_history.c apid/h_history.h apid/stmt_history.c \
	apid/h_version.c apid/h_version.h apid/stmt_config.c \
	apid/config_diff.c apid/config_diff.h \
	apid/h_thumb.c apid/h_thumb.h \
	apid/h_audit.c apid/h_audit.h apid/stmt_audit.c \
	apid/refusal.c apid/refusal.h \
	apid/h_place.c apid/h_place.h apid/stmt_place.c \
	apid/h_tunnel.c apid/h_tunnel.h apid/stmt_tunnel.c \
	apid/ports.c apid/ports.h \
	apid/h_settings.c apid/h_settings.h apid/stmt_system.c \
	apid/h_user.c apid/h_user.h apid/stmt_user.c \
	apid/h_token.c apid/h_token.h \
	apid/h_tls.c apid/h_tls.h apid/reload.c apid/reload.h \
	apid/h_token.c apid/h_token.h apid/factor.c apid/factor.h \
	apid/h_link.c apid/h_link.h \
	apid/h_self.c apid/h_self.h apid/h_session.c apid/h_session.h \
	apid/h_totp.c apid/h_totp.h apid/totp.c apid/totp.h \
	apid/qr.c apid/qr.h \
	apid/hub.c apid/hub.h apid/hubs.c apid/hubs.h apid/picture.c apid/picture.h \
	apid/news.c apid/news.h apid/sub.c apid/sub.h \
	apid/view.c apid/view.h apid/subs.c apid/subs.h \
	apid/sibling.c apid/sibling.h apid/ui.h
include apid/ui/local.mk

check_PROGRAMS += tests/unit/apid_route tests/unit/apid_answer
TESTS += tests/unit/apid_route tests/unit/apid_answer
tests_unit_apid_route_SOURCES = tests/unit/apid_route.c
tests_unit_apid_route_LDADD = apid/libapid.a $(COMMON_LIBS) $(CHECK_LIBS)
tests_unit_apid_answer_SOURCES = tests/unit/apid_answer.c
tests_unit_apid_answer_LDADD = apid/libapid.a $(COMMON_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/apid_sub
TESTS += tests/unit/apid_sub
tests_unit_apid_sub_SOURCES = tests/unit/apid_sub.c
tests_unit_apid_sub_LDADD = apid/libapid.a $(COMMON_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/apid_cursor
TESTS += tests/unit/apid_cursor
tests_unit_apid_cursor_SOURCES = tests/unit/apid_cursor.c
tests_unit_apid_cursor_LDADD = apid/libapid.a $(COMMON_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/apid_ports
TESTS += tests/unit/apid_ports
tests_unit_apid_ports_SOURCES = tests/unit/apid_ports.c
tests_unit_apid_ports_LDADD = apid/libapid.a $(COMMON_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/apid_qr
TESTS += tests/unit/apid_qr
tests_unit_apid_qr_SOURCES = tests/unit/apid_qr.c
tests_unit_apid_qr_LDADD = apid/libapid.a $(COMMON_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/unit/apid_totp
TESTS += tests/unit/apid_totp
tests_unit_apid_totp_SOURCES = tests/unit/apid_totp.c
tests_unit_apid_totp_LDADD = apid/libapid.a $(COMMON_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/apid_picture
TESTS += tests/unit/apid_picture
tests_unit_apid_picture_SOURCES = tests/unit/apid_picture.c
tests_unit_apid_picture_LDADD = apid/libapid.a $(COMMON_LIBS) $(CHECK_LIBS)
EXTRA_DIST += tests/unit/apid_routes.txt
apid_libapid_a_SOURCES += \
	apid/h_export.c apid/h_export.h apid/h_import.c apid/h_import.h \
	apid/stmt_export.c
apid_libapid_a_SOURCES += \
	apid/ai_context.c apid/ai_context.h apid/ai_envelope.c \
	apid/ai_envelope.h apid/ai_flow.c apid/ai_flow.h apid/ai_redact.c \
	apid/ai_redact.h apid/ask.c apid/ask.h apid/config_now.c \
	apid/config_now.h apid/h_ai.c apid/h_ai.h apid/h_ai_key.c \
	apid/h_ai_key.h apid/h_proposal.c apid/h_proposal.h apid/inner.c \
	apid/inner.h apid/proposal.c apid/proposal.h apid/stmt_ai.c

check_PROGRAMS += tests/unit/apid_ai
TESTS += tests/unit/apid_ai
tests_unit_apid_ai_SOURCES = tests/unit/apid_ai.c
tests_unit_apid_ai_LDADD = apid/libapid.a $(COMMON_LIBS) $(CHECK_LIBS)
