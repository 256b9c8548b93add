/* ai_form: see ai_form.h. */
#include <string.h>

#include "ai_form.h"
#include "xmalloc.h"

static const struct ai_action actions[] = {
	{ "create_flow", AI_T_NODE, AI_N_FLOW | AI_N_NEW, "delete_flow" },
	{ "update_flow", AI_T_NODE, AI_N_FLOW | AI_N_THERE, "update_flow" },
	{ "delete_flow", AI_T_NODE, AI_N_FLOW_ID | AI_N_THERE,
	  "create_flow" },
	{ "start_flow", AI_T_NODE, AI_N_FLOW_ID | AI_N_THERE, "stop_flow" },
	{ "stop_flow", AI_T_NODE, AI_N_FLOW_ID | AI_N_THERE, "start_flow" },
	{ "restart_flow", AI_T_NODE, AI_N_FLOW_ID | AI_N_THERE, NULL },
	{ "add_output", AI_T_NODE, AI_N_FLOW_ID | AI_N_OUTPUT | AI_N_THERE,
	  "remove_output" },
	{ "remove_output", AI_T_NODE, AI_N_FLOW_ID | AI_N_OUTPUT_ID |
	  AI_N_THERE, "add_output" },
	{ "create_tunnel", AI_T_TUNNELS, AI_N_TUNNEL, "delete_tunnel" },
	{ "delete_tunnel", AI_T_TUNNELS, AI_N_TUNNEL_ID, NULL },
};

const struct ai_action *
ai_action_at(size_t i)
{
	return i < nitems(actions) ? &actions[i] : NULL;
}

const struct ai_end ai_form_inputs[] = {
	{ "rtp", { "bind_addr" } }, { "udp", { "bind_addr" } },
	{ "srt", { "mode" } }, { "rtmp", { "listen_addr" } },
	{ "rtsp", { "rtsp_url" } }, { "webrtc", { NULL } },
	{ "whep", { "whep_url" } }, { NULL, { NULL } },
};
const struct ai_end ai_form_outputs[] = {
	{ "rtp", { "dest_addr" } }, { "udp", { "dest_addr" } },
	{ "srt", { "mode" } }, { "rtmp", { "dest_url" } },
	{ "hls", { "ingest_url" } }, { "webrtc", { "mode" } },
	{ NULL, { NULL } },
};

static const struct ai_member members[] = {
	{ "type", AI_STRING }, { "id", AI_STRING }, { "name", AI_STRING },
	{ "mode", AI_STRING }, { "bind_addr", AI_STRING },
	{ "interface_addr", AI_STRING }, { "local_addr", AI_STRING },
	{ "remote_addr", AI_STRING }, { "listen_addr", AI_STRING },
	{ "dest_addr", AI_STRING }, { "dest_url", AI_STRING },
	{ "ingest_url", AI_STRING }, { "rtsp_url", AI_STRING },
	{ "whep_url", AI_STRING }, { "whip_url", AI_STRING },
	{ "app", AI_STRING }, { "stream_key", AI_STRING },
	{ "auth_token", AI_STRING }, { "bearer_token", AI_STRING },
	{ "username", AI_STRING }, { "password", AI_STRING },
	{ "transport", AI_STRING }, { "public_ip", AI_STRING },
	{ "stun_server", AI_STRING }, { "video_only", AI_BOOLEAN },
	{ "dscp", AI_INTEGER }, { "max_publishers", AI_INTEGER },
	{ "max_viewers", AI_INTEGER }, { "max_segments", AI_INTEGER },
	{ "segment_duration_secs", AI_NUMBER },
	{ "timeout_secs", AI_INTEGER },
	{ "reconnect_delay_secs", AI_INTEGER },
	{ "max_reconnect_attempts", AI_INTEGER },
	{ "fec_decode", AI_OBJECT }, { "fec_encode", AI_OBJECT },
	{ "tr07_mode", AI_BOOLEAN }, { "allowed_sources", AI_STRINGS },
	{ "allowed_payload_types", AI_INTEGERS },
	{ "max_bitrate_mbps", AI_NUMBER },
	/* SRT */
	{ "latency_ms", AI_INTEGER }, { "recv_latency_ms", AI_INTEGER },
	{ "peer_latency_ms", AI_INTEGER },
	{ "peer_idle_timeout_secs", AI_INTEGER },
	{ "passphrase", AI_STRING }, { "aes_key_len", AI_INTEGER },
	{ "crypto_mode", AI_STRING }, { "max_rexmit_bw", AI_INTEGER },
	{ "stream_id", AI_STRING }, { "packet_filter", AI_STRING },
	{ "max_bw", AI_INTEGER }, { "input_bw", AI_INTEGER },
	{ "overhead_bw", AI_INTEGER },
	{ "enforced_encryption", AI_BOOLEAN },
	{ "connect_timeout_secs", AI_INTEGER },
	{ "flight_flag_size", AI_INTEGER },
	{ "send_buffer_size", AI_INTEGER },
	{ "recv_buffer_size", AI_INTEGER }, { "ip_tos", AI_INTEGER },
	{ "retransmit_algo", AI_STRING }, { "send_drop_delay", AI_INTEGER },
	{ "loss_max_ttl", AI_INTEGER }, { "km_refresh_rate", AI_INTEGER },
	{ "km_pre_announce", AI_INTEGER }, { "payload_size", AI_INTEGER },
	{ "mss", AI_INTEGER }, { "tlpkt_drop", AI_BOOLEAN },
	{ "ip_ttl", AI_INTEGER }, { "redundancy", AI_OBJECT },
};

const struct ai_member *
ai_member_at(size_t i)
{
	return i < nitems(members) ? &members[i] : NULL;
}

bool
ai_type_is(enum ai_type type, struct slice raw)
{
	bool number = raw.p[0] == '-' || (raw.p[0] >= '0' &&
	    raw.p[0] <= '9');

	if (slice_eq(raw, "null"))
		return true;
	switch (type) {
	case AI__UNSET:
		break;
	case AI_STRING:
		return raw.p[0] == '"';
	case AI_INTEGER:
		return number && memchr(raw.p, '.', raw.n) == NULL;
	case AI_NUMBER:
		return number;
	case AI_BOOLEAN:
		return raw.p[0] == 't' || raw.p[0] == 'f';
	case AI_STRINGS:
	case AI_INTEGERS:
		return raw.p[0] == '[';
	case AI_OBJECT:
		return raw.p[0] == '{';
	}
	return false;
}

const char *
ai_type_rule(enum ai_type type)
{
	static const char *const rules[] = { "", "must be a string",
	    "must be a whole number", "must be a number",
	    "must be true or false", "must be an array of strings",
	    "must be an array of whole numbers", "must be an object" };

	return rules[type];
}
