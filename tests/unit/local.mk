# One check(3) program per module, tests/unit/test_<module>.c.
UNIT_TESTS = \
	tests/unit/test_arena tests/unit/test_buf tests/unit/test_conf \
	tests/unit/test_db tests/unit/test_driver \
	tests/unit/test_driver_edge tests/unit/test_err \
	tests/unit/test_frame tests/unit/test_http1 tests/unit/test_id \
	tests/unit/test_ipc tests/unit/test_jscan tests/unit/test_json \
	tests/unit/test_log tests/unit/test_mono tests/unit/test_msg \
	tests/unit/test_rate tests/unit/test_sandbox tests/unit/test_seal tests/unit/test_secret \
	tests/unit/test_sock tests/unit/test_str tests/unit/test_stream \
	tests/unit/test_timer tests/unit/test_tls tests/unit/test_tls_cert \
	tests/unit/test_tunnel \
	tests/unit/test_valid tests/unit/test_watch tests/unit/test_cdiff \
	tests/unit/test_ws
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
