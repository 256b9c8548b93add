/*
 * driver_edge_form: what an edge's flows, inputs and outputs hold, in both
 * dialects. Newer edges know more kinds and members than stand here; they
 * are let through.
 */
#include "driver_edge.h"
#include "xmalloc.h"

#define REQ	DRIVER_REQUIRED
#define REQ_1	DRIVER_REQUIRED_1
#define SECRET	DRIVER_SECRET
#define RARE	DRIVER_RARE

#define TEXT(name, label, flags, min, max)				\
	{ name, label, DRIVER_TEXT, flags, min, max, NULL, NULL, NULL }
#define ADDRESS(name, label, flags)					\
	{ name, label, DRIVER_ADDRESS, flags, 0, 0, NULL, NULL, NULL }
#define INT(name, label, flags, min, max, def)				\
	{ name, label, DRIVER_INT, flags, min, max, NULL, def, NULL }
#define NUMBER(name, label, flags, min, max, def)			\
	{ name, label, DRIVER_NUMBER, flags, min, max, NULL, def, NULL }
#define BOOL(name, label, flags, def)					\
	{ name, label, DRIVER_BOOL, flags, 0, 0, NULL, def, NULL }
#define CHOICE(name, label, flags, choices, def)			\
	{ name, label, DRIVER_TEXT, flags, 0, 0, choices, def, NULL }
#define GROUP(name, label, list)					\
	{ name, label, DRIVER_GROUP, RARE, 0, 0, NULL, NULL, &(list) }

#define MEMBERS(name, ...)						\
	static const struct driver_member name##_v[] = { __VA_ARGS__ };	\
	static const struct driver_members name = { name##_v,		\
	    nitems(name##_v) }

#define U32	4294967295

/* One leg of SRT. */
#define SRT								\
	CHOICE("mode", "Mode", REQ, "caller listener rendezvous", NULL),	\
	ADDRESS("local_addr", "Local address", REQ_1),			\
	ADDRESS("remote_addr", "Remote address", 0),			\
	INT("latency_ms", "Latency, ms", 0, 0, 60000, "120"),		\
	TEXT("passphrase", "Passphrase", SECRET, 10, 79),		\
	{ "aes_key_len", "Key length, bytes", DRIVER_INT, 0, 0, 0,	\
	  "16 24 32", NULL, NULL },					\
	TEXT("stream_id", "Stream id", 0, 0, 512),			\
	INT("recv_latency_ms", "Latency of receiving, ms", RARE, 0, 60000, \
	    NULL),							\
	INT("peer_latency_ms", "Latency of the peer, ms", RARE, 0, 60000, \
	    NULL),							\
	INT("peer_idle_timeout_secs", "Peer may be idle, s", RARE, 0, U32, \
	    "30"),							\
	CHOICE("crypto_mode", "Cipher", RARE, "aes-ctr aes-gcm", NULL),	\
	BOOL("enforced_encryption", "Encryption is a must", RARE, NULL), \
	INT("max_rexmit_bw", "Most for resending, bytes/s", RARE, -1,	\
	    INT64_MAX, NULL),						\
	TEXT("packet_filter", "Packet filter", RARE, 0, 512),		\
	INT("max_bw", "Most in all, bytes/s", RARE, -1, INT64_MAX, NULL), \
	INT("input_bw", "Rate of the source, bytes/s", RARE, -1,	\
	    INT64_MAX, NULL),						\
	INT("overhead_bw", "Overhead, %", RARE, 5, 100, NULL),		\
	INT("connect_timeout_secs", "Connecting may take, s", RARE, 0, U32, \
	    NULL),							\
	INT("flight_flag_size", "Packets in flight", RARE, 0, U32, NULL), \
	INT("send_buffer_size", "Send buffer, packets", RARE, 0, U32,	\
	    NULL),							\
	INT("recv_buffer_size", "Receive buffer, packets", RARE, 0, U32, \
	    NULL),							\
	INT("ip_tos", "IP TOS", RARE, 0, 255, NULL),			\
	INT("ip_ttl", "IP TTL", RARE, 1, 255, NULL),			\
	CHOICE("retransmit_algo", "Resending", RARE, "default reduced",	\
	    NULL),							\
	INT("send_drop_delay", "Drop late when sending, ms", RARE, -1, U32, \
	    NULL),							\
	BOOL("tlpkt_drop", "Drop late packets", RARE, NULL),		\
	INT("loss_max_ttl", "Reorder tolerance, packets", RARE, 0, U32,	\
	    NULL),							\
	INT("km_refresh_rate", "New key after, packets", RARE, 0, U32, NULL), \
	INT("km_pre_announce", "Announced before, packets", RARE, 0, U32, \
	    NULL),							\
	INT("payload_size", "Payload, bytes", RARE, 188, 1456, NULL),	\
	INT("mss", "MSS, bytes", RARE, 76, 9000, NULL)

MEMBERS(srt_leg, SRT);
MEMBERS(srt, SRT, GROUP("redundancy", "Second leg", srt_leg));

MEMBERS(fec, INT("columns", "Columns", REQ, 1, 255, NULL),
    INT("rows", "Rows", REQ, 1, 255, NULL));

MEMBERS(in_rtp, ADDRESS("bind_addr", "Listen at", REQ),
    TEXT("interface_addr", "Interface", 0, 0, 64),
    GROUP("fec_decode", "FEC", fec),
    BOOL("tr07_mode", "TR-07", RARE, NULL),
    { "allowed_sources", "Allowed sources", DRIVER_TEXTS, RARE, 0, 64, NULL,
      NULL, NULL },
    { "allowed_payload_types", "Allowed payload types", DRIVER_INTS, RARE,
      0, 127, NULL, NULL, NULL },
    NUMBER("max_bitrate_mbps", "At most, Mb/s", RARE, 0, 1000000, NULL));
MEMBERS(in_udp, ADDRESS("bind_addr", "Listen at", REQ),
    TEXT("interface_addr", "Interface", 0, 0, 64));
MEMBERS(in_rtmp, ADDRESS("listen_addr", "Listen at", REQ),
    { "app", "Application", DRIVER_TEXT, 0, 0, 256, NULL, "\"live\"", NULL },
    TEXT("stream_key", "Stream key", SECRET, 0, 512),
    INT("max_publishers", "Publishers", RARE, 1, U32, "1"));
MEMBERS(in_rtsp, TEXT("rtsp_url", "Address", REQ, 1, 2048),
    TEXT("username", "User name", 0, 0, 256),
    TEXT("password", "Password", SECRET, 0, 256),
    CHOICE("transport", "Transport", 0, "tcp udp", "\"tcp\""),
    INT("timeout_secs", "Give up after, s", RARE, 0, U32, "10"),
    INT("reconnect_delay_secs", "Try again after, s", RARE, 0, U32, "5"));
MEMBERS(in_webrtc, TEXT("bearer_token", "Bearer token", SECRET, 0, 4096),
    BOOL("video_only", "Video only", 0, "false"),
    TEXT("public_ip", "Public address", 0, 0, 64),
    TEXT("stun_server", "STUN server", RARE, 0, 512));
MEMBERS(in_whep, TEXT("whep_url", "Address", REQ, 1, 2048),
    TEXT("bearer_token", "Bearer token", SECRET, 0, 4096),
    BOOL("video_only", "Video only", 0, "false"));

MEMBERS(out_rtp, ADDRESS("dest_addr", "Send to", REQ),
    ADDRESS("bind_addr", "Send from", 0),
    TEXT("interface_addr", "Interface", 0, 0, 64),
    GROUP("fec_encode", "FEC", fec),
    INT("dscp", "DSCP", RARE, 0, 63, "46"));
MEMBERS(out_udp, ADDRESS("dest_addr", "Send to", REQ),
    ADDRESS("bind_addr", "Send from", 0),
    TEXT("interface_addr", "Interface", 0, 0, 64),
    INT("dscp", "DSCP", RARE, 0, 63, "46"));
MEMBERS(out_rtmp, TEXT("dest_url", "Address", REQ, 1, 2048),
    TEXT("stream_key", "Stream key", SECRET, 0, 512),
    INT("reconnect_delay_secs", "Try again after, s", RARE, 0, U32, "5"),
    INT("max_reconnect_attempts", "Most tries", RARE, 0, U32, NULL));
MEMBERS(out_hls, TEXT("ingest_url", "Address", REQ, 1, 2048),
    NUMBER("segment_duration_secs", "Segment, s", 0, 0, 3600, "2.0"),
    INT("max_segments", "Segments", 0, 1, U32, "5"),
    TEXT("auth_token", "Token", SECRET, 0, 4096));
MEMBERS(out_webrtc, CHOICE("mode", "Mode", REQ, "whip_client whep_server",
    NULL),
    TEXT("whip_url", "Address (WHIP)", 0, 0, 2048),
    TEXT("bearer_token", "Bearer token", SECRET, 0, 4096),
    INT("max_viewers", "Viewers", 0, 1, U32, "10"),
    TEXT("public_ip", "Public address", 0, 0, 64),
    BOOL("video_only", "Video only", 0, "false"));

static const struct driver_variant inputs[] = {
	{ "srt", "SRT", &srt }, { "udp", "UDP", &in_udp },
	{ "rtp", "RTP", &in_rtp }, { "rtmp", "RTMP", &in_rtmp },
	{ "rtsp", "RTSP", &in_rtsp }, { "webrtc", "WebRTC", &in_webrtc },
	{ "whep", "WHEP", &in_whep },
}, outputs[] = {
	{ "srt", "SRT", &srt }, { "udp", "UDP", &out_udp },
	{ "rtp", "RTP", &out_rtp }, { "rtmp", "RTMP", &out_rtmp },
	{ "hls", "HLS", &out_hls }, { "webrtc", "WebRTC", &out_webrtc },
};

MEMBERS(flow, TEXT("id", "Id", REQ, 1, 256),
    TEXT("name", "Name", 0, 0, 256),
    BOOL("enabled", "Enabled", 0, "true"),
    BOOL("media_analysis", "Media analysis", 0, "true"),
    { "input_ids", "Inputs", DRIVER_TEXTS, RARE, 1, 256, NULL, NULL, NULL },
    { "output_ids", "Outputs", DRIVER_TEXTS, RARE, 1, 256, NULL, NULL,
      NULL });
/* In the first dialect an input has neither id nor name. */
MEMBERS(input, TEXT("type", "Kind", REQ, 1, 64),
    TEXT("id", "Id", 0, 0, 256), TEXT("name", "Name", 0, 0, 256));
MEMBERS(output, TEXT("type", "Kind", REQ, 1, 64),
    TEXT("id", "Id", REQ, 1, 256), TEXT("name", "Name", 0, 0, 256));

const struct driver_form edge_form = {
	.flow = { &flow, NULL, 0 },
	.input = { &input, inputs, nitems(inputs) },
	.output = { &output, outputs, nitems(outputs) },
};
