-- The tables of the whole suite. Designed once: several hubs, several apids
-- and every later feature find their columns here. Owner: _mast_ctl.

CREATE TYPE mast.role AS ENUM ('viewer', 'operator', 'admin', 'super_admin');
CREATE TYPE mast.severity AS ENUM ('info', 'warning', 'critical');
CREATE TYPE mast.node_status AS ENUM
    ('pending', 'online', 'offline', 'degraded', 'error');
CREATE TYPE mast.command_state AS ENUM
    ('queued', 'sent', 'acked', 'failed', 'expired', 'cancelled', 'unknown');

-- Version counters that daemons poll once a second: a change of one drops
-- the caches that depend on it. Kept by statement triggers.
CREATE TABLE mast.versions (
	name text CONSTRAINT versions_pk PRIMARY KEY,	-- auth settings nodes certs
	value bigint NOT NULL DEFAULT 1
);
INSERT INTO mast.versions (name) VALUES
    ('auth'), ('settings'), ('nodes'), ('certs');

CREATE TABLE mast.users (
	id uuid CONSTRAINT users_pk PRIMARY KEY,
	username text NOT NULL CONSTRAINT users_username_key UNIQUE
	    CONSTRAINT users_username_form
	    CHECK (username ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
	password_hash text NOT NULL,		-- Argon2id PHC
	display_name text NOT NULL CONSTRAINT users_display_name_form
	    CHECK (octet_length(display_name) BETWEEN 1 AND 128),
	email text CONSTRAINT users_email_form CHECK (octet_length(email) <= 254),
	role mast.role NOT NULL,
	is_temporary boolean NOT NULL DEFAULT false,
	is_active boolean NOT NULL DEFAULT true,
	expires_at timestamptz,
	all_nodes boolean NOT NULL DEFAULT true,  -- else mast.user_nodes
	totp_secret bytea,			-- sealed with the server key
	totp_last_step bigint,			-- replay is refused
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	last_login_at timestamptz,
	version bigint NOT NULL DEFAULT 1	-- ETag
);

CREATE TABLE mast.recovery_codes (
	user_id uuid NOT NULL CONSTRAINT recovery_codes_user_fk
	    REFERENCES mast.users ON DELETE CASCADE,
	code_hash bytea NOT NULL,
	used_at timestamptz,
	CONSTRAINT recovery_codes_pk PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE mast.nodes (
	id uuid CONSTRAINT nodes_pk PRIMARY KEY,
	name text NOT NULL CONSTRAINT nodes_name_form
	    CHECK (octet_length(name) BETWEEN 1 AND 128),
	description text CONSTRAINT nodes_description_form
	    CHECK (octet_length(description) <= 512),
	device_type text NOT NULL,
	expires_at timestamptz,
	metadata jsonb,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	version bigint NOT NULL DEFAULT 1	-- ETag: what people edit
);
CREATE INDEX nodes_name_idx ON mast.nodes (name COLLATE "C", id);

-- What the hub writes of a node, apart from what people edit, so that the
-- hot row is narrow and no index hangs on its changing columns.
CREATE TABLE mast.node_state (
	node_id uuid CONSTRAINT node_state_pk PRIMARY KEY
	    CONSTRAINT node_state_node_fk REFERENCES mast.nodes ON DELETE CASCADE,
	status mast.node_status NOT NULL DEFAULT 'pending',
	last_seen_at timestamptz,
	last_health json,			-- verbatim: key order and all
	software_version text,
	protocol_version integer,
	config_stale boolean NOT NULL DEFAULT false	-- a command changed it
) WITH (fillfactor = 70);

CREATE TABLE mast.user_nodes (
	user_id uuid NOT NULL CONSTRAINT user_nodes_user_fk
	    REFERENCES mast.users ON DELETE CASCADE,
	node_id uuid NOT NULL,	-- may name a node that is gone
	CONSTRAINT user_nodes_pk PRIMARY KEY (user_id, node_id)
);
CREATE INDEX user_nodes_node_idx ON mast.user_nodes (node_id);

CREATE TABLE mast.sessions (
	id uuid CONSTRAINT sessions_pk PRIMARY KEY,
	token_hash bytea NOT NULL CONSTRAINT sessions_token_key UNIQUE,
	user_id uuid NOT NULL CONSTRAINT sessions_user_fk
	    REFERENCES mast.users ON DELETE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	revoked_at timestamptz,
	address inet,
	user_agent text CONSTRAINT sessions_agent_form
	    CHECK (octet_length(user_agent) <= 512)
);
CREATE INDEX sessions_user_idx ON mast.sessions (user_id);
CREATE INDEX sessions_expires_idx ON mast.sessions (expires_at);

CREATE TABLE mast.api_tokens (
	id uuid CONSTRAINT api_tokens_pk PRIMARY KEY,
	token_hash bytea NOT NULL CONSTRAINT api_tokens_token_key UNIQUE,
	user_id uuid NOT NULL CONSTRAINT api_tokens_user_fk
	    REFERENCES mast.users ON DELETE CASCADE,
	name text NOT NULL CONSTRAINT api_tokens_name_form
	    CHECK (octet_length(name) BETWEEN 1 AND 128),
	max_role mast.role NOT NULL,
	read_only boolean NOT NULL DEFAULT false,
	node_ids uuid[],			-- NULL: as the owner
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	revoked_at timestamptz,
	last_used_at timestamptz
);
CREATE INDEX api_tokens_user_idx ON mast.api_tokens (user_id);

-- Enrolment. A token row outlives its use: the grace for nodes that lost
-- their new credentials is decided from it.
CREATE TABLE mast.node_tokens (
	token_hash bytea CONSTRAINT node_tokens_pk PRIMARY KEY,
	node_id uuid NOT NULL CONSTRAINT node_tokens_node_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	reuses integer NOT NULL DEFAULT 0,
	revoked_at timestamptz			-- a newer token replaced it
);
CREATE INDEX node_tokens_node_idx ON mast.node_tokens (node_id);

-- Every secret that is valid now. The first use of one deletes the older.
CREATE TABLE mast.node_secrets (
	node_id uuid NOT NULL CONSTRAINT node_secrets_node_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	secret_hash bytea NOT NULL,
	serial bigint GENERATED ALWAYS AS IDENTITY,	-- older < newer
	created_at timestamptz NOT NULL DEFAULT now(),
	first_used_at timestamptz,
	CONSTRAINT node_secrets_pk PRIMARY KEY (node_id, secret_hash)
);

-- One row per start of a hub process.
CREATE TABLE mast.hubs (
	id uuid CONSTRAINT hubs_pk PRIMARY KEY,
	name text NOT NULL,			-- the same across starts
	address text,				-- how an apid reaches it
	started_at timestamptz NOT NULL DEFAULT now(),
	seen_at timestamptz NOT NULL DEFAULT now(),
	flushed_at timestamptz NOT NULL DEFAULT now(), -- events stored up to
	stopped_at timestamptz,			-- in order
	event_seq bigint NOT NULL DEFAULT 0	-- last batch stored, once each
);
CREATE INDEX hubs_name_idx ON mast.hubs (name, started_at DESC);

CREATE SEQUENCE mast.epoch_seq AS bigint;

-- The owner of each live session. Every later write of a session carries its
-- epoch; a stale owner's write matches no row.
CREATE TABLE mast.node_sessions (
	node_id uuid CONSTRAINT node_sessions_pk PRIMARY KEY
	    CONSTRAINT node_sessions_node_fk REFERENCES mast.nodes ON DELETE CASCADE,
	hub_id uuid NOT NULL CONSTRAINT node_sessions_hub_fk
	    REFERENCES mast.hubs ON DELETE CASCADE,
	epoch bigint NOT NULL,
	connected_at timestamptz NOT NULL DEFAULT now(),
	address inet
) WITH (fillfactor = 70);
CREATE INDEX node_sessions_hub_idx ON mast.node_sessions (hub_id);

-- Configurations, once per content (hash of the canonical form), sealed with
-- the server key because flows carry credentials.
CREATE TABLE mast.config_blobs (
	hash bytea CONSTRAINT config_blobs_pk PRIMARY KEY,
	sealed bytea NOT NULL,
	size integer NOT NULL,			-- bytes of the plain text
	dialect integer,			-- its "version" member
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE mast.config_versions (
	id bigint GENERATED ALWAYS AS IDENTITY
	    CONSTRAINT config_versions_pk PRIMARY KEY,
	node_id uuid NOT NULL CONSTRAINT config_versions_node_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	hash bytea NOT NULL CONSTRAINT config_versions_blob_fk
	    REFERENCES mast.config_blobs,
	source text NOT NULL CONSTRAINT config_versions_source_form
	    CHECK (source IN ('reported', 'pushed', 'restored', 'adopted')),
	actor_user uuid,
	first_seen_at timestamptz NOT NULL DEFAULT now(),
	last_seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX config_versions_node_idx
    ON mast.config_versions (node_id, id DESC);
CREATE INDEX config_versions_hash_idx ON mast.config_versions (hash);
CREATE TABLE mast.node_configs (
	node_id uuid CONSTRAINT node_configs_pk PRIMARY KEY
	    CONSTRAINT node_configs_node_fk REFERENCES mast.nodes ON DELETE CASCADE,
	reported bytea CONSTRAINT node_configs_reported_fk
	    REFERENCES mast.config_blobs,
	reported_at timestamptz,
	desired bytea CONSTRAINT node_configs_desired_fk
	    REFERENCES mast.config_blobs,
	desired_at timestamptz,
	attempted bytea CONSTRAINT node_configs_attempted_fk
	    REFERENCES mast.config_blobs,
	attempted_at timestamptz,
	attempt_error text,
	drift_ignored bytea
);
CREATE INDEX node_configs_reported_idx ON mast.node_configs (reported);
CREATE INDEX node_configs_desired_idx ON mast.node_configs (desired);
CREATE INDEX node_configs_attempted_idx ON mast.node_configs (attempted);

-- The command journal. The action is sealed: it may carry credentials.
CREATE TABLE mast.commands (
	id uuid CONSTRAINT commands_pk PRIMARY KEY,
	node_id uuid NOT NULL,			-- kept when the node is deleted
	node_name text NOT NULL,
	type text NOT NULL,
	action bytea NOT NULL,			-- sealed JSON text
	state mast.command_state NOT NULL DEFAULT 'queued',
	actor_user uuid,
	actor_name text,
	request_id text,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,	-- unsent after this: expired
	hub_id uuid,				-- who claimed it
	epoch bigint,				-- in which session
	sent_at timestamptz,
	done_at timestamptz,
	error text,
	error_code text,
	CONSTRAINT commands_done_form CHECK
	    ((state IN ('queued', 'sent')) = (done_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX commands_node_idx ON mast.commands (node_id, created_at DESC);
CREATE INDEX commands_open_idx ON mast.commands (node_id, created_at)
    WHERE state IN ('queued', 'sent');

CREATE TABLE mast.idempotency_keys (
	principal uuid NOT NULL,		-- user id
	key text NOT NULL CONSTRAINT idempotency_keys_key_form
	    CHECK (octet_length(key) BETWEEN 1 AND 255),
	request_hash bytea NOT NULL,
	status integer,				-- NULL: in progress
	answer text,
	created_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT idempotency_keys_pk PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_created_idx
    ON mast.idempotency_keys (created_at);

-- Events: an immutable log by day partitions. Acknowledgement is the one
-- thing that may change.
CREATE SEQUENCE mast.event_seq AS bigint;
CREATE TABLE mast.events (
	id bigint NOT NULL DEFAULT nextval('mast.event_seq'),
	created_at timestamptz NOT NULL,	-- the hub's clock at receipt
	node_id uuid NOT NULL,
	node_name text NOT NULL,
	severity mast.severity NOT NULL,
	severity_raw text,			-- "major" and the like
	category text NOT NULL,
	message text NOT NULL,
	details json,
	flow_id text,
	hub_id uuid,
	acknowledged_at timestamptz,
	acknowledged_by uuid,
	ack_name text,
	ack_note text,
	CONSTRAINT events_pk PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX events_time_idx ON mast.events (created_at DESC, id DESC);
CREATE INDEX events_node_idx ON mast.events (node_id, created_at DESC);
CREATE INDEX events_open_idx ON mast.events (severity, node_id)
    WHERE acknowledged_at IS NULL AND severity <> 'info';
-- Catches what no day covers (a clock that jumped): nothing is refused.
CREATE TABLE mast.events_default PARTITION OF mast.events DEFAULT;

CREATE TABLE mast.alarms (
	id uuid CONSTRAINT alarms_pk PRIMARY KEY,
	node_id uuid NOT NULL CONSTRAINT alarms_node_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	object text NOT NULL DEFAULT '',
	code text NOT NULL,
	severity mast.severity NOT NULL,
	symptom_of uuid,
	message text NOT NULL,
	count bigint NOT NULL DEFAULT 1,
	first_at timestamptz NOT NULL DEFAULT now(),
	last_at timestamptz NOT NULL DEFAULT now(),
	closed_at timestamptz,
	acknowledged_at timestamptz,
	acknowledged_by uuid
);
CREATE UNIQUE INDEX alarms_open_key ON mast.alarms (node_id, object, code)
    WHERE closed_at IS NULL;
CREATE INDEX alarms_node_idx ON mast.alarms (node_id, last_at DESC);

-- Sampled history, by day partitions; level 0 raw, then roll-ups.
CREATE TABLE mast.samples (
	at timestamptz NOT NULL,
	level smallint NOT NULL,
	node_id uuid NOT NULL,
	object text NOT NULL DEFAULT '',
	metric text NOT NULL,
	n integer NOT NULL,
	min double precision NOT NULL,
	avg double precision NOT NULL,
	max double precision NOT NULL,
	CONSTRAINT samples_pk PRIMARY KEY (node_id, metric, object, level, at)
) PARTITION BY RANGE (at);
CREATE TABLE mast.samples_default PARTITION OF mast.samples DEFAULT;

-- Audit: INSERT and SELECT only, for everyone. seq is given when an interval
-- is sealed, because identity values have gaps after a crash.
CREATE TABLE mast.audit (
	id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_pk PRIMARY KEY,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor_kind text NOT NULL CONSTRAINT audit_actor_kind_form
	    CHECK (actor_kind IN ('user', 'token', 'system', 'node', 'ai')),
	actor_user uuid,			-- no foreign key: rows outlive users
	actor_name text,
	action text NOT NULL,
	target_type text,
	target_id text,
	details jsonb,				-- redacted before and after
	address inet,
	request_id text
);
CREATE INDEX audit_at_idx ON mast.audit USING brin (at);
CREATE INDEX audit_actor_idx ON mast.audit (actor_user, id DESC);
CREATE INDEX audit_target_idx ON mast.audit (target_type, target_id, id DESC);
CREATE TABLE mast.audit_seals (
	seq bigint CONSTRAINT audit_seals_pk PRIMARY KEY,
	first_id bigint NOT NULL,
	last_id bigint NOT NULL,
	rows bigint NOT NULL,
	chain bytea NOT NULL,			-- hash over the rows and the last
	signature bytea NOT NULL,		-- Ed25519
	sealed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE mast.settings (
	key text CONSTRAINT settings_pk PRIMARY KEY,
	value bigint NOT NULL,
	min bigint NOT NULL,
	max bigint NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now(),
	updated_by uuid,
	CONSTRAINT settings_range CHECK (value BETWEEN min AND max)
);
INSERT INTO mast.settings (key, value, min, max) VALUES
    ('events_retention_days', 30, 1, 365),
    ('ws_keepalive_interval_secs', 15, 1, 300),
    ('session_lifetime_hours', 24, 1, 720),
    ('max_login_attempts', 5, 1, 100),
    ('node_offline_threshold_secs', 30, 5, 3600),
    ('stats_broadcast_interval_ms', 1000, 100, 60000);

CREATE TABLE mast.provider_keys (
	id uuid CONSTRAINT provider_keys_pk PRIMARY KEY,
	user_id uuid NOT NULL CONSTRAINT provider_keys_user_fk
	    REFERENCES mast.users ON DELETE CASCADE,
	provider text NOT NULL,
	sealed bytea NOT NULL,			-- only aid can open it
	sealed_for bytea NOT NULL,		-- aid's public key
	hint text NOT NULL,
	model_preference text,
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT provider_keys_user_provider_key UNIQUE (user_id, provider)
);
CREATE TABLE mast.proposals (
	id uuid CONSTRAINT proposals_pk PRIMARY KEY,
	user_id uuid NOT NULL CONSTRAINT proposals_user_fk
	    REFERENCES mast.users ON DELETE CASCADE,
	node_id uuid CONSTRAINT proposals_node_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	provider text NOT NULL,
	model text NOT NULL,
	base_hash bytea,
	envelope bytea NOT NULL,		-- sealed
	state text NOT NULL DEFAULT 'open',
	result jsonb,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL
);
CREATE INDEX proposals_user_idx ON mast.proposals (user_id, created_at DESC);
CREATE INDEX proposals_node_idx ON mast.proposals (node_id);
CREATE TABLE mast.ai_usage (
	id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT ai_usage_pk PRIMARY KEY,
	user_id uuid NOT NULL,
	provider text NOT NULL,
	model text NOT NULL,
	input_tokens bigint NOT NULL DEFAULT 0,
	output_tokens bigint NOT NULL DEFAULT 0,
	took_ms integer NOT NULL,
	ok boolean NOT NULL,
	at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ai_usage_user_idx ON mast.ai_usage (user_id, at DESC);

CREATE TABLE mast.certificates (
	id uuid CONSTRAINT certificates_pk PRIMARY KEY,
	door text NOT NULL,			-- 'apid', 'hubd' or 'both'
	chain_pem text NOT NULL,
	key_sealed bytea NOT NULL,
	not_after timestamptz NOT NULL,
	active boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by uuid
);

CREATE TABLE mast.tunnels (
	id uuid CONSTRAINT tunnels_pk PRIMARY KEY,
	name text NOT NULL CONSTRAINT tunnels_name_form
	    CHECK (octet_length(name) BETWEEN 1 AND 128),
	protocol text NOT NULL CONSTRAINT tunnels_protocol_form
	    CHECK (protocol IN ('tcp', 'udp')),
	mode text NOT NULL CONSTRAINT tunnels_mode_form
	    CHECK (mode IN ('relay', 'direct')),
	ingress_node_id uuid NOT NULL CONSTRAINT tunnels_ingress_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	ingress_listen_port integer NOT NULL CONSTRAINT tunnels_port_form
	    CHECK (ingress_listen_port BETWEEN 1 AND 65535),
	egress_node_id uuid NOT NULL CONSTRAINT tunnels_egress_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	egress_forward_addr text NOT NULL,
	egress_peer_addr text,
	relay_addr text,
	relay_node_id uuid CONSTRAINT tunnels_relay_fk
	    REFERENCES mast.nodes ON DELETE SET NULL,
	secrets bytea NOT NULL,			-- sealed: key, bind secret, PSK
	status text NOT NULL DEFAULT 'pending' CONSTRAINT tunnels_status_form
	    CHECK (status IN ('pending', 'active', 'error', 'disabled')),
	associated_flow_ids text[],
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX tunnels_listen_key
    ON mast.tunnels (ingress_node_id, protocol, ingress_listen_port);
CREATE INDEX tunnels_egress_idx ON mast.tunnels (egress_node_id);
CREATE INDEX tunnels_relay_idx ON mast.tunnels (relay_node_id);
CREATE TABLE mast.tunnel_legs (
	tunnel_id uuid NOT NULL CONSTRAINT tunnel_legs_tunnel_fk
	    REFERENCES mast.tunnels ON DELETE CASCADE,
	leg text NOT NULL CONSTRAINT tunnel_legs_leg_form
	    CHECK (leg IN ('relay', 'ingress', 'egress')),
	node_id uuid NOT NULL CONSTRAINT tunnel_legs_node_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	push_status text NOT NULL DEFAULT 'pending'
	    CONSTRAINT tunnel_legs_status_form
	    CHECK (push_status IN ('pending', 'pushed', 'failed')),
	push_error text,
	attempts integer NOT NULL DEFAULT 0,
	next_try_at timestamptz,
	updated_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT tunnel_legs_pk PRIMARY KEY (tunnel_id, leg)
);
CREATE INDEX tunnel_legs_node_idx ON mast.tunnel_legs (node_id);

CREATE TABLE mast.preferences (
	user_id uuid NOT NULL CONSTRAINT preferences_user_fk
	    REFERENCES mast.users ON DELETE CASCADE,
	key text NOT NULL,
	value text NOT NULL CONSTRAINT preferences_value_form
	    CHECK (octet_length(value) <= 51200),
	updated_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT preferences_pk PRIMARY KEY (user_id, key)
);
CREATE TABLE mast.positions (
	user_id uuid NOT NULL CONSTRAINT positions_user_fk
	    REFERENCES mast.users ON DELETE CASCADE,
	view text NOT NULL CONSTRAINT positions_view_form
	    CHECK (view IN ('graph', 'flow')),
	node_id uuid NOT NULL CONSTRAINT positions_node_fk
	    REFERENCES mast.nodes ON DELETE CASCADE,
	x double precision NOT NULL,
	y double precision NOT NULL,
	CONSTRAINT positions_pk PRIMARY KEY (user_id, view, node_id)
);
CREATE INDEX positions_node_idx ON mast.positions (node_id);
