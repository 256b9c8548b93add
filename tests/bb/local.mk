# Black-box suites: each starts an installation of its own.
BB_TESTS = \
	tests/bb/test_access.py tests/bb/test_aid.py \
	tests/bb/test_aijobs.py \
	tests/bb/test_audit.py tests/bb/test_auth.py \
	tests/bb/test_badinput.py tests/bb/test_chaos.py \
	tests/bb/test_command.py tests/bb/test_conventions.py \
	tests/bb/test_ctl.py tests/bb/test_dashboard.py \
	tests/bb/test_describe.py \
	tests/bb/test_doors.py tests/bb/test_durability.py \
	tests/bb/test_enroll.py tests/bb/test_event_ack.py \
	tests/bb/test_journal.py tests/bb/test_unsure.py \
	tests/bb/test_bulk.py \
	tests/bb/test_events.py tests/bb/test_export.py \
	tests/bb/test_fleet.py tests/bb/test_flows.py \
	tests/bb/test_http.py tests/bb/test_hub.py tests/bb/test_hubs.py tests/bb/test_import.py \
	tests/bb/test_nodes.py \
	tests/bb/test_page.py tests/bb/test_place.py tests/bb/test_readme.py
BB_TESTS += tests/bb/test_alarms.py tests/bb/test_history.py tests/bb/test_config.py
BB_TESTS += tests/bb/test_settings.py tests/bb/test_tls.py tests/bb/test_keys.py tests/bb/test_order.py
BB_TESTS += tests/bb/test_vanish.py
BB_TESTS += tests/bb/test_mend.py
BB_TESTS += tests/bb/test_service.py
BB_TESTS += tests/bb/test_setup.py
BB_TESTS += tests/bb/test_budget.py tests/bb/test_hostile.py \
	tests/bb/test_manapi.py tests/bb/test_matrix.py
BB_TESTS += tests/bb/test_tokens.py tests/bb/test_users.py
BB_TESTS += tests/bb/test_pressure.py tests/bb/test_subscribe.py tests/bb/test_tunnels.py
BB_TESTS += tests/bb/test_self.py tests/bb/test_totp.py
BB_TESTS += tests/bb/test_ai.py tests/bb/test_rotate.py
BB_TESTS += tests/bb/test_proposals.py
BB_TESTS += tests/bb/test_ui_admin.py tests/bb/test_ui_system.py tests/bb/test_ui_ai.py
BB_TESTS += tests/bb/test_ui_config.py tests/bb/test_ui_events.py tests/bb/test_ui_frame.py \
	tests/bb/test_ui_node.py \
	tests/bb/test_ui_nodes.py tests/bb/test_join.py \
	tests/bb/test_firefox.py
TESTS += $(BB_TESTS)
EXTRA_DIST += $(BB_TESTS) tests/bb/aikit.py tests/fakeai/fakeai.py \
	tests/bb/aidstub.py tests/bb/browser.py tests/bb/firefox.py \
	tests/bb/describe.py tests/bb/hubkit.py \
	tests/bb/ipcraw.py tests/bb/mast.py tests/bb/rows.py tests/bb/tap.py tests/bb/uikit.py tests/bb/ws.py \
	tests/samples packaging/build-aux/tap-driver.sh

# What `make check` would run, for scripts.
.PHONY: print-tests
print-tests:
	@echo $(TESTS)
