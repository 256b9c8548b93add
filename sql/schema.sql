-- The catalog after every migration: made by make-manifest.sh
-- from catalog.sql, compared by mastctl db verify. Not run.
role _mast_apid login t super f create role f db f replication f bypass rls f: search_path=mast, pg_temp
role _mast_ctl login t super f create role f db f replication f bypass rls f: search_path=mast, pg_temp
role _mast_hubd login t super f create role f db f replication f bypass rls f: search_path=mast, pg_temp
schema mast owner _mast_ctl
type command_state queued, sent, acked, failed, expired, cancelled, unknown
type node_status pending, online, offline, degraded, error
type role viewer, operator, admin, super_admin
type severity info, warning, critical
partitioned events owner _mast_ctl rls forced
partitioned minutes owner _mast_ctl rls forced
partitioned samples owner _mast_ctl rls forced
partitioned tens owner _mast_ctl rls forced
sequence ai_usage_id_seq owner _mast_ctl
sequence audit_id_seq owner _mast_ctl
sequence change_seq owner _mast_ctl
sequence commands_seq_seq owner _mast_ctl
sequence config_versions_id_seq owner _mast_ctl
sequence epoch_seq owner _mast_ctl
sequence event_seq owner _mast_ctl
sequence import_changes_n_seq owner _mast_ctl
sequence node_secrets_serial_seq owner _mast_ctl
table ai_usage owner _mast_ctl rls forced
table alarms owner _mast_ctl rls forced
table api_tokens owner _mast_ctl rls forced
table audit owner _mast_ctl rls forced
table audit_open owner _mast_ctl rls forced
table audit_seals owner _mast_ctl rls forced
table certificate_use owner _mast_ctl rls forced
table certificate_warnings owner _mast_ctl rls forced
table certificates owner _mast_ctl rls forced
table commands owner _mast_ctl rls forced fillfactor=80
table config_blobs owner _mast_ctl rls forced
table config_versions owner _mast_ctl rls forced
table event_changes owner _mast_ctl rls forced
table event_marks owner _mast_ctl rls forced fillfactor=70
table events_default owner _mast_ctl rls forced
table hours owner _mast_ctl rls forced
table hubs owner _mast_ctl rls forced
table idempotency_keys owner _mast_ctl rls forced
table import_changes owner _mast_ctl rls forced
table import_rows owner _mast_ctl rls forced
table migrations owner _mast_ctl rls forced
table minutes_default owner _mast_ctl rls forced
table node_configs owner _mast_ctl rls forced
table node_secrets owner _mast_ctl rls forced
table node_sessions owner _mast_ctl rls forced fillfactor=70
table node_state owner _mast_ctl rls forced fillfactor=70
table node_states owner _mast_ctl rls forced
table node_tokens owner _mast_ctl rls forced
table nodes owner _mast_ctl rls forced
table positions owner _mast_ctl rls forced
table preferences owner _mast_ctl rls forced
table proposals owner _mast_ctl rls forced
table provider_keys owner _mast_ctl rls forced
table recovery_codes owner _mast_ctl rls forced
table retired_keys owner _mast_ctl rls forced
table rollup_marks owner _mast_ctl rls forced
table samples_default owner _mast_ctl rls forced
table sessions owner _mast_ctl rls forced
table settings owner _mast_ctl rls forced
table tens_default owner _mast_ctl rls forced
table tunnel_legs owner _mast_ctl rls forced
table tunnels owner _mast_ctl rls forced
table user_nodes owner _mast_ctl rls forced
table users owner _mast_ctl rls forced
table versions owner _mast_ctl rls forced
view alarm_view owner _mast_ctl security_invoker=true
view command_view owner _mast_ctl security_invoker=true
view config_version_view owner _mast_ctl security_invoker=true
view event_view owner _mast_ctl security_invoker=true
view history owner _mast_ctl security_invoker=true
view me owner _mast_ctl
view my_nodes owner _mast_ctl
view node_all owner _mast_ctl
view node_view owner _mast_ctl
view proposal_view owner _mast_ctl security_invoker=true
view token_view owner _mast_ctl security_invoker=true
view tunnel_leg_all owner _mast_ctl
view tunnel_view owner _mast_ctl
view user_view owner _mast_ctl security_invoker=true
column ai_usage.at timestamp with time zone not null default now
column ai_usage.error text
column ai_usage.id bigint not null identity
column ai_usage.input_tokens bigint not null default 0
column ai_usage.kind text not null default 'generate'::text
column ai_usage.model text not null
column ai_usage.ok boolean not null
column ai_usage.output_tokens bigint not null default 0
column ai_usage.provider text not null
column ai_usage.took_ms integer not null
column ai_usage.user_id uuid not null
column alarm_view.acknowledged_at timestamp with time zone
column alarm_view.closed_at timestamp with time zone
column alarm_view.code text
column alarm_view.first_at timestamp with time zone
column alarm_view.id uuid
column alarm_view.json json
column alarm_view.node_id uuid
column alarm_view.object text
column alarm_view.severity severity
column alarm_view.symptom_of uuid
column alarms.ack_name text
column alarms.ack_note text
column alarms.acknowledged_at timestamp with time zone
column alarms.acknowledged_by uuid
column alarms.change bigint not null
column alarms.closed_at timestamp with time zone
column alarms.closed_why text
column alarms.code text not null
column alarms.count bigint not null default 1
column alarms.first_at timestamp with time zone not null default now
column alarms.id uuid not null default gen_random_uuid
column alarms.last_at timestamp with time zone not null default now
column alarms.message text not null
column alarms.node_id uuid not null
column alarms.object text not null default ''::text
column alarms.severity severity not null
column alarms.source text not null default 'event'::text
column api_tokens.created_at timestamp with time zone not null default now
column api_tokens.expires_at timestamp with time zone not null
column api_tokens.id uuid not null
column api_tokens.last_used_at timestamp with time zone
column api_tokens.max_role role not null
column api_tokens.name text not null
column api_tokens.node_ids uuid[]
column api_tokens.read_only boolean not null default false
column api_tokens.revoked_at timestamp with time zone
column api_tokens.token_hash bytea not null
column api_tokens.user_id uuid not null
column audit.action text not null
column audit.actor_kind text not null
column audit.actor_name text
column audit.actor_user uuid
column audit.address inet
column audit.at timestamp with time zone not null default clock_timestamp
column audit.details jsonb
column audit.id bigint not null identity
column audit.request_id text
column audit.target_id text
column audit.target_type text
column audit_open.id bigint not null
column audit_seals.chain bytea not null
column audit_seals.content bytea not null
column audit_seals.first_id bigint not null
column audit_seals.ids int8multirange not null
column audit_seals.last_id bigint not null
column audit_seals.rows bigint not null
column audit_seals.sealed_at timestamp with time zone not null default now
column audit_seals.seq bigint not null
column audit_seals.signature bytea not null
column audit_seals.signer bytea not null
column certificate_use.current uuid
column certificate_use.door text not null
column certificate_use.kept boolean not null default false
column certificate_use.previous uuid
column certificate_use.switched_at timestamp with time zone not null default now
column certificate_use.switched_by uuid
column certificate_warnings.at timestamp with time zone not null default now
column certificate_warnings.days integer not null
column certificate_warnings.fingerprint text not null
column certificates.chain_pem text not null
column certificates.created_at timestamp with time zone not null default now
column certificates.created_by uuid
column certificates.door text not null
column certificates.fingerprint text not null default ''::text
column certificates.id uuid not null
column certificates.key_sealed bytea not null
column certificates.not_after timestamp with time zone not null
column certificates.subject text not null default ''::text
column command_view.id uuid
column command_view.json json
column command_view.node_id uuid
column command_view.seq bigint
column command_view.state command_state
column command_view.type text
column commands.action bytea not null
column commands.actor_name text
column commands.actor_token uuid
column commands.actor_user uuid
column commands.by_tool boolean not null default false
column commands.change bigint not null
column commands.claim bigint
column commands.config_hash bytea
column commands.created_at timestamp with time zone not null default now
column commands.done_at timestamp with time zone
column commands.epoch bigint
column commands.error text
column commands.error_code text
column commands.expires_at timestamp with time zone not null
column commands.hub_id uuid
column commands.id uuid not null
column commands.min_role role not null default 'operator'::role
column commands.node_id uuid not null
column commands.node_name text not null
column commands.queue boolean not null default false
column commands.remembers boolean not null default false
column commands.request_id text
column commands.secret_hash bytea
column commands.sent_at timestamp with time zone
column commands.seq bigint not null identity
column commands.state command_state not null default 'queued'::command_state
column commands.steps json
column commands.type text not null
column config_blobs.created_at timestamp with time zone not null default now
column config_blobs.dialect integer
column config_blobs.hash bytea not null
column config_blobs.sealed bytea not null
column config_blobs.size integer not null
column config_version_view.hash bytea
column config_version_view.id bigint
column config_version_view.json json
column config_version_view.node_id uuid
column config_versions.actor_user uuid
column config_versions.first_seen_at timestamp with time zone not null default now
column config_versions.hash bytea not null
column config_versions.id bigint not null identity
column config_versions.last_seen_at timestamp with time zone not null default now
column config_versions.node_id uuid not null
column config_versions.source text not null
column event_changes.at timestamp with time zone not null default now
column event_changes.change bigint not null
column event_changes.created_at timestamp with time zone not null
column event_changes.event_id bigint not null
column event_marks.boot uuid not null
column event_marks.node_id uuid not null
column event_marks.seq bigint not null default 0
column event_marks.started_at timestamp with time zone not null default now
column event_view.acknowledged_at timestamp with time zone
column event_view.acknowledged_by uuid
column event_view.category text
column event_view.created_at timestamp with time zone
column event_view.details json
column event_view.flow_id text
column event_view.id bigint
column event_view.json json
column event_view.message text
column event_view.node_id uuid
column event_view.node_name text
column event_view.severity severity
column events.ack_name text
column events.ack_note text
column events.acknowledged_at timestamp with time zone
column events.acknowledged_by uuid
column events.boot uuid
column events.boot_seq bigint
column events.category text not null
column events.created_at timestamp with time zone not null
column events.details json
column events.flow_id text
column events.hub_id uuid
column events.id bigint not null default nextval 'event_seq'::regclass
column events.message text not null
column events.node_id uuid not null
column events.node_name text not null
column events.severity severity not null
column events.severity_raw text
column events_default.ack_name text
column events_default.ack_note text
column events_default.acknowledged_at timestamp with time zone
column events_default.acknowledged_by uuid
column events_default.boot uuid
column events_default.boot_seq bigint
column events_default.category text not null
column events_default.created_at timestamp with time zone not null
column events_default.details json
column events_default.flow_id text
column events_default.hub_id uuid
column events_default.id bigint not null default nextval 'event_seq'::regclass
column events_default.message text not null
column events_default.node_id uuid not null
column events_default.node_name text not null
column events_default.severity severity not null
column events_default.severity_raw text
column history.at timestamp with time zone
column history.hi real[]
column history.level integer
column history.lo real[]
column history.mean real[]
column history.n integer[]
column history.node_id uuid
column history.object text
column hours.at timestamp with time zone not null
column hours.hi real[] not null
column hours.lo real[] not null
column hours.mean real[] not null
column hours.n integer[] not null
column hours.node_id uuid not null
column hours.object text not null
column hubs.address text
column hubs.event_seq bigint not null default 0
column hubs.flushed_at timestamp with time zone not null default now
column hubs.id uuid not null
column hubs.lost_at timestamp with time zone
column hubs.name text not null
column hubs.seen_at timestamp with time zone not null default now
column hubs.started_at timestamp with time zone not null default now
column hubs.stopped_at timestamp with time zone
column idempotency_keys.answer bytea
column idempotency_keys.created_at timestamp with time zone not null default now
column idempotency_keys.key text not null
column idempotency_keys.principal uuid not null
column idempotency_keys.request_hash bytea not null
column idempotency_keys.request_id text not null
column idempotency_keys.status integer
column import_changes.detail text
column import_changes.n bigint not null identity
column import_changes.op text not null
column import_changes.ref text
column import_changes.section text not null
column import_rows.n integer not null
column import_rows.row json not null
column import_rows.section text not null
column me.all_nodes boolean
column me.id uuid
column me.read_only boolean
column me.role role
column migrations.applied_at timestamp with time zone not null default now
column migrations.name text not null
column migrations.sha256 text not null
column migrations.version integer not null
column minutes.at timestamp with time zone not null
column minutes.hi real[] not null
column minutes.lo real[] not null
column minutes.mean real[] not null
column minutes.n integer[] not null
column minutes.node_id uuid not null
column minutes.object text not null
column minutes_default.at timestamp with time zone not null
column minutes_default.hi real[] not null
column minutes_default.lo real[] not null
column minutes_default.mean real[] not null
column minutes_default.n integer[] not null
column minutes_default.node_id uuid not null
column minutes_default.object text not null
column my_nodes.node_id uuid
column node_all.address inet
column node_all.config_stale boolean
column node_all.connected_at timestamp with time zone
column node_all.created_at timestamp with time zone
column node_all.description text
column node_all.device_type text
column node_all.epoch bigint
column node_all.expires_at timestamp with time zone
column node_all.hub_id uuid
column node_all.id uuid
column node_all.json json
column node_all.last_health json
column node_all.last_seen_at timestamp with time zone
column node_all.metadata jsonb
column node_all.name text
column node_all.protocol_version integer
column node_all.software_version text
column node_all.status node_status
column node_all.updated_at timestamp with time zone
column node_all.version bigint
column node_configs.attempt_error text
column node_configs.attempted bytea
column node_configs.attempted_at timestamp with time zone
column node_configs.desired bytea
column node_configs.desired_at timestamp with time zone
column node_configs.drift_ignored bytea
column node_configs.drift_told bytea
column node_configs.node_id uuid not null
column node_configs.reported bytea
column node_configs.reported_at timestamp with time zone
column node_secrets.created_at timestamp with time zone not null default now
column node_secrets.first_used_at timestamp with time zone
column node_secrets.node_id uuid not null
column node_secrets.secret_hash bytea not null
column node_secrets.serial bigint not null identity
column node_sessions.address inet
column node_sessions.connected_at timestamp with time zone not null default now
column node_sessions.epoch bigint not null
column node_sessions.hub_id uuid not null
column node_sessions.node_id uuid not null
column node_state.config_stale boolean not null default false
column node_state.last_health json
column node_state.last_seen_at timestamp with time zone
column node_state.node_id uuid not null
column node_state.protocol_version integer
column node_state.software_version text
column node_state.status node_status not null default 'pending'::node_status
column node_states.at timestamp with time zone not null
column node_states.node_id uuid not null
column node_states.state text not null
column node_tokens.created_at timestamp with time zone not null default now
column node_tokens.expires_at timestamp with time zone not null
column node_tokens.node_id uuid not null
column node_tokens.reuses integer not null default 0
column node_tokens.revoked_at timestamp with time zone
column node_tokens.token_hash bytea not null
column node_tokens.used_at timestamp with time zone
column node_view.address inet
column node_view.config_stale boolean
column node_view.connected_at timestamp with time zone
column node_view.created_at timestamp with time zone
column node_view.description text
column node_view.device_type text
column node_view.epoch bigint
column node_view.expires_at timestamp with time zone
column node_view.hub_id uuid
column node_view.id uuid
column node_view.json json
column node_view.last_health json
column node_view.last_seen_at timestamp with time zone
column node_view.metadata jsonb
column node_view.name text
column node_view.protocol_version integer
column node_view.software_version text
column node_view.status node_status
column node_view.updated_at timestamp with time zone
column node_view.version bigint
column nodes.created_at timestamp with time zone not null default now
column nodes.description text
column nodes.device_type text not null
column nodes.expires_at timestamp with time zone
column nodes.id uuid not null
column nodes.metadata jsonb
column nodes.name text not null
column nodes.quarantine_reason text
column nodes.quarantined_at timestamp with time zone
column nodes.quarantined_by text
column nodes.updated_at timestamp with time zone not null default now
column nodes.version bigint not null default 1
column positions.node_id uuid not null
column positions.user_id uuid not null
column positions.view text not null
column positions.x double precision not null
column positions.y double precision not null
column preferences.key text not null
column preferences.updated_at timestamp with time zone not null default now
column preferences.user_id uuid not null
column preferences.value text not null
column proposal_view.base_hash bytea
column proposal_view.created_at timestamp with time zone
column proposal_view.envelope bytea
column proposal_view.id uuid
column proposal_view.json json
column proposal_view.min_role role
column proposal_view.node_id uuid
column proposal_view.state text
column proposals.actions text[] not null
column proposals.applied_at timestamp with time zone
column proposals.base_hash bytea
column proposals.created_at timestamp with time zone not null default now
column proposals.done_at timestamp with time zone
column proposals.envelope bytea not null
column proposals.expires_at timestamp with time zone not null
column proposals.id uuid not null
column proposals.message text not null default ''::text
column proposals.min_role role not null default 'admin'::role
column proposals.model text not null
column proposals.node_id uuid
column proposals.provider text not null
column proposals.result jsonb
column proposals.state text not null default 'open'::text
column proposals.undoes uuid
column proposals.user_id uuid not null
column provider_keys.created_at timestamp with time zone not null default now
column provider_keys.hint text not null
column provider_keys.id uuid not null
column provider_keys.model_preference text
column provider_keys.provider text not null
column provider_keys.sealed bytea not null
column provider_keys.sealed_for bytea not null
column provider_keys.updated_at timestamp with time zone not null default now
column provider_keys.user_id uuid not null
column recovery_codes.code_hash bytea not null
column recovery_codes.used_at timestamp with time zone
column recovery_codes.user_id uuid not null
column retired_keys.pub bytea not null
column retired_keys.retired_at timestamp with time zone not null default now
column rollup_marks.level smallint not null
column rollup_marks.until timestamp with time zone not null
column samples.at timestamp with time zone not null
column samples.node_id uuid not null
column samples.object text not null
column samples.v real[] not null
column samples_default.at timestamp with time zone not null
column samples_default.node_id uuid not null
column samples_default.object text not null
column samples_default.v real[] not null
column sessions.address inet
column sessions.created_at timestamp with time zone not null default now
column sessions.expires_at timestamp with time zone not null
column sessions.id uuid not null
column sessions.revoked_at timestamp with time zone
column sessions.token_hash bytea not null
column sessions.user_agent text
column sessions.user_id uuid not null
column settings.key text not null
column settings.max bigint not null
column settings.min bigint not null
column settings.updated_at timestamp with time zone not null default now
column settings.updated_by uuid
column settings.value bigint not null
column settings.version bigint not null default 1
column tens.at timestamp with time zone not null
column tens.hi real[] not null
column tens.lo real[] not null
column tens.mean real[] not null
column tens.n integer[] not null
column tens.node_id uuid not null
column tens.object text not null
column tens_default.at timestamp with time zone not null
column tens_default.hi real[] not null
column tens_default.lo real[] not null
column tens_default.mean real[] not null
column tens_default.n integer[] not null
column tens_default.node_id uuid not null
column tens_default.object text not null
column token_view.created_at timestamp with time zone
column token_view.expires_at timestamp with time zone
column token_view.id uuid
column token_view.json json
column token_view.revoked_at timestamp with time zone
column token_view.user_id uuid
column tunnel_leg_all.busy boolean
column tunnel_leg_all.error text
column tunnel_leg_all.leg text
column tunnel_leg_all.node_id uuid
column tunnel_leg_all.status text
column tunnel_leg_all.tunnel_id uuid
column tunnel_legs.attempts integer not null default 0
column tunnel_legs.leg text not null
column tunnel_legs.next_try_at timestamp with time zone
column tunnel_legs.node_id uuid not null
column tunnel_legs.push_error text
column tunnel_legs.push_status text not null default 'pending'::text
column tunnel_legs.sent boolean not null default false
column tunnel_legs.told_epoch bigint
column tunnel_legs.told_turn bigint
column tunnel_legs.tunnel_id uuid not null
column tunnel_legs.turn bigint not null default 1
column tunnel_legs.updated_at timestamp with time zone not null default now
column tunnel_legs.want text not null default 'present'::text
column tunnel_view.associated_flow_ids text[]
column tunnel_view.busy boolean
column tunnel_view.created_at timestamp with time zone
column tunnel_view.egress_error text
column tunnel_view.egress_forward_addr text
column tunnel_view.egress_node_id uuid
column tunnel_view.egress_node_name text
column tunnel_view.egress_peer_addr text
column tunnel_view.egress_status text
column tunnel_view.id uuid
column tunnel_view.ingress_error text
column tunnel_view.ingress_listen_port integer
column tunnel_view.ingress_node_id uuid
column tunnel_view.ingress_node_name text
column tunnel_view.ingress_status text
column tunnel_view.mode text
column tunnel_view.name text
column tunnel_view.protocol text
column tunnel_view.relay_addr text
column tunnel_view.relay_addrs text[]
column tunnel_view.relay_error text
column tunnel_view.relay_node_id uuid
column tunnel_view.relay_status text
column tunnel_view.status text
column tunnel_view.updated_at timestamp with time zone
column tunnel_view.version bigint
column tunnels.associated_flow_ids text[]
column tunnels.created_at timestamp with time zone not null default now
column tunnels.egress_forward_addr text not null
column tunnels.egress_node_id uuid not null
column tunnels.egress_peer_addr text
column tunnels.id uuid not null
column tunnels.ingress_listen_port integer not null
column tunnels.ingress_node_id uuid not null
column tunnels.mode text not null
column tunnels.name text not null
column tunnels.protocol text not null
column tunnels.relay_addr text
column tunnels.relay_addrs text[]
column tunnels.relay_node_id uuid
column tunnels.secrets bytea not null
column tunnels.status text not null default 'pending'::text
column tunnels.updated_at timestamp with time zone not null default now
column tunnels.version bigint not null default 1
column user_nodes.node_id uuid not null
column user_nodes.user_id uuid not null
column user_view.all_nodes boolean
column user_view.created_at timestamp with time zone
column user_view.display_name text
column user_view.email text
column user_view.expires_at timestamp with time zone
column user_view.id uuid
column user_view.is_active boolean
column user_view.is_temporary boolean
column user_view.json json
column user_view.last_login_at timestamp with time zone
column user_view.role role
column user_view.username text
column user_view.version bigint
column users.all_nodes boolean not null default true
column users.created_at timestamp with time zone not null default now
column users.display_name text not null
column users.email text
column users.expires_at timestamp with time zone
column users.has_totp boolean not null default totp_secret IS NOT NULL
column users.id uuid not null
column users.is_active boolean not null default true
column users.is_temporary boolean not null default false
column users.last_login_at timestamp with time zone
column users.link_hash bytea
column users.link_until timestamp with time zone
column users.password_hash text not null
column users.role role not null
column users.totp_last_step bigint
column users.totp_pending bytea
column users.totp_secret bytea
column users.updated_at timestamp with time zone not null default now
column users.username text not null
column users.version bigint not null default 1
column versions.name text not null
column versions.value bigint not null default 1
constraint ai_usage.ai_usage_form CHECK input_tokens >= 0 AND output_tokens >= 0 AND took_ms >= 0 AND kind = ANY ARRAY['generate'::text, 'analyze'::text, 'query'::text, 'test'::text] AND octet_length error <= 64
constraint ai_usage.ai_usage_pk PRIMARY KEY id
constraint alarms.alarms_closed_form CHECK closed_why = ANY ARRAY['cleared'::text, 'stale'::text]
constraint alarms.alarms_closed_whole CHECK closed_at IS NULL = closed_why IS NULL
constraint alarms.alarms_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint alarms.alarms_pk PRIMARY KEY id
constraint alarms.alarms_source_form CHECK source = ANY ARRAY['event'::text, 'stats'::text, 'liveness'::text]
constraint api_tokens.api_tokens_name_form CHECK octet_length name >= 1 AND octet_length name <= 128
constraint api_tokens.api_tokens_pk PRIMARY KEY id
constraint api_tokens.api_tokens_token_key UNIQUE token_hash
constraint api_tokens.api_tokens_user_fk FOREIGN KEY user_id REFERENCES users id ON DELETE CASCADE
constraint audit.audit_actor_kind_form CHECK actor_kind = ANY ARRAY['user'::text, 'token'::text, 'system'::text, 'node'::text, 'ai'::text]
constraint audit.audit_pk PRIMARY KEY id
constraint audit_open.audit_open_pk PRIMARY KEY id
constraint audit_seals.audit_seals_form CHECK seq > 0 AND rows > 0 AND octet_length content = 32 AND octet_length chain = 32 AND octet_length signer = 32 AND octet_length signature = 64 AND first_id = lower ids AND last_id = upper ids - 1
constraint audit_seals.audit_seals_pk PRIMARY KEY seq
constraint certificate_use.certificate_use_current_fk FOREIGN KEY current REFERENCES certificates id
constraint certificate_use.certificate_use_door_form CHECK door = 'both'::text
constraint certificate_use.certificate_use_pk PRIMARY KEY door
constraint certificate_use.certificate_use_previous_fk FOREIGN KEY previous REFERENCES certificates id
constraint certificate_warnings.certificate_warnings_pk PRIMARY KEY fingerprint, days
constraint certificates.certificates_door_form CHECK door = 'both'::text
constraint certificates.certificates_pk PRIMARY KEY id
constraint commands.commands_done_form CHECK state = ANY ARRAY['queued'::command_state, 'sent'::command_state] = done_at IS NULL
constraint commands.commands_pk PRIMARY KEY id
constraint config_blobs.config_blobs_pk PRIMARY KEY hash
constraint config_versions.config_versions_blob_fk FOREIGN KEY hash REFERENCES config_blobs hash
constraint config_versions.config_versions_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint config_versions.config_versions_pk PRIMARY KEY id
constraint config_versions.config_versions_source_form CHECK source = ANY ARRAY['reported'::text, 'pushed'::text, 'restored'::text, 'adopted'::text]
constraint event_changes.event_changes_pk PRIMARY KEY change
constraint event_marks.event_marks_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint event_marks.event_marks_pk PRIMARY KEY node_id, boot
constraint events.events_note_form CHECK octet_length ack_note >= 1 AND octet_length ack_note <= 512
constraint events.events_pk PRIMARY KEY id, created_at
constraint events_default.events_default_pkey PRIMARY KEY id, created_at
constraint events_default.events_note_form CHECK octet_length ack_note >= 1 AND octet_length ack_note <= 512
constraint hours.hours_pk PRIMARY KEY node_id, object, at
constraint hubs.hubs_pk PRIMARY KEY id
constraint idempotency_keys.idempotency_keys_answer_form CHECK octet_length answer <= 1100000
constraint idempotency_keys.idempotency_keys_key_form CHECK octet_length key >= 1 AND octet_length key <= 255
constraint idempotency_keys.idempotency_keys_pk PRIMARY KEY principal, key
constraint import_changes.import_changes_op_form CHECK op = ANY ARRAY['create'::text, 'update'::text, 'delete'::text, 'skip'::text, 'conflict'::text]
constraint import_changes.import_changes_pk PRIMARY KEY n
constraint import_rows.import_rows_pk PRIMARY KEY section, n
constraint migrations.migrations_pk PRIMARY KEY version
constraint migrations.migrations_sha256_form CHECK sha256 ~ '^[0-9a-f]{64}$'::text
constraint minutes.minutes_pk PRIMARY KEY node_id, object, at
constraint minutes_default.minutes_default_pkey PRIMARY KEY node_id, object, at
constraint node_configs.node_configs_attempted_fk FOREIGN KEY attempted REFERENCES config_blobs hash
constraint node_configs.node_configs_desired_fk FOREIGN KEY desired REFERENCES config_blobs hash
constraint node_configs.node_configs_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint node_configs.node_configs_pk PRIMARY KEY node_id
constraint node_configs.node_configs_reported_fk FOREIGN KEY reported REFERENCES config_blobs hash
constraint node_secrets.node_secrets_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint node_secrets.node_secrets_pk PRIMARY KEY node_id, secret_hash
constraint node_sessions.node_sessions_hub_fk FOREIGN KEY hub_id REFERENCES hubs id ON DELETE CASCADE
constraint node_sessions.node_sessions_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint node_sessions.node_sessions_pk PRIMARY KEY node_id
constraint node_state.node_state_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint node_state.node_state_pk PRIMARY KEY node_id
constraint node_states.node_states_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint node_states.node_states_pk PRIMARY KEY node_id, at
constraint node_states.node_states_state_form CHECK state = ANY ARRAY['online'::text, 'offline'::text, 'unknown'::text]
constraint node_tokens.node_tokens_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint node_tokens.node_tokens_pk PRIMARY KEY token_hash
constraint nodes.nodes_description_form CHECK octet_length description <= 512
constraint nodes.nodes_name_form CHECK octet_length name >= 1 AND octet_length name <= 128
constraint nodes.nodes_pk PRIMARY KEY id
constraint nodes.nodes_quarantine_form CHECK octet_length quarantine_reason >= 1 AND octet_length quarantine_reason <= 512
constraint nodes.nodes_quarantine_whole CHECK quarantined_at IS NULL = quarantined_by IS NULL AND quarantined_at IS NULL = quarantine_reason IS NULL
constraint positions.positions_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint positions.positions_pk PRIMARY KEY user_id, view, node_id
constraint positions.positions_user_fk FOREIGN KEY user_id REFERENCES users id ON DELETE CASCADE
constraint positions.positions_view_form CHECK view = ANY ARRAY['graph'::text, 'flow'::text]
constraint preferences.preferences_pk PRIMARY KEY user_id, key
constraint preferences.preferences_user_fk FOREIGN KEY user_id REFERENCES users id ON DELETE CASCADE
constraint preferences.preferences_value_form CHECK octet_length value <= 51200
constraint proposals.proposals_form CHECK state = ANY ARRAY['open'::text, 'applying'::text, 'applied'::text, 'failed'::text, 'dismissed'::text] AND octet_length message <= 4000 AND cardinality actions >= 1 AND cardinality actions <= 32 AND octet_length base_hash = 32 AND octet_length envelope <= 4194304 AND expires_at > created_at
constraint proposals.proposals_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint proposals.proposals_pk PRIMARY KEY id
constraint proposals.proposals_user_fk FOREIGN KEY user_id REFERENCES users id ON DELETE CASCADE
constraint provider_keys.provider_keys_form CHECK octet_length provider >= 1 AND octet_length provider <= 32 AND octet_length sealed >= 49 AND octet_length sealed <= 512 AND octet_length sealed_for = 32 AND octet_length hint <= 16 AND octet_length model_preference >= 1 AND octet_length model_preference <= 128
constraint provider_keys.provider_keys_pk PRIMARY KEY id
constraint provider_keys.provider_keys_user_fk FOREIGN KEY user_id REFERENCES users id ON DELETE CASCADE
constraint provider_keys.provider_keys_user_provider_key UNIQUE user_id, provider
constraint recovery_codes.recovery_codes_pk PRIMARY KEY user_id, code_hash
constraint recovery_codes.recovery_codes_user_fk FOREIGN KEY user_id REFERENCES users id ON DELETE CASCADE
constraint retired_keys.retired_keys_form CHECK octet_length pub = 32
constraint retired_keys.retired_keys_pk PRIMARY KEY pub
constraint rollup_marks.rollup_marks_pk PRIMARY KEY level
constraint samples.samples_pk PRIMARY KEY node_id, object, at
constraint samples_default.samples_default_pkey PRIMARY KEY node_id, object, at
constraint sessions.sessions_agent_form CHECK octet_length user_agent <= 512
constraint sessions.sessions_pk PRIMARY KEY id
constraint sessions.sessions_token_key UNIQUE token_hash
constraint sessions.sessions_user_fk FOREIGN KEY user_id REFERENCES users id ON DELETE CASCADE
constraint settings.settings_pk PRIMARY KEY key
constraint settings.settings_range CHECK value >= min AND value <= max
constraint tens.tens_pk PRIMARY KEY node_id, object, at
constraint tens_default.tens_default_pkey PRIMARY KEY node_id, object, at
constraint tunnel_legs.tunnel_legs_leg_form CHECK leg = ANY ARRAY['relay'::text, 'ingress'::text, 'egress'::text]
constraint tunnel_legs.tunnel_legs_node_fk FOREIGN KEY node_id REFERENCES nodes id ON DELETE CASCADE
constraint tunnel_legs.tunnel_legs_pk PRIMARY KEY tunnel_id, leg, node_id
constraint tunnel_legs.tunnel_legs_status_form CHECK push_status = ANY ARRAY['pending'::text, 'pushed'::text, 'failed'::text]
constraint tunnel_legs.tunnel_legs_want_form CHECK want = ANY ARRAY['present'::text, 'absent'::text]
constraint tunnels.tunnels_egress_fk FOREIGN KEY egress_node_id REFERENCES nodes id ON DELETE CASCADE
constraint tunnels.tunnels_ingress_fk FOREIGN KEY ingress_node_id REFERENCES nodes id ON DELETE CASCADE
constraint tunnels.tunnels_mode_form CHECK mode = ANY ARRAY['relay'::text, 'direct'::text]
constraint tunnels.tunnels_name_form CHECK octet_length name >= 1 AND octet_length name <= 128
constraint tunnels.tunnels_pk PRIMARY KEY id
constraint tunnels.tunnels_port_form CHECK ingress_listen_port >= 1 AND ingress_listen_port <= 65535
constraint tunnels.tunnels_protocol_form CHECK protocol = ANY ARRAY['tcp'::text, 'udp'::text]
constraint tunnels.tunnels_relay_addrs_form CHECK cardinality relay_addrs >= 1 AND cardinality relay_addrs <= 2
constraint tunnels.tunnels_relay_fk FOREIGN KEY relay_node_id REFERENCES nodes id ON DELETE SET NULL
constraint tunnels.tunnels_status_form CHECK status = ANY ARRAY['pending'::text, 'active'::text, 'error'::text, 'disabled'::text]
constraint user_nodes.user_nodes_pk PRIMARY KEY user_id, node_id
constraint user_nodes.user_nodes_user_fk FOREIGN KEY user_id REFERENCES users id ON DELETE CASCADE
constraint users.users_display_name_form CHECK octet_length display_name >= 1 AND octet_length display_name <= 128
constraint users.users_email_form CHECK octet_length email <= 254
constraint users.users_link_form CHECK link_hash IS NULL = link_until IS NULL
constraint users.users_link_hash_form CHECK octet_length link_hash = 32
constraint users.users_link_key UNIQUE link_hash
constraint users.users_pk PRIMARY KEY id
constraint users.users_username_form CHECK username ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'::text
constraint users.users_username_key UNIQUE username
constraint versions.versions_pk PRIMARY KEY name
index CREATE INDEX ai_usage_user_idx ON mast.ai_usage USING btree user_id, at DESC
index CREATE INDEX alarms_change_idx ON mast.alarms USING btree change
index CREATE INDEX alarms_closed_idx ON mast.alarms USING btree closed_at WHERE closed_at IS NOT NULL
index CREATE INDEX alarms_key_idx ON mast.alarms USING btree node_id, object, code, last_at DESC
index CREATE INDEX alarms_list_idx ON mast.alarms USING btree first_at DESC, id DESC
index CREATE INDEX alarms_node_idx ON mast.alarms USING btree node_id, last_at DESC
index CREATE INDEX alarms_open_idx ON mast.alarms USING btree source, last_at WHERE closed_at IS NULL
index CREATE INDEX api_tokens_user_idx ON mast.api_tokens USING btree user_id
index CREATE INDEX audit_action_idx ON mast.audit USING btree action COLLATE "C", id DESC
index CREATE INDEX audit_actor_idx ON mast.audit USING btree actor_user, id DESC
index CREATE INDEX audit_at_idx ON mast.audit USING brin at
index CREATE INDEX audit_node_idx ON mast.audit USING btree details ->> 'node_id'::text , id DESC WHERE details ? 'node_id'::text
index CREATE INDEX audit_request_idx ON mast.audit USING btree request_id WHERE request_id IS NOT NULL
index CREATE INDEX audit_seals_ids_idx ON mast.audit_seals USING gist ids
index CREATE INDEX audit_target_idx ON mast.audit USING btree target_type, target_id, id DESC
index CREATE INDEX certificate_use_current_idx ON mast.certificate_use USING btree current
index CREATE INDEX certificate_use_previous_idx ON mast.certificate_use USING btree previous
index CREATE INDEX commands_change_idx ON mast.commands USING btree change
index CREATE INDEX commands_claim_idx ON mast.commands USING btree hub_id, claim WHERE state = 'sent'::command_state
index CREATE INDEX commands_done_idx ON mast.commands USING btree done_at WHERE done_at IS NOT NULL
index CREATE INDEX commands_node_idx ON mast.commands USING btree node_id, seq DESC
index CREATE INDEX commands_open_idx ON mast.commands USING btree node_id, seq WHERE state = ANY ARRAY['queued'::command_state, 'sent'::command_state]
index CREATE INDEX commands_queue_idx ON mast.commands USING btree node_id, seq WHERE state = 'queued'::command_state AND queue
index CREATE INDEX config_versions_hash_idx ON mast.config_versions USING btree hash
index CREATE INDEX config_versions_node_idx ON mast.config_versions USING btree node_id, id DESC
index CREATE INDEX event_changes_at_idx ON mast.event_changes USING btree at
index CREATE INDEX events_default_created_at_id_idx ON mast.events_default USING btree created_at DESC, id DESC
index CREATE INDEX events_default_node_id_created_at_idx ON mast.events_default USING btree node_id, created_at DESC
index CREATE INDEX events_default_severity_node_id_idx ON mast.events_default USING btree severity, node_id WHERE acknowledged_at IS NULL AND severity <> 'info'::severity
index CREATE INDEX events_node_idx ON ONLY mast.events USING btree node_id, created_at DESC
index CREATE INDEX events_open_idx ON ONLY mast.events USING btree severity, node_id WHERE acknowledged_at IS NULL AND severity <> 'info'::severity
index CREATE INDEX events_time_idx ON ONLY mast.events USING btree created_at DESC, id DESC
index CREATE INDEX hours_at_idx ON mast.hours USING brin at
index CREATE INDEX hubs_name_idx ON mast.hubs USING btree name, started_at DESC
index CREATE INDEX idempotency_keys_created_idx ON mast.idempotency_keys USING btree created_at
index CREATE INDEX minutes_at_idx ON ONLY mast.minutes USING brin at
index CREATE INDEX minutes_default_at_idx ON mast.minutes_default USING brin at
index CREATE INDEX node_configs_attempted_idx ON mast.node_configs USING btree attempted
index CREATE INDEX node_configs_desired_idx ON mast.node_configs USING btree desired
index CREATE INDEX node_configs_reported_idx ON mast.node_configs USING btree reported
index CREATE INDEX node_sessions_hub_idx ON mast.node_sessions USING btree hub_id
index CREATE INDEX node_tokens_node_idx ON mast.node_tokens USING btree node_id
index CREATE INDEX nodes_name_idx ON mast.nodes USING btree name COLLATE "C", id
index CREATE INDEX positions_node_idx ON mast.positions USING btree node_id
index CREATE INDEX proposals_node_idx ON mast.proposals USING btree node_id
index CREATE INDEX proposals_user_idx ON mast.proposals USING btree user_id, created_at DESC
index CREATE INDEX samples_at_idx ON ONLY mast.samples USING brin at
index CREATE INDEX samples_default_at_idx ON mast.samples_default USING brin at
index CREATE INDEX sessions_expires_idx ON mast.sessions USING btree expires_at
index CREATE INDEX sessions_user_idx ON mast.sessions USING btree user_id
index CREATE INDEX tens_at_idx ON ONLY mast.tens USING brin at
index CREATE INDEX tens_default_at_idx ON mast.tens_default USING brin at
index CREATE INDEX tunnel_legs_due_idx ON mast.tunnel_legs USING btree node_id, next_try_at WHERE told_turn IS DISTINCT FROM turn
index CREATE INDEX tunnel_legs_node_idx ON mast.tunnel_legs USING btree node_id
index CREATE INDEX tunnels_egress_idx ON mast.tunnels USING btree egress_node_id
index CREATE INDEX tunnels_relay_idx ON mast.tunnels USING btree relay_node_id
index CREATE INDEX user_nodes_node_idx ON mast.user_nodes USING btree node_id
index CREATE UNIQUE INDEX ai_usage_pk ON mast.ai_usage USING btree id
index CREATE UNIQUE INDEX alarms_open_key ON mast.alarms USING btree node_id, object, code WHERE closed_at IS NULL
index CREATE UNIQUE INDEX alarms_pk ON mast.alarms USING btree id
index CREATE UNIQUE INDEX api_tokens_pk ON mast.api_tokens USING btree id
index CREATE UNIQUE INDEX api_tokens_token_key ON mast.api_tokens USING btree token_hash
index CREATE UNIQUE INDEX audit_open_pk ON mast.audit_open USING btree id
index CREATE UNIQUE INDEX audit_pk ON mast.audit USING btree id
index CREATE UNIQUE INDEX audit_seals_pk ON mast.audit_seals USING btree seq
index CREATE UNIQUE INDEX certificate_use_pk ON mast.certificate_use USING btree door
index CREATE UNIQUE INDEX certificate_warnings_pk ON mast.certificate_warnings USING btree fingerprint, days
index CREATE UNIQUE INDEX certificates_pk ON mast.certificates USING btree id
index CREATE UNIQUE INDEX commands_pk ON mast.commands USING btree id
index CREATE UNIQUE INDEX config_blobs_pk ON mast.config_blobs USING btree hash
index CREATE UNIQUE INDEX config_versions_pk ON mast.config_versions USING btree id
index CREATE UNIQUE INDEX event_changes_pk ON mast.event_changes USING btree change
index CREATE UNIQUE INDEX event_marks_pk ON mast.event_marks USING btree node_id, boot
index CREATE UNIQUE INDEX events_default_pkey ON mast.events_default USING btree id, created_at
index CREATE UNIQUE INDEX events_pk ON ONLY mast.events USING btree id, created_at
index CREATE UNIQUE INDEX hours_pk ON mast.hours USING btree node_id, object, at
index CREATE UNIQUE INDEX hubs_pk ON mast.hubs USING btree id
index CREATE UNIQUE INDEX idempotency_keys_pk ON mast.idempotency_keys USING btree principal, key
index CREATE UNIQUE INDEX import_changes_pk ON mast.import_changes USING btree n
index CREATE UNIQUE INDEX import_rows_pk ON mast.import_rows USING btree section, n
index CREATE UNIQUE INDEX migrations_pk ON mast.migrations USING btree version
index CREATE UNIQUE INDEX minutes_default_pkey ON mast.minutes_default USING btree node_id, object, at
index CREATE UNIQUE INDEX minutes_pk ON ONLY mast.minutes USING btree node_id, object, at
index CREATE UNIQUE INDEX node_configs_pk ON mast.node_configs USING btree node_id
index CREATE UNIQUE INDEX node_secrets_pk ON mast.node_secrets USING btree node_id, secret_hash
index CREATE UNIQUE INDEX node_sessions_pk ON mast.node_sessions USING btree node_id
index CREATE UNIQUE INDEX node_state_pk ON mast.node_state USING btree node_id
index CREATE UNIQUE INDEX node_states_pk ON mast.node_states USING btree node_id, at
index CREATE UNIQUE INDEX node_tokens_pk ON mast.node_tokens USING btree token_hash
index CREATE UNIQUE INDEX nodes_pk ON mast.nodes USING btree id
index CREATE UNIQUE INDEX positions_pk ON mast.positions USING btree user_id, view, node_id
index CREATE UNIQUE INDEX preferences_pk ON mast.preferences USING btree user_id, key
index CREATE UNIQUE INDEX proposals_pk ON mast.proposals USING btree id
index CREATE UNIQUE INDEX provider_keys_pk ON mast.provider_keys USING btree id
index CREATE UNIQUE INDEX provider_keys_user_provider_key ON mast.provider_keys USING btree user_id, provider
index CREATE UNIQUE INDEX recovery_codes_pk ON mast.recovery_codes USING btree user_id, code_hash
index CREATE UNIQUE INDEX retired_keys_pk ON mast.retired_keys USING btree pub
index CREATE UNIQUE INDEX rollup_marks_pk ON mast.rollup_marks USING btree level
index CREATE UNIQUE INDEX samples_default_pkey ON mast.samples_default USING btree node_id, object, at
index CREATE UNIQUE INDEX samples_pk ON ONLY mast.samples USING btree node_id, object, at
index CREATE UNIQUE INDEX sessions_pk ON mast.sessions USING btree id
index CREATE UNIQUE INDEX sessions_token_key ON mast.sessions USING btree token_hash
index CREATE UNIQUE INDEX settings_pk ON mast.settings USING btree key
index CREATE UNIQUE INDEX tens_default_pkey ON mast.tens_default USING btree node_id, object, at
index CREATE UNIQUE INDEX tens_pk ON ONLY mast.tens USING btree node_id, object, at
index CREATE UNIQUE INDEX tunnel_legs_pk ON mast.tunnel_legs USING btree tunnel_id, leg, node_id
index CREATE UNIQUE INDEX tunnels_listen_key ON mast.tunnels USING btree ingress_node_id, protocol, ingress_listen_port
index CREATE UNIQUE INDEX tunnels_pk ON mast.tunnels USING btree id
index CREATE UNIQUE INDEX user_nodes_pk ON mast.user_nodes USING btree user_id, node_id
index CREATE UNIQUE INDEX users_link_key ON mast.users USING btree link_hash
index CREATE UNIQUE INDEX users_pk ON mast.users USING btree id
index CREATE UNIQUE INDEX users_username_key ON mast.users USING btree username
index CREATE UNIQUE INDEX versions_pk ON mast.versions USING btree name
policy ai_usage.ai_usage_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy ai_usage.ai_usage_insert PERMISSIVE INSERT to {_mast_apid} using - check user_id = SELECT actor AS actor
policy ai_usage.ai_usage_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy ai_usage.ai_usage_select PERMISSIVE SELECT to {_mast_apid} using user_id = SELECT actor AS actor OR SELECT me.role FROM me >= 'admin'::role check -
policy ai_usage.ai_usage_update PERMISSIVE UPDATE to {_mast_apid} using user_id = SELECT actor AS actor check user_id = SELECT actor AS actor
policy alarms.alarms_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy alarms.alarms_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy alarms.alarms_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy alarms.alarms_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = alarms.node_id ELSE NULL::boolean END check -
policy alarms.alarms_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = alarms.node_id ELSE NULL::boolean END check SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = alarms.node_id ELSE NULL::boolean END
policy api_tokens.api_tokens_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy api_tokens.api_tokens_delete PERMISSIVE DELETE to {_mast_apid} using actor_token IS NULL AND user_id = SELECT actor AS actor OR SELECT me.role FROM me >= 'admin'::role check -
policy api_tokens.api_tokens_insert PERMISSIVE INSERT to {_mast_apid} using - check user_id = SELECT actor AS actor AND actor_token IS NULL AND max_role <= SELECT me.role FROM me
policy api_tokens.api_tokens_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy api_tokens.api_tokens_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy api_tokens.api_tokens_select PERMISSIVE SELECT to {_mast_apid} using user_id = SELECT actor AS actor AND SELECT me.role FROM me IS NOT NULL OR SELECT me.role FROM me >= 'admin'::role check -
policy audit.audit_add PERMISSIVE INSERT to {_mast_apid,_mast_hubd} using - check true
policy audit.audit_ctl_add PERMISSIVE INSERT to {_mast_ctl} using - check true
policy audit.audit_ctl_read PERMISSIVE SELECT to {_mast_ctl} using true check -
policy audit.audit_read PERMISSIVE SELECT to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role AND SELECT me.all_nodes FROM me OR audit_node target_type, target_id, details IS NULL OR audit_node target_type, target_id, details IN SELECT m.node_id ::text AS node_id FROM my_nodes m check -
policy audit_open.audit_open_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy audit_seals.audit_seals_ctl_add PERMISSIVE INSERT to {_mast_ctl} using - check true
policy audit_seals.audit_seals_ctl_read PERMISSIVE SELECT to {_mast_ctl} using true check -
policy audit_seals.audit_seals_hubd PERMISSIVE SELECT to {_mast_hubd} using true check -
policy audit_seals.audit_seals_read PERMISSIVE SELECT to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role check -
policy certificate_use.certificate_use_apid PERMISSIVE SELECT to {_mast_apid} using true check -
policy certificate_use.certificate_use_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy certificate_use.certificate_use_hubd PERMISSIVE SELECT to {_mast_hubd} using true check -
policy certificate_use.certificate_use_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role check -
policy certificate_warnings.certificate_warnings_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy certificates.certificates_apid PERMISSIVE SELECT to {_mast_apid} using true check -
policy certificates.certificates_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy certificates.certificates_delete PERMISSIVE DELETE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role check -
policy certificates.certificates_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy certificates.certificates_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'admin'::role
policy certificates.certificates_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy certificates.certificates_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy certificates.certificates_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy certificates.certificates_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role check -
policy commands.commands_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy commands.commands_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy commands.commands_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = commands.node_id ELSE NULL::boolean END
policy commands.commands_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy commands.commands_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy commands.commands_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = commands.node_id ELSE NULL::boolean END check -
policy commands.commands_tool RESTRICTIVE INSERT to {_mast_apid} using - check NOT by_tool
policy commands.commands_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = commands.node_id ELSE NULL::boolean END check SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = commands.node_id ELSE NULL::boolean END
policy config_blobs.config_blobs_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy config_blobs.config_blobs_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy config_blobs.config_blobs_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'operator'::role
policy config_blobs.config_blobs_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy config_blobs.config_blobs_select PERMISSIVE SELECT to {_mast_apid} using EXISTS SELECT FROM config_versions v WHERE v.hash = config_blobs.hash check -
policy config_versions.config_versions_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy config_versions.config_versions_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy config_versions.config_versions_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = config_versions.node_id ELSE NULL::boolean END
policy config_versions.config_versions_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy config_versions.config_versions_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = config_versions.node_id ELSE NULL::boolean END check -
policy event_changes.event_changes_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy event_changes.event_changes_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy event_marks.event_marks_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy event_marks.event_marks_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy events.events_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy events.events_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy events.events_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy events.events_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = events.node_id ELSE NULL::boolean END check -
policy events.events_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = events.node_id ELSE NULL::boolean END check SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = events.node_id ELSE NULL::boolean END
policy events_default.events_default_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy hours.hours_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy hours.hours_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy hours.hours_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = hours.node_id ELSE NULL::boolean END check -
policy hubs.hubs_apid PERMISSIVE SELECT to {_mast_apid} using true check -
policy hubs.hubs_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy hubs.hubs_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy idempotency_keys.idempotency_keys_apid PERMISSIVE ALL to {_mast_apid} using principal = SELECT actor AS actor check -
policy idempotency_keys.idempotency_keys_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy import_changes.import_changes_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy import_rows.import_rows_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy migrations.migrations_apid PERMISSIVE SELECT to {_mast_apid} using true check -
policy migrations.migrations_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy migrations.migrations_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy minutes.minutes_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy minutes.minutes_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy minutes.minutes_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = minutes.node_id ELSE NULL::boolean END check -
policy minutes_default.minutes_default_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy node_configs.node_configs_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy node_configs.node_configs_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy node_configs.node_configs_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_configs.node_id ELSE NULL::boolean END
policy node_configs.node_configs_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy node_configs.node_configs_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy node_configs.node_configs_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_configs.node_id ELSE NULL::boolean END check -
policy node_configs.node_configs_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_configs.node_id ELSE NULL::boolean END check SELECT me.role FROM me >= 'operator'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_configs.node_id ELSE NULL::boolean END
policy node_secrets.node_secrets_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy node_secrets.node_secrets_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy node_secrets.node_secrets_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'admin'::role AND EXISTS SELECT FROM nodes n WHERE n.id = node_secrets.node_id
policy node_secrets.node_secrets_select PERMISSIVE SELECT to {_mast_apid} using EXISTS SELECT FROM nodes n WHERE n.id = node_secrets.node_id check -
policy node_sessions.node_sessions_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy node_sessions.node_sessions_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy node_sessions.node_sessions_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_sessions.node_id ELSE NULL::boolean END check -
policy node_state.node_state_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy node_state.node_state_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy node_state.node_state_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_state.node_id ELSE NULL::boolean END check -
policy node_states.node_states_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy node_states.node_states_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy node_states.node_states_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_states.node_id ELSE NULL::boolean END check -
policy node_tokens.node_tokens_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy node_tokens.node_tokens_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy node_tokens.node_tokens_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'admin'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_tokens.node_id ELSE NULL::boolean END
policy node_tokens.node_tokens_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy node_tokens.node_tokens_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy node_tokens.node_tokens_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_tokens.node_id ELSE NULL::boolean END check -
policy node_tokens.node_tokens_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_tokens.node_id ELSE NULL::boolean END check SELECT me.role FROM me >= 'admin'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = node_tokens.node_id ELSE NULL::boolean END
policy nodes.nodes_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy nodes.nodes_delete PERMISSIVE DELETE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = nodes.id ELSE NULL::boolean END check -
policy nodes.nodes_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy nodes.nodes_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'admin'::role AND SELECT me.all_nodes FROM me
policy nodes.nodes_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy nodes.nodes_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy nodes.nodes_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy nodes.nodes_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = nodes.id ELSE NULL::boolean END check -
policy nodes.nodes_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = nodes.id ELSE NULL::boolean END check SELECT me.role FROM me >= 'admin'::role AND CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = nodes.id ELSE NULL::boolean END
policy positions.positions_apid PERMISSIVE ALL to {_mast_apid} using user_id = SELECT actor AS actor check -
policy positions.positions_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy positions.positions_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy positions.positions_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy positions.positions_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy preferences.preferences_apid PERMISSIVE ALL to {_mast_apid} using user_id = SELECT actor AS actor check -
policy preferences.preferences_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy preferences.preferences_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy preferences.preferences_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy preferences.preferences_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy proposals.proposals_apid PERMISSIVE ALL to {_mast_apid} using user_id = SELECT actor AS actor check -
policy proposals.proposals_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy proposals.proposals_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy proposals.proposals_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy provider_keys.provider_keys_apid PERMISSIVE ALL to {_mast_apid} using user_id = SELECT actor AS actor check -
policy provider_keys.provider_keys_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy provider_keys.provider_keys_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy provider_keys.provider_keys_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy provider_keys.provider_keys_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy recovery_codes.recovery_codes_apid PERMISSIVE ALL to {_mast_apid} using user_id = SELECT actor AS actor check -
policy recovery_codes.recovery_codes_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy recovery_codes.recovery_codes_reset PERMISSIVE DELETE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role check -
policy recovery_codes.recovery_codes_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy recovery_codes.recovery_codes_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy recovery_codes.recovery_codes_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy recovery_codes.recovery_codes_seen PERMISSIVE SELECT to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role check -
policy retired_keys.retired_keys_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy rollup_marks.rollup_marks_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy rollup_marks.rollup_marks_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy samples.samples_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy samples.samples_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy samples.samples_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = samples.node_id ELSE NULL::boolean END check -
policy samples_default.samples_default_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy sessions.sessions_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy sessions.sessions_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy sessions.sessions_select PERMISSIVE SELECT to {_mast_apid} using user_id = SELECT actor AS actor OR SELECT me.role FROM me >= 'admin'::role check -
policy sessions.sessions_update PERMISSIVE UPDATE to {_mast_apid} using user_id = SELECT actor AS actor OR SELECT me.role FROM me >= 'admin'::role check -
policy settings.settings_apid PERMISSIVE SELECT to {_mast_apid} using true check -
policy settings.settings_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy settings.settings_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy settings.settings_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy settings.settings_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role check -
policy tens.tens_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy tens.tens_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy tens.tens_select PERMISSIVE SELECT to {_mast_apid} using CASE SELECT me.all_nodes FROM me WHEN true THEN true WHEN false THEN EXISTS SELECT FROM my_nodes m WHERE m.node_id = tens.node_id ELSE NULL::boolean END check -
policy tens_default.tens_default_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy tunnel_legs.tunnel_legs_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy tunnel_legs.tunnel_legs_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy tunnel_legs.tunnel_legs_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy tunnel_legs.tunnel_legs_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy tunnel_legs.tunnel_legs_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy tunnel_legs.tunnel_legs_select PERMISSIVE SELECT to {_mast_apid} using EXISTS SELECT FROM tunnels t WHERE t.id = tunnel_legs.tunnel_id check -
policy tunnels.tunnels_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy tunnels.tunnels_delete PERMISSIVE DELETE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role AND EXISTS SELECT FROM nodes n WHERE n.id = tunnels.ingress_node_id AND EXISTS SELECT FROM nodes n WHERE n.id = tunnels.egress_node_id check -
policy tunnels.tunnels_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
policy tunnels.tunnels_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'admin'::role AND EXISTS SELECT FROM nodes n WHERE n.id = tunnels.ingress_node_id AND EXISTS SELECT FROM nodes n WHERE n.id = tunnels.egress_node_id
policy tunnels.tunnels_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy tunnels.tunnels_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy tunnels.tunnels_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy tunnels.tunnels_select PERMISSIVE SELECT to {_mast_apid} using SELECT me.all_nodes FROM me OR EXISTS SELECT FROM nodes n WHERE n.id = ANY ARRAY[tunnels.ingress_node_id, tunnels.egress_node_id, tunnels.relay_node_id] check -
policy tunnels.tunnels_update PERMISSIVE UPDATE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role AND EXISTS SELECT FROM nodes n WHERE n.id = tunnels.ingress_node_id AND EXISTS SELECT FROM nodes n WHERE n.id = tunnels.egress_node_id check -
policy user_nodes.user_nodes_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy user_nodes.user_nodes_delete PERMISSIVE DELETE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role check -
policy user_nodes.user_nodes_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'admin'::role AND user_id <> SELECT actor AS actor AND SELECT me.all_nodes FROM me OR EXISTS SELECT FROM my_nodes m WHERE m.node_id = user_nodes.node_id
policy user_nodes.user_nodes_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy user_nodes.user_nodes_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy user_nodes.user_nodes_select PERMISSIVE SELECT to {_mast_apid} using user_id = SELECT actor AS actor OR SELECT me.role FROM me >= 'admin'::role check -
policy users.users_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy users.users_delete PERMISSIVE DELETE to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role AND role <= SELECT me.role FROM me AND id <> SELECT actor AS actor check -
policy users.users_insert PERMISSIVE INSERT to {_mast_apid} using - check SELECT me.role FROM me >= 'admin'::role AND role <= SELECT me.role FROM me AND NOT all_nodes OR SELECT me.all_nodes FROM me
policy users.users_ro_delete RESTRICTIVE DELETE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy users.users_ro_insert RESTRICTIVE INSERT to {_mast_apid} using - check SELECT me.read_only FROM me IS NOT TRUE
policy users.users_ro_update RESTRICTIVE UPDATE to {_mast_apid} using SELECT me.read_only FROM me IS NOT TRUE check -
policy users.users_select PERMISSIVE SELECT to {_mast_apid} using SELECT me.role FROM me >= 'admin'::role OR id = SELECT actor AS actor AND SELECT me.role FROM me IS NOT NULL check -
policy users.users_update PERMISSIVE UPDATE to {_mast_apid} using role <= SELECT me.role FROM me AND SELECT me.role FROM me >= 'admin'::role OR id = SELECT actor AS actor check role <= SELECT me.role FROM me AND SELECT me.role FROM me >= 'admin'::role OR id = SELECT actor AS actor AND NOT all_nodes OR SELECT me.all_nodes FROM me
policy versions.versions_apid PERMISSIVE SELECT to {_mast_apid} using true check -
policy versions.versions_ctl PERMISSIVE ALL to {_mast_ctl} using true check true
policy versions.versions_hubd PERMISSIVE ALL to {_mast_hubd} using true check true
view alarm_view as SELECT v.id, v.node_id, v.severity, v.code, v.object, v.first_at, v.closed_at, v.acknowledged_at, v.symptom_of, json_build_object 'id', v.id, 'node_id', v.node_id, 'node_name', v.node_name, 'object', NULLIF v.object, ''::text , 'code', v.code, 'severity', v.severity, 'message', v.message, 'source', v.source, 'count', v.count, 'first_at', rfc3339 v.first_at , 'last_at', rfc3339 v.last_at , 'closed_at', rfc3339 v.closed_at , 'closed_why', v.closed_why, 'symptom_of', v.symptom_of, 'acknowledged', v.acknowledged_at IS NOT NULL , 'acknowledged_by', v.acknowledged_by, 'acknowledged_by_name', v.ack_name, 'acknowledged_at', rfc3339 v.acknowledged_at , 'note', v.ack_note AS json FROM SELECT a.id, a.node_id, a.object, a.code, a.severity, a.message, a.count, a.first_at, a.last_at, a.closed_at, a.acknowledged_at, a.acknowledged_by, a.source, a.closed_why, a.ack_name, a.ack_note, n.name AS node_name, CASE WHEN a.closed_at IS NULL AND a.code <> 'node_offline'::text THEN COALESCE SELECT o.id FROM alarms o WHERE o.node_id = a.node_id AND o.object = ''::text AND o.code = 'node_offline'::text AND o.closed_at IS NULL , CASE WHEN a.code = 'tunnel_down'::text AND a.object ~ '^[0-9a-f]{8} -[0-9a-f]{4} {3}-[0-9a-f]{12}$'::text THEN SELECT o.id FROM tunnels t JOIN alarms o ON o.node_id = t.relay_node_id OR o.node_id = t.ingress_node_id OR o.node_id = t.egress_node_id WHERE t.id = a.object ::uuid AND o.object = ''::text AND o.code = 'node_offline'::text AND o.closed_at IS NULL LIMIT 1 ELSE NULL::uuid END ELSE NULL::uuid END AS symptom_of FROM alarms a JOIN nodes n ON n.id = a.node_id v;
view command_view as SELECT c.id, c.seq, c.node_id, c.state, c.type, json_build_object 'id', c.id, 'node_id', c.node_id, 'node_name', c.node_name, 'type', c.type, 'state', c.state, 'queue', c.queue, 'actor', c.actor_name, 'request_id', c.request_id, 'created_at', rfc3339 c.created_at , 'expires_at', rfc3339 c.expires_at , 'sent_at', rfc3339 c.sent_at , 'done_at', rfc3339 c.done_at , 'error', c.error, 'error_code', c.error_code, 'steps', c.steps AS json FROM commands c;
view config_version_view as SELECT v.id, v.node_id, v.hash, json_build_object 'version', v.id, 'hash', CASE WHEN me.role >= 'operator'::role THEN "left" encode v.hash, 'hex'::text , 32 ELSE NULL::text END, 'source', v.source, 'actor', v.actor_user, 'size', b.size, 'dialect', b.dialect, 'first_seen_at', rfc3339 v.first_seen_at , 'last_seen_at', rfc3339 v.last_seen_at , 'reported', COALESCE k.reported = v.hash , false , 'desired', COALESCE k.desired = v.hash , false , 'attempt_error', CASE WHEN k.attempted = v.hash THEN k.attempt_error ELSE NULL::text END AS json FROM config_versions v JOIN config_blobs b ON b.hash = v.hash LEFT JOIN node_configs k ON k.node_id = v.node_id LEFT JOIN me ON true ;
view event_view as SELECT e.id, e.created_at, e.node_id, e.node_name, e.severity, e.category, e.message, e.details, e.flow_id, e.acknowledged_at, e.acknowledged_by, json_build_object 'id', e.id, 'node_id', e.node_id, 'node_name', e.node_name, 'severity', e.severity, 'severity_raw', e.severity_raw, 'category', e.category, 'message', e.message, 'details', e.details, 'flow_id', e.flow_id, 'created_at', rfc3339 e.created_at , 'acknowledged', e.acknowledged_at IS NOT NULL , 'acknowledged_by', e.acknowledged_by, 'acknowledged_by_name', e.ack_name, 'acknowledged_at', rfc3339 e.acknowledged_at , 'note', e.ack_note AS json FROM events e;
view history as SELECT 0 AS level, s.node_id, s.object, s.at, NULL::integer[] AS n, s.v AS lo, s.v AS mean, s.v AS hi FROM samples s UNION ALL SELECT 1 AS level, m.node_id, m.object, m.at, m.n, m.lo, m.mean, m.hi FROM minutes m UNION ALL SELECT 2 AS level, t.node_id, t.object, t.at, t.n, t.lo, t.mean, t.hi FROM tens t UNION ALL SELECT 3 AS level, h.node_id, h.object, h.at, h.n, h.lo, h.mean, h.hi FROM hours h;
view me as SELECT u.id, LEAST u.role, t.max_role AS role, u.all_nodes AND t.node_ids IS NULL AS all_nodes, COALESCE t.read_only, false AS read_only FROM users u LEFT JOIN api_tokens t ON t.id = actor_token AND t.user_id = u.id AND t.revoked_at IS NULL AND t.expires_at > now WHERE u.id = actor AND u.is_active AND u.expires_at IS NULL OR u.expires_at > now AND actor_token IS NULL OR t.id IS NOT NULL ;
view my_nodes as SELECT n.node_id FROM user_nodes n WHERE n.user_id = actor AND actor_token IS NULL OR EXISTS SELECT FROM api_tokens t WHERE t.id = actor_token AND t.node_ids IS NULL OR n.node_id = ANY t.node_ids UNION ALL SELECT k.k AS node_id FROM api_tokens t JOIN users u ON u.id = t.user_id AND u.all_nodes , LATERAL unnest t.node_ids k k WHERE t.id = actor_token AND u.id = actor ;
view node_all as SELECT v.id, v.name, v.description, v.device_type, v.status, v.last_seen_at, v.last_health, v.software_version, v.metadata, v.expires_at, v.created_at, v.updated_at, v.version, v.protocol_version, v.config_stale, v.hub_id, v.epoch, v.connected_at, v.address, json_build_object 'id', v.id, 'name', v.name, 'description', v.description, 'device_type', v.device_type, 'status', v.status, 'last_seen_at', rfc3339 v.last_seen_at , 'last_health', v.last_health, 'software_version', v.software_version, 'metadata', v.metadata, 'expires_at', rfc3339 v.expires_at , 'created_at', rfc3339 v.created_at , 'updated_at', rfc3339 v.updated_at , 'quarantine', CASE WHEN v.quarantined_at IS NOT NULL THEN json_build_object 'at', rfc3339 v.quarantined_at , 'by', v.quarantined_by, 'reason', v.quarantine_reason ELSE NULL::json END AS json FROM SELECT n.id, n.name, n.description, n.device_type, CASE WHEN st.status = ANY ARRAY['online'::node_status, 'degraded'::node_status] AND h.seen_at > now - '00:00:15'::interval IS NOT TRUE THEN 'offline'::node_status ELSE COALESCE st.status, 'pending'::node_status END AS status, st.last_seen_at, st.last_health, st.software_version, n.metadata, n.expires_at, n.created_at, n.updated_at, n.version, st.protocol_version, st.config_stale, s.hub_id, s.epoch, s.connected_at, s.address, n.quarantined_at, n.quarantined_by, n.quarantine_reason FROM nodes n LEFT JOIN node_state st ON st.node_id = n.id LEFT JOIN node_sessions s ON s.node_id = n.id LEFT JOIN hubs h ON h.id = s.hub_id v;
view node_view as SELECT v.id, v.name, v.description, v.device_type, v.status, v.last_seen_at, v.last_health, v.software_version, v.metadata, v.expires_at, v.created_at, v.updated_at, v.version, v.protocol_version, v.config_stale, v.hub_id, v.epoch, v.connected_at, v.address, v.json FROM node_all v LEFT JOIN me ON true WHERE me.all_nodes OR CURRENT_USER = '_mast_ctl'::name OR me.id IS NOT NULL AND v.id IN SELECT my_node_set AS my_node_set ;
view proposal_view as SELECT p.id, p.node_id, s.state, p.base_hash, p.envelope, p.min_role, p.created_at, json_build_object 'id', p.id, 'node_id', p.node_id, 'node_name', n.name, 'provider', p.provider, 'model', p.model, 'state', s.state, 'message', p.message, 'actions', p.actions, 'requires_role', p.min_role, 'base_hash', CASE WHEN me.role >= 'operator'::role THEN encode p.base_hash, 'hex'::text ELSE NULL::text END, 'undoes', p.undoes, 'created_at', rfc3339 p.created_at , 'expires_at', rfc3339 p.expires_at , 'applied_at', rfc3339 p.applied_at , 'result', p.result AS json FROM proposals p LEFT JOIN nodes n ON n.id = p.node_id LEFT JOIN me ON true CROSS JOIN LATERAL SELECT CASE WHEN p.state = 'open'::text AND p.expires_at <= now THEN 'expired'::text WHEN p.state = 'applying'::text AND p.applied_at < now - '00:15:00'::interval THEN 'unknown'::text ELSE p.state END AS state s ;
view token_view as SELECT t.id, t.user_id, t.created_at, t.expires_at, t.revoked_at, json_build_object 'id', t.id, 'name', t.name, 'user_id', t.user_id, 'max_role', t.max_role, 'read_only', t.read_only, 'node_ids', t.node_ids, 'created_at', rfc3339 t.created_at , 'expires_at', rfc3339 t.expires_at , 'last_used_at', rfc3339 t.last_used_at AS json FROM api_tokens t;
view tunnel_leg_all as SELECT x.tunnel_id, x.leg, x.node_id, x.status, CASE WHEN x.push_error IS NOT NULL THEN x.push_error WHEN x.status <> 'pending'::text THEN NULL::text WHEN NOT x.live THEN 'the node is not connected'::text WHEN x.waits THEN 'waits for the relay'::text ELSE NULL::text END AS error, x.untold AND x.live AND NOT x.waits AND x.attempts < 2 AS busy FROM SELECT l.tunnel_id, l.leg, l.node_id, l.push_error, l.attempts, COALESCE h.seen_at > now - '00:00:15'::interval , false AS live, l.told_turn IS DISTINCT FROM l.turn OR l.want = 'present'::text AND l.told_epoch IS DISTINCT FROM s.epoch AS untold, CASE WHEN l.push_status = 'pushed'::text AND l.want = 'present'::text AND l.told_epoch IS DISTINCT FROM s.epoch THEN 'pending'::text ELSE l.push_status END AS status, l.want = 'present'::text AND l.leg <> 'relay'::text AND EXISTS SELECT FROM tunnel_legs r LEFT JOIN node_sessions rs ON rs.node_id = r.node_id WHERE r.tunnel_id = l.tunnel_id AND r.leg = 'relay'::text AND r.want = 'present'::text AND rs.epoch IS NULL AS waits FROM tunnel_legs l LEFT JOIN node_sessions s ON s.node_id = l.node_id LEFT JOIN hubs h ON h.id = s.hub_id x;
view tunnel_view as SELECT t.id, t.name, t.protocol, t.mode, t.ingress_node_id, t.ingress_listen_port, t.egress_node_id, t.egress_forward_addr, t.egress_peer_addr, t.relay_addr, t.relay_addrs, t.relay_node_id, t.status, t.associated_flow_ids, t.created_at, t.updated_at, t.version, i.status AS ingress_status, i.error AS ingress_error, e.status AS egress_status, e.error AS egress_error, r.status AS relay_status, r.error AS relay_error, COALESCE i.busy, false OR COALESCE e.busy, false OR COALESCE r.busy, false AS busy, SELECT n.name FROM nodes n WHERE n.id = t.ingress_node_id AND me.all_nodes OR EXISTS SELECT FROM my_nodes m WHERE m.node_id = n.id AS ingress_node_name, SELECT n.name FROM nodes n WHERE n.id = t.egress_node_id AND me.all_nodes OR EXISTS SELECT FROM my_nodes m WHERE m.node_id = n.id AS egress_node_name FROM tunnels t JOIN me ON true LEFT JOIN tunnel_leg_all i ON i.tunnel_id = t.id AND i.leg = 'ingress'::text AND i.node_id = t.ingress_node_id LEFT JOIN tunnel_leg_all e ON e.tunnel_id = t.id AND e.leg = 'egress'::text AND e.node_id = t.egress_node_id LEFT JOIN tunnel_leg_all r ON r.tunnel_id = t.id AND r.leg = 'relay'::text AND r.node_id = t.relay_node_id WHERE me.all_nodes OR EXISTS SELECT FROM my_nodes m WHERE m.node_id = ANY ARRAY[t.ingress_node_id, t.egress_node_id, t.relay_node_id] ;
view user_view as SELECT u.id, u.username, u.display_name, u.email, u.role, u.is_temporary, u.is_active, u.expires_at, u.all_nodes, u.created_at, u.last_login_at, u.version, json_build_object 'id', u.id, 'username', u.username, 'display_name', u.display_name, 'email', u.email, 'role', u.role, 'is_temporary', u.is_temporary, 'expires_at', rfc3339 u.expires_at , 'allowed_node_ids', CASE WHEN u.all_nodes THEN NULL::json ELSE SELECT COALESCE json_agg n.node_id ORDER BY n.node_id , '[]'::json AS "coalesce" FROM user_nodes n WHERE n.user_id = u.id END, 'is_active', u.is_active, 'last_login_at', rfc3339 u.last_login_at AS json FROM users u;
function actor returns uuid owner _mast_ctl s : RETURN NULLIF "left" current_setting 'mast.actor'::text, true , 36 , ''::text ::uuid
function actor_details details jsonb returns jsonb owner _mast_ctl s : RETURN CASE WHEN actor_token IS NULL THEN details ELSE COALESCE details, '{}'::jsonb || jsonb_build_object 'token_id', actor_token END
function actor_kind returns text owner _mast_ctl s : RETURN CASE WHEN actor_token IS NULL THEN 'user'::text ELSE 'token'::text END
function actor_token returns uuid owner _mast_ctl s : RETURN NULLIF substr current_setting 'mast.actor'::text, true , 38 , ''::text ::uuid
function addr_port addr text returns integer owner _mast_ctl i : RETURN "substring" addr, ': [0-9]{1,5} $'::text ::integer
function ai_facts p_node uuid, p_access uuid[], p_log boolean returns TABLE nodes json, tunnels json, alarms json, events json owner _mast_ctl s search_path=pg_catalog, pg_temp; plan_cache_mode=force_generic_plan: BEGIN SELECT coalesce json_agg json_build_object 'id', v.id, 'name', v.name, 'device_type', v.device_type, 'status', v.status ORDER BY v.name, v.id , '[]' INTO nodes FROM SELECT x.id, x.name, x.device_type, x.status FROM mast.node_view x WHERE p_access IS NULL OR x.id = ANY p_access ORDER BY x.name, x.id LIMIT 200 v; SELECT coalesce json_agg json_build_object 'id', t.id, 'name', t.name, 'protocol', t.protocol, 'mode', t.mode, 'status', t.status, 'ingress_node_id', t.ingress_node_id, 'ingress_listen_port', t.ingress_listen_port, 'egress_node_id', t.egress_node_id, 'egress_forward_addr', t.egress_forward_addr, 'egress_peer_addr', t.egress_peer_addr, 'relay_node_id', t.relay_node_id, 'relay_addrs', t.relay_addrs ORDER BY t.id , '[]' INTO tunnels FROM SELECT * FROM mast.tunnels x WHERE p_access IS NULL OR x.ingress_node_id = ANY p_access AND x.egress_node_id = ANY p_access ORDER BY x.created_at DESC LIMIT 60 t; IF NOT p_log THEN RETURN NEXT; RETURN; END IF; SELECT coalesce json_agg json_build_object 'node_id', a.node_id, 'object', a.object, 'code', a.code, 'severity', a.severity, 'message', left a.message, 300 , 'count', a.count, 'first_at', mast.rfc3339 a.first_at , 'last_at', mast.rfc3339 a.last_at ORDER BY a.severity DESC, a.last_at DESC , '[]' INTO alarms FROM SELECT * FROM mast.alarms x WHERE x.closed_at IS NULL AND p_node IS NULL OR x.node_id = p_node AND p_access IS NULL OR x.node_id = ANY p_access ORDER BY x.severity DESC, x.last_at DESC LIMIT 50 a; SELECT coalesce json_agg json_build_object 'node_id', e.node_id, 'node_name', e.node_name, 'severity', e.severity, 'category', e.category, 'message', left e.message, 400 , 'flow_id', e.flow_id, 'at', mast.rfc3339 e.created_at ORDER BY e.created_at DESC, e.id DESC , '[]' INTO events FROM SELECT * FROM mast.events x WHERE x.created_at > now - interval '7 days' AND p_node IS NULL OR x.node_id = p_node AND p_access IS NULL OR x.node_id = ANY p_access ORDER BY x.created_at DESC, x.id DESC LIMIT 60 e; RETURN NEXT; END
function ai_node p_node uuid, p_access uuid[] returns TABLE id uuid, device_type text, json json, sealed bytea, hash bytea owner _mast_ctl s search_path=pg_catalog, pg_temp; plan_cache_mode=force_generic_plan: BEGIN IF p_node IS NULL THEN RETURN; END IF; RETURN QUERY SELECT v.id, v.device_type, json_build_object 'id', v.id, 'name', v.name, 'device_type', v.device_type, 'status', v.status, 'software_version', v.software_version, 'last_seen_at', mast.rfc3339 v.last_seen_at , b.sealed, b.hash FROM mast.node_view v LEFT JOIN mast.node_configs c ON c.node_id = v.id LEFT JOIN mast.config_blobs b ON b.hash = c.reported WHERE v.id = p_node AND p_access IS NULL OR v.id = ANY p_access ; END
function ai_open p_provider text, p_model text, p_kind text, p_calls bigint, p_tokens bigint returns TABLE usage_id bigint, calls bigint, tokens bigint, secs bigint owner _mast_ctl v search_path=pg_catalog, pg_temp: DECLARE midnight timestamptz := date_trunc 'day', now , 'UTC' ; BEGIN PERFORM pg_advisory_xact_lock hashtext 'mast.ai_usage' , hashtext mast.actor ::text ; SELECT count * , coalesce sum u.input_tokens + u.output_tokens , 0 INTO calls, tokens FROM mast.ai_usage u WHERE u.user_id = mast.actor AND u.at >= midnight; secs := ceil extract epoch FROM midnight + interval '1 day' - now ::bigint; IF calls < p_calls AND tokens < p_tokens THEN INSERT INTO mast.ai_usage AS u user_id, provider, model, took_ms, ok, kind, error VALUES mast.actor , p_provider, p_model, 0, false, p_kind, 'cancelled' RETURNING u.id INTO usage_id; PERFORM set_config 'synchronous_commit', 'off', true ; END IF; RETURN NEXT; END
function ai_series p_node uuid, p_names text[], p_units text[] returns json owner _mast_ctl s search_path=pg_catalog, pg_temp; plan_cache_mode=force_generic_plan: BEGIN RETURN WITH m AS MATERIALIZED SELECT x.object, date_bin '10 min', x.at, 'epoch' AS at, u.k, min u.lo AS lo, avg u.mean ::real AS mean, max u.hi AS hi FROM mast.minutes x, unnest x.lo, x.mean, x.hi WITH ORDINALITY AS u lo, mean, hi, k WHERE x.node_id = p_node AND x.at >= now - interval '1 hour' AND u.lo IS NOT NULL GROUP BY 1, 2, 3 , o AS SELECT DISTINCT m.object FROM m ORDER BY 1 LIMIT 24 SELECT coalesce json_agg json_build_object 'object', s.object, 'metric', p_names[s.k], 'unit', p_units[s.k], 'cells', s.cells ORDER BY s.object, s.k , '[]' FROM SELECT m.object, m.k, json_agg json_build_array mast.rfc3339 m.at , m.lo, m.mean, m.hi ORDER BY m.at AS cells FROM m JOIN o USING object GROUP BY 1, 2 s ; END
function alarms_apply p_node uuid[], p_object text[], p_code text[], p_source text[], p_severity text[], p_message text[], p_count bigint[], p_open boolean[], p_first bigint[], p_last bigint[], p_whole uuid[] returns integer owner _mast_ctl v search_path=pg_catalog, pg_temp: DECLARE n integer; BEGIN WITH u AS MATERIALIZED SELECT x.node, x.object, x.code, x.source, x.severity::mast.severity AS severity, x.message, x.count, x.stands, 'epoch'::timestamptz + x.first * interval '1 us' AS first, 'epoch'::timestamptz + x.last * interval '1 us' AS last FROM unnest p_node, p_object, p_code, p_source, p_severity, p_message, p_count, p_open, p_first, p_last AS x node, object, code, source, severity, message, count, stands, first, last JOIN mast.nodes n ON n.id = x.node , t AS MATERIALIZED SELECT u.*, SELECT a.id FROM mast.alarms a WHERE a.node_id = u.node AND a.object = u.object AND a.code = u.code AND a.closed_at IS NULL OR u.count > 0 AND a.closed_at > u.first - interval '5 minutes' ORDER BY a.closed_at IS NULL DESC, a.last_at DESC LIMIT 1 AS old FROM u , changed AS UPDATE mast.alarms a SET count = a.count + CASE WHEN t.last > a.last_at THEN t.count ELSE 0 END, severity = CASE WHEN t.count > 0 THEN t.severity ELSE a.severity END, message = CASE WHEN t.count > 0 THEN t.message ELSE a.message END, source = CASE WHEN t.count > 0 THEN t.source ELSE a.source END, last_at = CASE WHEN t.stands OR t.count > 0 THEN greatest a.last_at, t.last ELSE a.last_at END, closed_at = CASE WHEN NOT t.stands THEN t.last END, closed_why = CASE WHEN NOT t.stands THEN 'cleared' END, -- Whoever saw it before has not seen it come again. acknowledged_at = CASE WHEN a.closed_at IS NULL THEN a.acknowledged_at END, acknowledged_by = CASE WHEN a.closed_at IS NULL THEN a.acknowledged_by END, ack_name = CASE WHEN a.closed_at IS NULL THEN a.ack_name END, ack_note = CASE WHEN a.closed_at IS NULL THEN a.ack_note END FROM t WHERE a.id = t.old AND a.closed_at IS NULL OR t.last > a.last_at RETURNING 1 , fresh AS INSERT INTO mast.alarms AS a node_id, object, code, source, severity, message, count, first_at, last_at, closed_at, closed_why SELECT t.node, t.object, t.code, t.source, t.severity, t.message, t.count, t.first, t.last, CASE WHEN NOT t.stands THEN t.last END, CASE WHEN NOT t.stands THEN 'cleared' END FROM t WHERE t.old IS NULL AND t.count > 0 -- Another hub was first. ON CONFLICT node_id, object, code WHERE closed_at IS NULL DO UPDATE SET count = a.count + excluded.count, last_at = greatest a.last_at, excluded.last_at RETURNING 1 , over AS UPDATE mast.alarms a SET closed_at = now , closed_why = 'cleared' WHERE a.node_id = ANY p_whole AND a.source = 'stats' AND a.closed_at IS NULL AND NOT EXISTS SELECT FROM u WHERE u.node = a.node_id AND u.object = a.object AND u.code = a.code RETURNING 1 SELECT SELECT count * FROM changed + SELECT count * FROM fresh + SELECT count * FROM over INTO n; RETURN n; END
function alarms_sweep returns integer owner _mast_ctl v search_path=pg_catalog, pg_temp: DECLARE days integer := SELECT s.value FROM mast.settings s WHERE s.key = 'events_retention_days' ; n integer; BEGIN UPDATE mast.alarms a SET closed_at = now , closed_why = 'stale' WHERE a.closed_at IS NULL AND a.source = 'event' AND a.last_at < now - CASE WHEN a.code IN 'events_dropped', 'node_cloned' THEN interval '1 hour' ELSE interval '1 day' END OR a.source = 'stats' AND a.last_at < now - interval '5 minutes' AND EXISTS SELECT FROM mast.node_sessions s WHERE s.node_id = a.node_id AND s.connected_at < now - interval '5 minutes' ; GET DIAGNOSTICS n = ROW_COUNT; DELETE FROM mast.alarms a WHERE a.id IN SELECT b.id FROM mast.alarms b WHERE b.closed_at < now - make_interval days => days ORDER BY b.closed_at LIMIT 10000 ; RETURN n; END
function audit_node target_type text, target_id text, details jsonb returns text owner _mast_ctl i : RETURN COALESCE CASE WHEN target_type = 'node'::text THEN target_id ELSE NULL::text END, details ->> 'node_id'::text
function audit_opened returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN INSERT INTO mast.audit_open id VALUES NEW.id ; RETURN NULL; END
function audit_seal_add p_seq bigint, p_ids text, p_rows bigint, p_content bytea, p_sealed_at text, p_chain bytea, p_signature bytea, p_signer bytea returns boolean owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE covered int8multirange := p_ids::int8multirange; gone bigint; BEGIN PERFORM pg_advisory_xact_lock hashtext 'mast audit seal' ; IF p_seq <> SELECT coalesce max s.seq , 0 + 1 FROM mast.audit_seals s THEN RETURN false; END IF; DELETE FROM mast.audit_open o WHERE o.id <@ covered; GET DIAGNOSTICS gone = ROW_COUNT; IF gone <> p_rows THEN RAISE EXCEPTION 'a seal of % rows would cover % that wait', p_rows, gone; END IF; INSERT INTO mast.audit_seals seq, first_id, last_id, rows, chain, signature, sealed_at, ids, content, signer VALUES p_seq, lower covered , upper covered - 1, p_rows, p_chain, p_signature, p_sealed_at::timestamptz, covered, p_content, p_signer ; RETURN true; END
function audit_seal_next p_limit integer, p_age interval returns TABLE seq bigint, previous bytea, ids text, n bigint, content bytea, sealed_at text owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE last record; BEGIN SELECT s.seq, s.chain, s.sealed_at INTO last FROM mast.audit_seals s ORDER BY s.seq DESC LIMIT 1; IF last.sealed_at > now - p_age AND last.sealed_at <= now AND SELECT count * FROM SELECT FROM mast.audit_open LIMIT p_limit o < p_limit THEN RETURN; END IF; RETURN QUERY SELECT coalesce last.seq, 0 + 1, coalesce last.chain, decode repeat '00', 32 , 'hex' , range_agg int8range b.id, b.id + 1 ::text, count * , sha256 string_agg b.hash, ''::bytea ORDER BY b.id , to_char now AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' FROM SELECT a.id, sha256 convert_to mast.audit_text a , 'UTF8' AS hash FROM mast.audit_open o JOIN mast.audit a ON a.id = o.id ORDER BY a.id LIMIT p_limit b HAVING count * > 0; END
function audit_text a audit returns text owner _mast_ctl s : RETURN concat '{"id":', a .id, ',"at":"', to_char a .at AT TIME ZONE 'UTC'::text , 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text , '","actor_kind":', to_json a .actor_kind , ',"actor_user":', COALESCE to_json a .actor_user ::text, 'null'::text , ',"actor_name":', COALESCE to_json a .actor_name ::text, 'null'::text , ',"action":', to_json a .action , ',"target_type":', COALESCE to_json a .target_type ::text, 'null'::text , ',"target_id":', COALESCE to_json a .target_id ::text, 'null'::text , ',"details":', COALESCE a .details ::text, 'null'::text , ',"address":', COALESCE to_json abbrev a .address ::text, 'null'::text , ',"request_id":', COALESCE to_json a .request_id ::text, 'null'::text , '}'
function bump_version returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN UPDATE mast.versions SET value = value + 1 WHERE name = TG_ARGV[0]; RETURN NULL; END
function certificate_expiry p_fingerprint text, p_subject text, p_not_after timestamp with time zone, p_who uuid, p_name text returns integer owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE steps integer[] := ARRAY[0, 1, 7, 14, 30]; spare interval := p_not_after - now ; days integer := floor extract epoch FROM spare / 86400 ; step integer := SELECT min d FROM unnest steps d WHERE spare <= make_interval hours => 24 * d ; fresh boolean; BEGIN IF step IS NULL THEN RETURN NULL; END IF; WITH w AS INSERT INTO mast.certificate_warnings fingerprint, days SELECT p_fingerprint, d FROM unnest steps d WHERE d >= step ORDER BY d ON CONFLICT DO NOTHING RETURNING certificate_warnings.days SELECT coalesce bool_or w.days = step , false INTO fresh FROM w; IF NOT fresh THEN RETURN NULL; END IF; INSERT INTO mast.events created_at, node_id, node_name, severity, category, message, details VALUES now , p_who, p_name, CASE WHEN step > 7 THEN 'warning' ELSE 'critical' END ::mast.severity, 'certificate', CASE step WHEN 0 THEN format 'The TLS certificate %s has expired, on %s', p_subject, mast.rfc3339 p_not_after ELSE format 'The TLS certificate %s expires on %s: %s left', p_subject, mast.rfc3339 p_not_after , CASE days WHEN 0 THEN 'less than a day is' WHEN 1 THEN '1 day is' ELSE days || ' days are' END END, json_build_object 'error_code', CASE step WHEN 0 THEN 'certificate_expired' ELSE 'certificate_expires' END, 'fingerprint', p_fingerprint, 'not_after', mast.rfc3339 p_not_after , 'threshold_days', step, 'days_left', days ; RETURN step; END
function command_refusal p_user uuid, p_token uuid, p_node uuid, p_role role returns text owner _mast_ctl s definer search_path=pg_catalog, pg_temp: DECLARE u record; BEGIN SELECT x.is_active, x.expires_at, x.role, x.all_nodes INTO u FROM mast.users x WHERE x.id = p_user; IF NOT FOUND THEN RETURN 'not sent: who ordered it is no user any more'; ELSIF NOT u.is_active THEN RETURN 'not sent: the account of who ordered it is disabled'; ELSIF u.expires_at <= now THEN RETURN 'not sent: the account of who ordered it has expired'; ELSIF u.role < p_role THEN RETURN 'not sent: the role of who ordered it does not allow it ' 'any more'; ELSIF NOT u.all_nodes AND NOT EXISTS SELECT FROM mast.user_nodes n WHERE n.user_id = p_user AND n.node_id = p_node THEN RETURN 'not sent: who ordered it may not access the node any ' 'more'; ELSIF p_token IS NOT NULL AND NOT EXISTS SELECT FROM mast.api_tokens t WHERE t.id = p_token AND t.user_id = p_user AND t.revoked_at IS NULL AND t.expires_at > now AND t.max_role >= p_role AND NOT t.read_only AND t.node_ids IS NULL OR p_node = ANY t.node_ids THEN RETURN 'not sent: the API token by which it was ordered has ' 'ended'; END IF; RETURN NULL; END
function config_push_ended returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN UPDATE mast.node_configs k SET desired = CASE NEW.state WHEN 'acked' THEN NEW.config_hash ELSE k.desired END, desired_at = CASE NEW.state WHEN 'acked' THEN NEW.done_at ELSE k.desired_at END, attempt_error = CASE NEW.state WHEN 'acked' THEN NULL ELSE NEW.state || coalesce ': ' || NEW.error, '' END WHERE k.node_id = NEW.node_id AND k.attempted = NEW.config_hash; RETURN NULL; END
function csv_field value text returns text owner _mast_ctl i : RETURN COALESCE '"'::text || replace CASE WHEN value ~ '^[-=+@\t\r\n]'::text THEN chr 39 || value ELSE value END, '"'::text, '""'::text || '"'::text , ''::text
function drop_old_partitions returns integer owner _mast_ctl v definer search_path=pg_catalog, pg_temp; lock_timeout=2s: DECLARE gone integer := 0; kind record; part record; first_kept date; cutoff timestamptz; BEGIN PERFORM pg_advisory_xact_lock hashtext 'mast partitions' ; FOR kind IN SELECT k.parent, k.col, k.days FROM VALUES 'events', 'created_at', SELECT s.value FROM mast.settings s WHERE s.key = 'events_retention_days' ::integer , 'samples', 'at', 2 , 'minutes', 'at', 14 , 'tens', 'at', 90 AS k parent, col, days LOOP first_kept := now AT TIME ZONE 'UTC' ::date - kind.days; cutoff := first_kept::timestamp AT TIME ZONE 'UTC'; FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = format 'mast.%I', kind.parent ::regclass AND c.relname ~ '^' || kind.parent || '_[0-9]{8}$' AND to_date right c.relname, 8 , 'YYYYMMDD' < first_kept ORDER BY c.relname LOOP BEGIN EXECUTE format 'DROP TABLE mast.%I', part.relname ; gone := gone + 1; EXCEPTION WHEN lock_not_available THEN NULL; END; END LOOP; EXECUTE format 'DELETE FROM mast.%I WHERE %I < $1', kind.parent || '_default', kind.col USING cutoff; END LOOP; DELETE FROM mast.hours h WHERE h.at < now - interval '2 years' OR NOT EXISTS SELECT FROM mast.nodes n WHERE n.id = h.node_id ; -- The last one before the strip begins says how it begins. DELETE FROM mast.node_states s WHERE s.at < now - interval '31 days' AND EXISTS SELECT FROM mast.node_states t WHERE t.node_id = s.node_id AND t.at > s.at AND t.at < now - interval '31 days' ; RETURN gone; END
function ensure_partition p_parent text, p_column text, p_day date returns boolean owner _mast_ctl v search_path=pg_catalog, pg_temp: DECLARE part text := p_parent || to_char p_day, '_YYYYMMDD' ; low timestamptz := p_day::timestamp AT TIME ZONE 'UTC'; high timestamptz := p_day + 1 ::timestamp AT TIME ZONE 'UTC'; BEGIN IF to_regclass format 'mast.%I', part IS NOT NULL THEN RETURN false; END IF; EXECUTE format 'LOCK TABLE mast.%I IN ACCESS EXCLUSIVE MODE', p_parent || '_default' ; EXECUTE format 'CREATE TABLE mast.%I LIKE mast.%I ' 'INCLUDING DEFAULTS INCLUDING CONSTRAINTS ', part, p_parent ; EXECUTE format 'WITH d AS DELETE FROM mast.%2$I WHERE %3$I >= %4$L ' 'AND %3$I < %5$L RETURNING * INSERT INTO mast.%1$I SELECT * FROM d', part, p_parent || '_default', p_column, low, high ; EXECUTE format 'ALTER TABLE mast.%I ATTACH PARTITION mast.%I ' 'FOR VALUES FROM %L TO %L ', p_parent, part, low, high ; EXECUTE format 'ALTER TABLE mast.%I ENABLE ROW LEVEL SECURITY, ' 'FORCE ROW LEVEL SECURITY', part ; EXECUTE format 'CREATE POLICY %I ON mast.%I TO _mast_ctl ' 'USING true WITH CHECK true ', part || '_ctl', part ; RETURN true; END
function ensure_partitions p_days_ahead integer returns integer owner _mast_ctl v definer search_path=pg_catalog, pg_temp; lock_timeout=5s: DECLARE today date := now AT TIME ZONE 'UTC' ::date; made integer := 0; d integer; parent text; BEGIN PERFORM pg_advisory_xact_lock hashtext 'mast partitions' ; FOR d IN -1 .. least greatest p_days_ahead, 0 , 60 LOOP FOREACH parent IN ARRAY ARRAY['events', 'samples', 'minutes', 'tens'] LOOP IF mast.ensure_partition parent, CASE parent WHEN 'events' THEN 'created_at' ELSE 'at' END, today + d THEN made := made + 1; END IF; END LOOP; END LOOP; RETURN made; END
function events_changed returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN INSERT INTO mast.event_changes change, event_id, created_at SELECT nextval 'mast.change_seq' , n.id, n.created_at FROM n; RETURN NULL; END
function export_check returns void owner _mast_ctl s definer search_path=pg_catalog, pg_temp: BEGIN IF session_user <> '_mast_ctl' AND NOT EXISTS SELECT FROM mast.me WHERE role = 'super_admin' AND all_nodes THEN RAISE EXCEPTION 'a super_admin of all nodes is needed' USING ERRCODE = 'insufficient_privilege'; END IF; END
function export_fetch p_n integer returns SETOF text owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE c refcursor := 'mast_export'::refcursor; line text; BEGIN PERFORM mast.export_check ; FOR i IN 1 .. p_n LOOP FETCH c INTO line; IF NOT FOUND THEN CLOSE c; RETURN; END IF; RETURN NEXT line; END LOOP; END
function export_open p_section text, p_days integer returns refcursor owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE c refcursor := 'mast_export'::refcursor; BEGIN PERFORM mast.export_check ; CASE p_section WHEN 'settings' THEN OPEN c FOR SELECT json_build_array s.key, s.value::text ::text FROM mast.settings s ORDER BY s.key; WHEN 'users' THEN OPEN c FOR SELECT u.json::jsonb || jsonb_build_object 'created_at', mast.rfc3339 u.created_at ::text FROM mast.user_view u ORDER BY u.id; WHEN 'nodes' THEN OPEN c FOR SELECT json_build_object 'id', n.id, 'name', n.name, 'description', n.description, 'device_type', n.device_type, 'status', CASE WHEN s.status = 'pending' THEN 'pending' ELSE v.status::text END, 'software_version', s.software_version, 'metadata', n.metadata, 'expires_at', mast.rfc3339 n.expires_at , 'last_seen_at', mast.rfc3339 s.last_seen_at , 'created_at', mast.rfc3339 n.created_at ::text FROM mast.nodes n JOIN mast.node_state s ON s.node_id = n.id JOIN mast.node_all v ON v.id = n.id ORDER BY n.id; WHEN 'tunnels' THEN OPEN c FOR SELECT json_build_object 'id', t.id, 'name', t.name, 'protocol', t.protocol, 'mode', t.mode, 'ingress_node_id', t.ingress_node_id, 'ingress_listen_port', t.ingress_listen_port, 'egress_node_id', t.egress_node_id, 'egress_forward_addr', t.egress_forward_addr, 'egress_peer_addr', t.egress_peer_addr, 'relay_addr', t.relay_addr, 'relay_addrs', t.relay_addrs, 'relay_node_id', t.relay_node_id, 'status', t.status, 'associated_flow_ids', t.associated_flow_ids, 'created_at', mast.rfc3339 t.created_at ::text FROM mast.tunnels t ORDER BY t.id; WHEN 'preferences' THEN OPEN c FOR SELECT json_build_object 'user_id', p.user_id, 'key', p.key, 'value', p.value ::text FROM mast.preferences p ORDER BY p.user_id, p.key; WHEN 'positions' THEN OPEN c FOR SELECT json_build_object 'user_id', p.user_id, 'view', p.view, 'node_id', p.node_id, 'x', p.x, 'y', p.y ::text FROM mast.positions p ORDER BY p.user_id, p.view, p.node_id; WHEN 'config_versions' THEN OPEN c FOR SELECT json_build_object 'node_id', v.node_id, 'hash', encode v.hash, 'hex' , 'source', v.source, 'actor_user', v.actor_user, 'first_seen_at', mast.rfc3339 v.first_seen_at , 'last_seen_at', mast.rfc3339 v.last_seen_at ::text FROM mast.config_versions v ORDER BY v.node_id, v.first_seen_at, v.hash, v.source; WHEN 'node_configs' THEN OPEN c FOR SELECT json_build_object 'node_id', g.node_id, 'reported', encode g.reported, 'hex' , 'reported_at', mast.rfc3339 g.reported_at , 'desired', encode g.desired, 'hex' , 'desired_at', mast.rfc3339 g.desired_at , 'drift_ignored', encode g.drift_ignored, 'hex' ::text FROM mast.node_configs g ORDER BY g.node_id; WHEN 'events' THEN OPEN c FOR SELECT json_build_object 'id', e.id, 'node_id', e.node_id, 'node_name', e.node_name, 'severity', e.severity, 'severity_raw', e.severity_raw, 'category', e.category, 'message', e.message, 'details', e.details, 'flow_id', e.flow_id, 'created_at', mast.rfc3339 e.created_at , 'acknowledged', e.acknowledged_at IS NOT NULL, 'acknowledged_by', e.acknowledged_by, 'acknowledged_at', mast.rfc3339 e.acknowledged_at , 'ack_name', e.ack_name, 'ack_note', e.ack_note ::text FROM mast.events e WHERE p_days IS NULL OR e.created_at >= now - make_interval days => p_days ORDER BY e.created_at, e.id; WHEN 'audit_log' THEN OPEN c FOR SELECT json_build_object 'id', a.id, 'user_id', a.actor_user, 'actor_kind', a.actor_kind, 'actor_name', a.actor_name, 'action', a.action, 'target_type', a.target_type, 'target_id', a.target_id, 'details', a.details, 'ip_address', host a.address , 'request_id', a.request_id, 'created_at', mast.rfc3339 a.at ::text FROM mast.audit a ORDER BY a.id; WHEN 'x_users' THEN OPEN c FOR SELECT json_build_object 'id', u.id, 'password_hash', u.password_hash, 'secret', encode u.totp_secret, 'hex' , 'totp_last_step', u.totp_last_step ::text FROM mast.users u ORDER BY u.id; WHEN 'x_node_secrets' THEN OPEN c FOR SELECT json_build_object 'id', s.node_id, 'secret_hash', encode s.secret_hash, 'hex' ::text FROM mast.node_secrets s ORDER BY s.node_id, s.serial; WHEN 'x_configs' THEN OPEN c FOR SELECT json_build_object 'hash', encode b.hash, 'hex' , 'secret', encode b.sealed, 'hex' , 'size', b.size, 'dialect', b.dialect ::text FROM mast.config_blobs b ORDER BY b.hash; WHEN 'x_tunnels' THEN OPEN c FOR SELECT json_build_object 'id', t.id, 'secret', encode t.secrets, 'hex' ::text FROM mast.tunnels t ORDER BY t.id; WHEN 'x_provider_keys' THEN OPEN c FOR SELECT json_build_object 'id', k.id, 'user_id', k.user_id, 'provider', k.provider, 'box', encode k.sealed, 'hex' , 'sealed_for', encode k.sealed_for, 'hex' , 'hint', k.hint, 'model_preference', k.model_preference ::text FROM mast.provider_keys k ORDER BY k.user_id, k.provider; END CASE; RETURN c; END
function factor_lookup p_user uuid returns TABLE password_hash text, totp_secret bytea, totp_last_step bigint, totp_pending bytea owner _mast_ctl s definer search_path=pg_catalog, pg_temp: BEGIN RETURN QUERY SELECT u.password_hash, u.totp_secret, u.totp_last_step, u.totp_pending FROM mast.users u WHERE u.id = p_user; END
function feed_news p_event bigint, p_event_lo bigint[], p_event_hi bigint[], p_change bigint, p_change_lo bigint[], p_change_hi bigint[] returns TABLE kind text, seq bigint, node_id uuid, json text, more boolean owner _mast_ctl s definer search_path=pg_catalog, pg_temp; enable_seqscan=off: WITH e AS SELECT v.id, v.node_id, v.json FROM mast.event_view v WHERE v.id > p_event ORDER BY v.id DESC LIMIT 501 UNION ALL SELECT g.* FROM unnest p_event_lo, p_event_hi AS r lo, hi , LATERAL SELECT v.id, v.node_id, v.json FROM mast.event_view v WHERE v.id BETWEEN r.lo AND r.hi ORDER BY v.id LIMIT 1000 g , k AS SELECT x.change, x.event_id, x.created_at FROM mast.event_changes x WHERE x.change > p_change ORDER BY x.change DESC LIMIT 501 UNION ALL SELECT g.* FROM unnest p_change_lo, p_change_hi AS r lo, hi , LATERAL SELECT x.change, x.event_id, x.created_at FROM mast.event_changes x WHERE x.change BETWEEN r.lo AND r.hi ORDER BY x.change LIMIT 1000 g , c AS SELECT x.change, x.id FROM mast.commands x WHERE x.change > p_change ORDER BY x.change DESC LIMIT 501 UNION ALL SELECT g.* FROM unnest p_change_lo, p_change_hi AS r lo, hi , LATERAL SELECT x.change, x.id FROM mast.commands x WHERE x.change BETWEEN r.lo AND r.hi ORDER BY x.change LIMIT 1000 g , a AS SELECT x.change, x.id FROM mast.alarms x WHERE x.change > p_change ORDER BY x.change DESC LIMIT 501 UNION ALL SELECT g.* FROM unnest p_change_lo, p_change_hi AS r lo, hi , LATERAL SELECT x.change, x.id FROM mast.alarms x WHERE x.change BETWEEN r.lo AND r.hi ORDER BY x.change LIMIT 1000 g SELECT 'event', e.id, e.node_id, e.json::text, count * FILTER WHERE e.id > p_event OVER > 500 FROM e UNION ALL SELECT 'ack', k.change, v.node_id, v.json::text, count * FILTER WHERE k.change > p_change OVER > 500 FROM k JOIN mast.event_view v ON v.id = k.event_id AND v.created_at = k.created_at UNION ALL SELECT 'command', c.change, v.node_id, v.json::text, count * FILTER WHERE c.change > p_change OVER > 500 FROM c JOIN mast.command_view v ON v.id = c.id UNION ALL SELECT 'alarm', a.change, v.node_id, v.json::text, count * FILTER WHERE a.change > p_change OVER > 500 FROM a JOIN mast.alarm_view v ON v.id = a.id ORDER BY 1, 2
function feed_start returns TABLE event bigint, change bigint owner _mast_ctl s definer search_path=pg_catalog, pg_temp: SELECT coalesce SELECT e.id FROM mast.events e WHERE e.created_at < now - interval '2 seconds' ORDER BY e.created_at DESC, e.id DESC LIMIT 1 , 0 , SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM mast.change_seq s
function hub_beat p_hub uuid, p_flushed timestamp with time zone returns TABLE ended boolean owner _mast_ctl v search_path=pg_catalog, pg_temp: DECLARE was timestamptz; BEGIN UPDATE mast.hubs h SET seen_at = now , -- It only rises, but that a clock which was set back leaves it in -- the future: then it begins anew. flushed_at = greatest least now , p_flushed , CASE WHEN h.flushed_at <= now THEN h.flushed_at END WHERE h.id = p_hub RETURNING h.stopped_at IS NOT NULL, h.lost_at INTO ended, was; IF NOT FOUND THEN RETURN; END IF; IF was IS NOT NULL THEN UPDATE mast.hubs h SET lost_at = NULL WHERE h.id = p_hub; WITH held AS MATERIALIZED SELECT s.node_id FROM mast.node_sessions s WHERE s.hub_id = p_hub ORDER BY s.node_id FOR SHARE UPDATE mast.node_state t SET status = 'online' FROM held WHERE t.node_id = held.node_id AND t.status = 'offline'; END IF; RETURN NEXT; END
function hubs_lost returns TABLE name text, nodes bigint owner _mast_ctl v definer search_path=pg_catalog, pg_temp: WITH lost AS UPDATE mast.hubs h SET lost_at = now WHERE h.stopped_at IS NULL AND h.lost_at IS NULL AND h.seen_at < now - interval '15 seconds' RETURNING h.id, h.name, h.seen_at , -- Locked: one that moves to another hub meanwhile is not this one's. held AS MATERIALIZED SELECT s.node_id, s.hub_id FROM mast.node_sessions s JOIN lost ON lost.id = s.hub_id ORDER BY s.node_id FOR SHARE OF s , strip AS INSERT INTO mast.node_states node_id, at, state SELECT held.node_id, greatest lost.seen_at, SELECT max b.at FROM mast.node_states b WHERE b.node_id = held.node_id + interval '1 us' , 'unknown' FROM held JOIN lost ON lost.id = held.hub_id ON CONFLICT node_id, at DO NOTHING , off AS UPDATE mast.node_state t SET status = 'offline' FROM held WHERE t.node_id = held.node_id , n AS SELECT lost.*, SELECT count * FROM held WHERE held.hub_id = lost.id AS nodes FROM lost , told AS INSERT INTO mast.events created_at, node_id, node_name, severity, category, message, details, hub_id SELECT now , n.id, n.name, 'critical', 'hub', format 'The hub gives ' 'no sign of life since %s: its %s nodes are offline', mast.rfc3339 n.seen_at , n.nodes , json_build_object 'error_code', 'hub_lost', 'hub_id', n.id, 'since', mast.rfc3339 n.seen_at , 'nodes', n.nodes , n.id FROM n SELECT n.name, n.nodes FROM n
function import_apply p_mode text, p_os_user text, p_address inet, p_request_id text returns json owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE everything boolean := p_mode = 'replace'; self text := SELECT username FROM mast.users WHERE id = mast.actor ; alias uuid := SELECT f.row->>'id' ::uuid FROM mast.import_rows f WHERE f.section = 'users' AND f.row->>'username' = self LIMIT 1 ; conflict boolean; report json; BEGIN PERFORM mast.export_check ; -- In this order, because the later ones refer to the former. PERFORM mast.import_settings ; PERFORM mast.import_nodes everything ; PERFORM mast.import_users everything, self ; SELECT EXISTS SELECT FROM mast.import_changes WHERE op = 'conflict' INTO conflict; IF NOT conflict THEN PERFORM mast.import_tunnels everything ; PERFORM mast.import_configs everything ; PERFORM mast.import_personal everything, alias ; PERFORM mast.import_events ; END IF; IF EXISTS SELECT FROM mast.import_rows WHERE section = 'audit_log' THEN INSERT INTO mast.import_changes op, section, detail VALUES 'skip', 'audit_log', 'the audit of another installation is not made ours' ; END IF; SELECT json_build_object 'mode', p_mode, 'sections', coalesce SELECT json_object_agg s.section, s.n FROM SELECT c.section, json_object_agg c.op, c.n AS n FROM SELECT section, op, count * AS n FROM mast.import_changes WHERE op <> 'conflict' GROUP BY section, op ORDER BY section, op c GROUP BY c.section ORDER BY c.section s , '{}'::json , 'changes', coalesce SELECT json_agg json_build_object 'op', c.op, 'section', c.section, 'id', c.ref, 'detail', c.detail ORDER BY c.n FROM SELECT * FROM mast.import_changes WHERE op <> 'conflict' AND section <> 'events' ORDER BY n LIMIT 1000 c , '[]'::json , 'complete', SELECT count * <= 1000 FROM mast.import_changes WHERE op <> 'conflict' AND section <> 'events' , 'conflicts', coalesce SELECT json_agg json_build_object 'pointer', '/data/' || c.section || c.ref, 'detail', c.detail ORDER BY c.n FROM SELECT * FROM mast.import_changes WHERE op = 'conflict' ORDER BY n LIMIT 100 c , '[]'::json INTO report; INSERT INTO mast.audit actor_kind, actor_user, actor_name, action, target_type, details, address, request_id VALUES CASE WHEN mast.actor IS NULL THEN 'system' ELSE 'user' END, mast.actor , coalesce self, 'mastctl' , 'import', 'installation', jsonb_build_object 'mode', p_mode, 'sections', report->'sections', 'os_user', p_os_user , p_address, p_request_id ; DELETE FROM mast.import_rows; DELETE FROM mast.import_changes; RETURN report; END
function import_begin returns boolean owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN PERFORM mast.export_check ; PERFORM set_config 'lock_timeout', '2s', true ; PERFORM pg_advisory_xact_lock hashtext 'mast import' ; PERFORM set_config 'lock_timeout', '30s', true ; RETURN true; EXCEPTION WHEN lock_not_available THEN RETURN false; END
function import_configs p_replace boolean returns void owner _mast_ctl v search_path=pg_catalog, pg_temp: BEGIN INSERT INTO mast.config_blobs hash, sealed, size, dialect SELECT decode x.row->>'hash', 'hex' , decode x.row->>'secret', 'hex' , x.row->>'size' ::integer, x.row->>'dialect' ::integer FROM mast.import_rows x WHERE x.section = 'x_configs' ON CONFLICT DO NOTHING; WITH f AS SELECT DISTINCT ON 1, 2, 3, 4 r.row->>'node_id' ::uuid AS node_id, decode r.row->>'hash', 'hex' AS hash, r.row->>'source' AS source, r.row->>'first_seen_at' ::timestamptz AS first_seen_at, r.row, r.n FROM mast.import_rows r WHERE r.section = 'config_versions' ORDER BY 1, 2, 3, 4 , i AS INSERT INTO mast.config_versions node_id, hash, source, actor_user, first_seen_at, last_seen_at SELECT f.node_id, f.hash, f.source, f.row->>'actor_user' ::uuid, f.first_seen_at, f.row->>'last_seen_at' ::timestamptz FROM f JOIN mast.config_blobs b ON b.hash = f.hash JOIN mast.nodes n ON n.id = f.node_id WHERE NOT EXISTS SELECT FROM mast.config_versions v WHERE v.node_id = f.node_id AND v.hash = f.hash AND v.source = f.source AND v.first_seen_at = f.first_seen_at ORDER BY f.n RETURNING node_id, hash INSERT INTO mast.import_changes op, section, ref, detail SELECT 'create', 'config_versions', node_id::text, encode hash, 'hex' FROM i; INSERT INTO mast.import_changes op, section, ref, detail SELECT 'skip', 'config_versions', f.row->>'node_id', 'its content is not here and not in the file' FROM mast.import_rows f WHERE f.section = 'config_versions' AND NOT EXISTS SELECT FROM mast.config_blobs b WHERE b.hash = decode f.row->>'hash', 'hex' ; WITH f AS SELECT r.row->>'node_id' ::uuid AS node_id, rb.hash AS reported, r.row->>'reported_at' ::timestamptz AS reported_at, db.hash AS desired, r.row->>'desired_at' ::timestamptz AS desired_at, decode r.row->>'drift_ignored', 'hex' AS drift_ignored FROM mast.import_rows r JOIN mast.nodes n ON n.id = r.row->>'node_id' ::uuid LEFT JOIN mast.config_blobs rb ON rb.hash = decode r.row->>'reported', 'hex' LEFT JOIN mast.config_blobs db ON db.hash = decode r.row->>'desired', 'hex' WHERE r.section = 'node_configs' AND rb.hash IS NOT NULL OR db.hash IS NOT NULL , i AS INSERT INTO mast.node_configs AS g node_id, reported, reported_at, desired, desired_at, drift_ignored SELECT DISTINCT ON f.node_id f.node_id, f.reported, f.reported_at, f.desired, f.desired_at, f.drift_ignored FROM f ON CONFLICT ON CONSTRAINT node_configs_pk DO UPDATE SET desired = EXCLUDED.desired, desired_at = EXCLUDED.desired_at, drift_ignored = EXCLUDED.drift_ignored WHERE p_replace AND g.desired, g.drift_ignored IS DISTINCT FROM EXCLUDED.desired, EXCLUDED.drift_ignored RETURNING node_id, xmax = 0 AS made INSERT INTO mast.import_changes op, section, ref SELECT CASE WHEN made THEN 'create' ELSE 'update' END, 'node_configs', node_id::text FROM i; END
function import_events returns void owner _mast_ctl v search_path=pg_catalog, pg_temp: DECLARE top bigint; BEGIN WITH f AS SELECT r.row, r.row->>'id' ::bigint AS id, r.row->>'created_at' ::timestamptz AS created_at, r.row->>'node_id' ::uuid AS node_id FROM mast.import_rows r WHERE r.section = 'events' , i AS INSERT INTO mast.events id, created_at, node_id, node_name, severity, severity_raw, category, message, details, flow_id, acknowledged_at, acknowledged_by, ack_name, ack_note SELECT CASE WHEN EXISTS SELECT FROM mast.events e WHERE e.id = f.id THEN nextval 'mast.event_seq' ELSE f.id END, f.created_at, f.node_id, coalesce f.row->>'node_name', SELECT n.name FROM mast.nodes n WHERE n.id = f.node_id , f.node_id::text , f.row->>'severity' ::mast.severity, f.row->>'severity_raw', f.row->>'category', f.row->>'message', CASE WHEN json_typeof f.row->'details' <> 'null' THEN f.row->'details' END, f.row->>'flow_id', CASE WHEN f.row->>'acknowledged' ::boolean THEN coalesce f.row->>'acknowledged_at' ::timestamptz, f.created_at END, f.row->>'acknowledged_by' ::uuid, f.row->>'ack_name', f.row->>'ack_note' FROM f WHERE NOT EXISTS SELECT FROM mast.events e WHERE e.created_at = f.created_at AND e.node_id = f.node_id AND e.message = f.row->>'message' AND e.category = f.row->>'category' ORDER BY f.created_at, f.id RETURNING id INSERT INTO mast.import_changes op, section, ref SELECT 'create', 'events', id::text FROM i; SELECT max c.ref::bigint INTO top FROM mast.import_changes c WHERE c.section = 'events' AND c.op = 'create'; IF top >= SELECT last_value FROM mast.event_seq THEN PERFORM setval 'mast.event_seq', top ; END IF; END
function import_nodes p_replace boolean returns void owner _mast_ctl v search_path=pg_catalog, pg_temp: BEGIN INSERT INTO mast.import_changes op, section, ref, detail SELECT 'conflict', 'nodes', '/' || max f.n || '/id', 'is in the file twice' FROM mast.import_rows f WHERE f.section = 'nodes' GROUP BY f.row->>'id' ::uuid HAVING count * > 1; INSERT INTO mast.import_changes op, section, ref, detail SELECT 'conflict', 'nodes', '/' || f.n || '/device_type', 'is another one here: ' || n.device_type FROM mast.import_rows f JOIN mast.nodes n ON n.id = f.row->>'id' ::uuid WHERE f.section = 'nodes' AND n.device_type <> f.row->>'device_type'; IF EXISTS SELECT FROM mast.import_changes WHERE op = 'conflict' THEN RETURN; END IF; -- A file of version 1 has no expiry: then what is here stays. WITH f AS SELECT r.row->>'id' ::uuid AS id, r.row FROM mast.import_rows r WHERE r.section = 'nodes' , i AS INSERT INTO mast.nodes AS n id, name, description, device_type, metadata, expires_at, created_at SELECT f.id, f.row->>'name', f.row->>'description', coalesce f.row->>'device_type', 'edge' , CASE WHEN f.row->>'metadata' IS NOT NULL THEN f.row->'metadata' ::jsonb END, f.row->>'expires_at' ::timestamptz, coalesce f.row->>'created_at' ::timestamptz, now FROM f ON CONFLICT ON CONSTRAINT nodes_pk DO UPDATE SET name = EXCLUDED.name, description = EXCLUDED.description, metadata = EXCLUDED.metadata, expires_at = CASE WHEN SELECT f.row->'expires_at' IS NULL FROM f WHERE f.id = n.id THEN n.expires_at ELSE EXCLUDED.expires_at END, updated_at = now , version = n.version + 1 WHERE n.name, n.description, n.metadata IS DISTINCT FROM EXCLUDED.name, EXCLUDED.description, EXCLUDED.metadata OR n.expires_at IS DISTINCT FROM EXCLUDED.expires_at AND SELECT f.row->'expires_at' IS NOT NULL FROM f WHERE f.id = n.id RETURNING n.id, n.name, n.version INSERT INTO mast.import_changes op, section, ref, detail SELECT CASE i.version WHEN 1 THEN 'create' ELSE 'update' END, 'nodes', i.id::text, i.name FROM i; -- A node that is new here is away until it has come. UPDATE mast.node_state s SET status = CASE f.row->>'status' WHEN 'pending' THEN 'pending' ELSE 'offline' END::mast.node_status, software_version = f.row->>'software_version', last_seen_at = f.row->>'last_seen_at' ::timestamptz FROM mast.import_rows f, mast.import_changes c WHERE f.section = 'nodes' AND s.node_id = f.row->>'id' ::uuid AND c.op = 'create' AND c.section = 'nodes' AND c.ref = s.node_id::text; INSERT INTO mast.node_secrets node_id, secret_hash SELECT x.row->>'id' ::uuid, decode x.row->>'secret_hash', 'hex' FROM mast.import_rows x JOIN mast.nodes n ON n.id = x.row->>'id' ::uuid WHERE x.section = 'x_node_secrets' ORDER BY x.n ON CONFLICT DO NOTHING; IF p_replace AND EXISTS SELECT FROM mast.import_rows WHERE section = '=nodes' THEN WITH d AS DELETE FROM mast.nodes n WHERE NOT EXISTS SELECT FROM mast.import_rows f WHERE f.section = 'nodes' AND f.row->>'id' ::uuid = n.id RETURNING n.id, n.name INSERT INTO mast.import_changes op, section, ref, detail SELECT 'delete', 'nodes', id::text, name FROM d; END IF; END
function import_personal p_replace boolean, p_alias uuid returns void owner _mast_ctl v search_path=pg_catalog, pg_temp: BEGIN IF p_replace THEN DELETE FROM mast.preferences p WHERE EXISTS SELECT FROM mast.import_rows WHERE section = '=preferences' AND NOT EXISTS SELECT FROM mast.import_rows f WHERE f.section = 'preferences' AND f.row->>'key' = p.key AND f.row->>'user_id' ::uuid IN p.user_id, p_alias ; DELETE FROM mast.positions p WHERE EXISTS SELECT FROM mast.import_rows WHERE section = '=positions' AND NOT EXISTS SELECT FROM mast.import_rows f WHERE f.section = 'positions' AND f.row->>'node_id' ::uuid = p.node_id AND f.row->>'user_id' ::uuid IN p.user_id, p_alias ; END IF; WITH f AS SELECT DISTINCT ON 1, 2 CASE r.row->>'user_id' ::uuid WHEN p_alias THEN mast.actor ELSE r.row->>'user_id' ::uuid END AS user_id, r.row->>'key' AS key, r.row->>'value' AS value FROM mast.import_rows r WHERE r.section = 'preferences' ORDER BY 1, 2 , i AS INSERT INTO mast.preferences AS p user_id, key, value SELECT f.user_id, f.key, f.value FROM f JOIN mast.users u ON u.id = f.user_id ON CONFLICT ON CONSTRAINT preferences_pk DO UPDATE SET value = EXCLUDED.value, updated_at = now WHERE p.value <> EXCLUDED.value RETURNING p.user_id, p.key, xmax = 0 AS made INSERT INTO mast.import_changes op, section, ref, detail SELECT CASE WHEN made THEN 'create' ELSE 'update' END, 'preferences', user_id::text, key FROM i; WITH f AS SELECT DISTINCT ON 1, 2, 3 CASE r.row->>'user_id' ::uuid WHEN p_alias THEN mast.actor ELSE r.row->>'user_id' ::uuid END AS user_id, r.row->>'view' AS view, r.row->>'node_id' ::uuid AS node_id, r.row->>'x' ::double precision AS x, r.row->>'y' ::double precision AS y FROM mast.import_rows r WHERE r.section = 'positions' ORDER BY 1, 2, 3 , i AS INSERT INTO mast.positions AS p user_id, view, node_id, x, y SELECT f.user_id, f.view, f.node_id, f.x, f.y FROM f JOIN mast.users u ON u.id = f.user_id JOIN mast.nodes n ON n.id = f.node_id ON CONFLICT ON CONSTRAINT positions_pk DO UPDATE SET x = EXCLUDED.x, y = EXCLUDED.y WHERE p.x, p.y <> EXCLUDED.x, EXCLUDED.y RETURNING p.user_id, p.node_id, xmax = 0 AS made INSERT INTO mast.import_changes op, section, ref, detail SELECT CASE WHEN made THEN 'create' ELSE 'update' END, 'positions', user_id::text, node_id::text FROM i; WITH i AS INSERT INTO mast.provider_keys id, user_id, provider, sealed, sealed_for, hint, model_preference SELECT x.row->>'id' ::uuid, u.id, x.row->>'provider', decode x.row->>'box', 'hex' , decode x.row->>'sealed_for', 'hex' , x.row->>'hint', x.row->>'model_preference' FROM mast.import_rows x JOIN mast.users u ON u.id = x.row->>'user_id' ::uuid WHERE x.section = 'x_provider_keys' ON CONFLICT DO NOTHING RETURNING id, provider INSERT INTO mast.import_changes op, section, ref, detail SELECT 'create', 'provider_keys', id::text, provider FROM i; END
function import_settings returns void owner _mast_ctl v search_path=pg_catalog, pg_temp: BEGIN INSERT INTO mast.import_changes op, section, ref, detail SELECT CASE WHEN s.key IS NULL THEN 'skip' ELSE 'conflict' END, 'settings', CASE WHEN s.key IS NULL THEN f.row->>0 ELSE '/' || f.n || '/1' END, CASE WHEN s.key IS NULL THEN 'is not a setting of this version' ELSE format 'must be between %s and %s', s.min, s.max END FROM mast.import_rows f LEFT JOIN mast.settings s ON s.key = f.row->>0 WHERE f.section = 'settings' AND s.key IS NULL OR f.row->>1 ::numeric NOT BETWEEN s.min AND s.max ; INSERT INTO mast.import_changes op, section, ref, detail SELECT 'conflict', 'settings', '/' || max f.n , 'is given twice' FROM mast.import_rows f WHERE f.section = 'settings' GROUP BY f.row->>0 HAVING count * > 1; IF EXISTS SELECT FROM mast.import_changes WHERE op = 'conflict' THEN RETURN; END IF; WITH u AS UPDATE mast.settings s SET value = f.row->>1 ::bigint, updated_at = now , updated_by = mast.actor FROM mast.import_rows f WHERE f.section = 'settings' AND s.key = f.row->>0 AND s.value <> f.row->>1 ::bigint RETURNING s.key INSERT INTO mast.import_changes op, section, ref SELECT 'update', 'settings', key FROM u; END
function import_stage p_section text, p_first integer, p_rows json returns void owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN PERFORM mast.export_check ; INSERT INTO mast.import_rows section, n, row SELECT p_section, p_first + r.at - 1, r.value FROM json_array_elements p_rows WITH ORDINALITY r value, at ; END
function import_tunnels p_replace boolean returns void owner _mast_ctl v search_path=pg_catalog, pg_temp: BEGIN IF p_replace AND EXISTS SELECT FROM mast.import_rows WHERE section = '=tunnels' THEN WITH d AS DELETE FROM mast.tunnels t WHERE NOT EXISTS SELECT FROM mast.import_rows f WHERE f.section = 'tunnels' AND f.row->>'id' ::uuid = t.id RETURNING t.id, t.name INSERT INTO mast.import_changes op, section, ref, detail SELECT 'delete', 'tunnels', id::text, name FROM d; END IF; INSERT INTO mast.import_changes op, section, ref, detail SELECT 'conflict', 'tunnels', '/' || max f.n || '/id', 'is in the file twice' FROM mast.import_rows f WHERE f.section = 'tunnels' GROUP BY f.row->>'id' ::uuid HAVING count * > 1; INSERT INTO mast.import_changes op, section, ref, detail SELECT 'conflict', 'tunnels', '/' || f.n || '/' || k.key, 'is no node of this installation or of the file' FROM mast.import_rows f, VALUES 'ingress_node_id' , 'egress_node_id' , 'relay_node_id' k key WHERE f.section = 'tunnels' AND f.row->>k.key IS NOT NULL AND NOT EXISTS SELECT FROM mast.nodes n WHERE n.id = f.row->>k.key ::uuid ; INSERT INTO mast.import_changes op, section, ref, detail SELECT 'conflict', 'tunnels', '/' || max f.n || '/ingress_listen_port', 'is taken on this node' FROM SELECT r.n, r.row->>'id' ::uuid AS id, r.row->>'ingress_node_id' ::uuid AS node, r.row->>'protocol' AS protocol, r.row->>'ingress_listen_port' ::integer AS port FROM mast.import_rows r WHERE r.section = 'tunnels' UNION ALL SELECT NULL, t.id, t.ingress_node_id, t.protocol, t.ingress_listen_port FROM mast.tunnels t WHERE NOT EXISTS SELECT FROM mast.import_rows r WHERE r.section = 'tunnels' AND r.row->>'id' ::uuid = t.id f GROUP BY f.node, f.protocol, f.port HAVING count * > 1 AND max f.n IS NOT NULL; IF EXISTS SELECT FROM mast.import_changes WHERE op = 'conflict' THEN RETURN; END IF; INSERT INTO mast.import_changes op, section, ref, detail SELECT 'skip', 'tunnels', f.row->>'id', 'its secrets are not in the file' FROM mast.import_rows f WHERE f.section = 'tunnels' AND NOT EXISTS SELECT FROM mast.tunnels t WHERE t.id = f.row->>'id' ::uuid AND NOT EXISTS SELECT FROM mast.import_rows x WHERE x.section = 'x_tunnels' AND x.row->>'id' = f.row->>'id' ; WITH f AS SELECT r.row, coalesce decode x.row->>'secret', 'hex' , t.secrets AS secrets FROM mast.import_rows r LEFT JOIN mast.tunnels t ON t.id = r.row->>'id' ::uuid LEFT JOIN mast.import_rows x ON x.section = 'x_tunnels' AND x.row->>'id' = r.row->>'id' WHERE r.section = 'tunnels' AND t.id IS NOT NULL OR x.row IS NOT NULL , i AS INSERT INTO mast.tunnels AS t id, name, protocol, mode, ingress_node_id, ingress_listen_port, egress_node_id, egress_forward_addr, egress_peer_addr, relay_addr, relay_addrs, relay_node_id, secrets, status, associated_flow_ids, created_at SELECT f.row->>'id' ::uuid, f.row->>'name', f.row->>'protocol', f.row->>'mode', f.row->>'ingress_node_id' ::uuid, f.row->>'ingress_listen_port' ::integer, f.row->>'egress_node_id' ::uuid, f.row->>'egress_forward_addr', f.row->>'egress_peer_addr', f.row->>'relay_addr', CASE WHEN f.row->>'relay_addrs' IS NOT NULL THEN ARRAY SELECT json_array_elements_text f.row->'relay_addrs' END, f.row->>'relay_node_id' ::uuid, f.secrets, CASE f.row->>'status' WHEN 'disabled' THEN 'disabled' ELSE 'pending' END, CASE WHEN f.row->>'associated_flow_ids' IS NOT NULL THEN ARRAY SELECT json_array_elements_text f.row->'associated_flow_ids' END, coalesce f.row->>'created_at' ::timestamptz, now FROM f ON CONFLICT ON CONSTRAINT tunnels_pk DO UPDATE SET name = EXCLUDED.name, ingress_listen_port = EXCLUDED.ingress_listen_port, egress_forward_addr = EXCLUDED.egress_forward_addr, egress_peer_addr = EXCLUDED.egress_peer_addr, relay_addr = EXCLUDED.relay_addr, relay_addrs = EXCLUDED.relay_addrs, status = CASE WHEN t.status = 'disabled' = EXCLUDED.status = 'disabled' THEN t.status ELSE EXCLUDED.status END, associated_flow_ids = EXCLUDED.associated_flow_ids, updated_at = now , version = t.version + 1 WHERE t.name, t.ingress_listen_port, t.egress_forward_addr, t.egress_peer_addr, t.relay_addrs, t.status = 'disabled', t.associated_flow_ids IS DISTINCT FROM EXCLUDED.name, EXCLUDED.ingress_listen_port, EXCLUDED.egress_forward_addr, EXCLUDED.egress_peer_addr, EXCLUDED.relay_addrs, EXCLUDED.status = 'disabled', EXCLUDED.associated_flow_ids RETURNING t.id, t.name, t.version INSERT INTO mast.import_changes op, section, ref, detail SELECT CASE version WHEN 1 THEN 'create' ELSE 'update' END, 'tunnels', id::text, name FROM i; END
function import_users p_replace boolean, p_self text returns void owner _mast_ctl v search_path=pg_catalog, pg_temp: BEGIN INSERT INTO mast.import_changes op, section, ref, detail SELECT 'conflict', 'users', '/' || max f.n || '/id', 'is in the file twice' FROM mast.import_rows f WHERE f.section = 'users' GROUP BY f.row->>'id' ::uuid HAVING count * > 1 UNION ALL SELECT 'conflict', 'users', '/' || max f.n || '/username', 'is in the file twice' FROM mast.import_rows f WHERE f.section = 'users' GROUP BY f.row->>'username' HAVING count * > 1; IF NOT p_replace THEN INSERT INTO mast.import_changes op, section, ref, detail SELECT 'conflict', 'users', '/' || f.n || '/username', 'is taken by another user, ' || u.id FROM mast.import_rows f JOIN mast.users u ON u.username = f.row->>'username' AND u.id <> f.row->>'id' ::uuid WHERE f.section = 'users' AND u.id IS DISTINCT FROM mast.actor AND NOT EXISTS SELECT FROM mast.import_rows o WHERE o.section = 'users' AND o.row->>'id' ::uuid = u.id ; END IF; IF EXISTS SELECT FROM mast.import_changes WHERE op = 'conflict' THEN RETURN; END IF; WITH d AS DELETE FROM mast.import_rows f WHERE f.section = 'users' AND f.row->>'id' ::uuid = mast.actor OR f.row->>'username' = p_self RETURNING f.row->>'id' AS id INSERT INTO mast.import_changes op, section, ref, detail SELECT 'skip', 'users', id, 'is who imports' FROM d; -- Names that move from one user to another are free for a moment. UPDATE mast.users u SET username = 'x-' || u.id FROM mast.import_rows f WHERE f.section = 'users' AND u.username = f.row->>'username' AND u.id <> f.row->>'id' ::uuid; WITH f AS SELECT r.row->>'id' ::uuid AS id, r.row, x.row->>'password_hash' AS phc, x.row AS x FROM mast.import_rows r LEFT JOIN mast.import_rows x ON x.section = 'x_users' AND x.row->>'id' = r.row->>'id' WHERE r.section = 'users' , i AS INSERT INTO mast.users AS u id, username, password_hash, display_name, email, role, is_temporary, is_active, expires_at, all_nodes, totp_secret, totp_last_step, created_at, last_login_at SELECT f.id, f.row->>'username', coalesce f.phc, '!' , f.row->>'display_name', f.row->>'email', f.row->>'role' ::mast.role, coalesce f.row->>'is_temporary' ::boolean, false , coalesce f.row->>'is_active' ::boolean, true AND coalesce f.phc, '!' <> '!', f.row->>'expires_at' ::timestamptz, f.row->>'allowed_node_ids' IS NULL, decode f.x->>'secret', 'hex' , f.x->>'totp_last_step' ::bigint, coalesce f.row->>'created_at' ::timestamptz, now , f.row->>'last_login_at' ::timestamptz FROM f ON CONFLICT ON CONSTRAINT users_pk DO UPDATE SET username = EXCLUDED.username, password_hash = CASE EXCLUDED.password_hash WHEN '!' THEN u.password_hash ELSE EXCLUDED.password_hash END, display_name = EXCLUDED.display_name, email = EXCLUDED.email, role = EXCLUDED.role, is_temporary = EXCLUDED.is_temporary, is_active = CASE EXCLUDED.password_hash WHEN '!' THEN u.password_hash <> '!' AND coalesce SELECT f.row->>'is_active' ::boolean FROM f WHERE f.id = u.id , true ELSE EXCLUDED.is_active END, expires_at = EXCLUDED.expires_at, all_nodes = EXCLUDED.all_nodes, totp_secret = CASE EXCLUDED.password_hash WHEN '!' THEN u.totp_secret ELSE EXCLUDED.totp_secret END, totp_last_step = CASE EXCLUDED.password_hash WHEN '!' THEN u.totp_last_step ELSE EXCLUDED.totp_last_step END, updated_at = now , version = u.version + 1 WHERE u.username, u.display_name, u.email, u.role, u.is_temporary, u.expires_at, u.all_nodes IS DISTINCT FROM EXCLUDED.username, EXCLUDED.display_name, EXCLUDED.email, EXCLUDED.role, EXCLUDED.is_temporary, EXCLUDED.expires_at, EXCLUDED.all_nodes OR EXCLUDED.password_hash <> '!' AND u.password_hash <> EXCLUDED.password_hash OR u.is_active <> u.password_hash <> '!' AND coalesce SELECT f.row->>'is_active' ::boolean FROM f WHERE f.id = u.id , true AND EXCLUDED.password_hash = '!' OR u.is_active <> EXCLUDED.is_active AND EXCLUDED.password_hash <> '!' RETURNING u.id, u.username, u.version, u.is_active, u.password_hash INSERT INTO mast.import_changes op, section, ref, detail SELECT CASE i.version WHEN 1 THEN 'create' ELSE 'update' END, 'users', i.id::text, i.username || CASE i.password_hash WHEN '!' THEN ': inactive until a password is set' ELSE '' END FROM i; IF p_replace AND EXISTS SELECT FROM mast.import_rows WHERE section = '=users' THEN WITH d AS DELETE FROM mast.users u WHERE u.id IS DISTINCT FROM mast.actor AND NOT EXISTS SELECT FROM mast.import_rows f WHERE f.section = 'users' AND f.row->>'id' ::uuid = u.id RETURNING u.id, u.username INSERT INTO mast.import_changes op, section, ref, detail SELECT 'delete', 'users', id::text, username FROM d; END IF; DELETE FROM mast.user_nodes un USING mast.import_rows f WHERE f.section = 'users' AND un.user_id = f.row->>'id' ::uuid; INSERT INTO mast.user_nodes user_id, node_id SELECT DISTINCT f.row->>'id' ::uuid, a.id::uuid FROM mast.import_rows f, json_array_elements_text f.row->'allowed_node_ids' a id WHERE f.section = 'users' AND f.row->>'allowed_node_ids' IS NOT NULL; -- Whoever has another password or may no more is signed out. UPDATE mast.sessions s SET revoked_at = now FROM mast.import_changes c, mast.users u WHERE c.op = 'update' AND c.section = 'users' AND u.id = c.ref::uuid AND s.user_id = u.id AND s.revoked_at IS NULL AND NOT u.is_active OR EXISTS SELECT FROM mast.import_rows x WHERE x.section = 'x_users' AND x.row->>'id' = c.ref ; END
function keep_super_admin returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN PERFORM pg_advisory_xact_lock hashtext 'mast.users super_admin' ; IF NOT EXISTS SELECT FROM mast.users u WHERE u.role = 'super_admin' AND u.is_active AND u.expires_at IS NULL OR u.expires_at > now THEN RAISE EXCEPTION 'the last super_admin must stay' USING ERRCODE = 'check_violation', CONSTRAINT = 'users_last_super_admin', SCHEMA = 'mast', TABLE = 'users'; END IF; RETURN NULL; END
function key_claim p_key text, p_hash bytea, p_request text returns void owner _mast_ctl v search_path=pg_catalog, pg_temp: BEGIN IF EXISTS SELECT FROM mast.idempotency_keys k WHERE k.principal = mast.actor OFFSET 9999 THEN RAISE EXCEPTION 'too many keys within 24 hours' USING ERRCODE = 'check_violation', CONSTRAINT = 'idempotency_keys_many', SCHEMA = 'mast', TABLE = 'idempotency_keys'; END IF; INSERT INTO mast.idempotency_keys AS k principal, key, request_hash, request_id VALUES mast.actor , p_key, p_hash, p_request ON CONFLICT principal, key DO UPDATE SET request_hash = excluded.request_hash, request_id = excluded.request_id, status = NULL, answer = NULL, created_at = now WHERE k.created_at <= now - interval '24 hours'; IF NOT FOUND THEN RAISE EXCEPTION 'the key was used' USING ERRCODE = 'unique_violation', CONSTRAINT = 'idempotency_keys_pk', SCHEMA = 'mast', TABLE = 'idempotency_keys'; END IF; END
function link_ended returns trigger owner _mast_ctl v search_path=pg_catalog, pg_temp: BEGIN NEW.link_hash := NULL; NEW.link_until := NULL; RETURN NEW; END
function link_password p_link bytea, p_phc text, p_address inet, p_request_id text returns text owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE who record; BEGIN UPDATE mast.users u SET password_hash = p_phc, updated_at = now , version = u.version + 1 WHERE u.link_hash = p_link AND u.link_until > now AND u.is_active AND u.expires_at IS NULL OR u.expires_at > now RETURNING u.id, u.username INTO who; INSERT INTO mast.audit actor_kind, actor_user, actor_name, action, target_type, target_id, details, address, request_id VALUES 'user', who.id, who.username, CASE WHEN who.id IS NULL THEN 'auth.link_refused' ELSE 'user.password' END, 'user', who.id::text, CASE WHEN who.id IS NOT NULL THEN '{"by": "link"}'::jsonb END, p_address, p_request_id ; RETURN who.username; END
function my_node_set returns SETOF uuid owner _mast_ctl s definer search_path=pg_catalog, pg_temp: BEGIN RETURN QUERY SELECT m.node_id FROM mast.my_nodes m; END
function node_born returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN INSERT INTO mast.node_state node_id VALUES NEW.id ON CONFLICT DO NOTHING; RETURN NULL; END
function node_state_kept returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN INSERT INTO mast.node_states AS s node_id, at, state VALUES NEW.node_id, clock_timestamp , CASE NEW.status WHEN 'online' THEN 'online' WHEN 'degraded' THEN 'online' WHEN 'offline' THEN 'offline' ELSE 'unknown' END ON CONFLICT node_id, at DO UPDATE SET state = excluded.state; RETURN NULL; END
function node_status_changed returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN IF NEW.status <> 'offline' THEN UPDATE mast.alarms a SET closed_at = clock_timestamp , closed_why = 'cleared' WHERE a.node_id = NEW.node_id AND a.object = '' AND a.code = 'node_offline' AND a.closed_at IS NULL; RETURN NULL; END IF; UPDATE mast.alarms a SET count = a.count + 1, closed_at = NULL, closed_why = NULL, last_at = clock_timestamp , acknowledged_at = NULL, acknowledged_by = NULL, ack_name = NULL, ack_note = NULL WHERE a.id = SELECT b.id FROM mast.alarms b WHERE b.node_id = NEW.node_id AND b.object = '' AND b.code = 'node_offline' AND b.closed_at > now - interval '5 minutes' ORDER BY b.last_at DESC LIMIT 1 ; IF NOT FOUND THEN INSERT INTO mast.alarms node_id, code, source, severity, message VALUES NEW.node_id, 'node_offline', 'liveness', 'critical', 'The node is offline' ON CONFLICT node_id, object, code WHERE closed_at IS NULL DO NOTHING; END IF; RETURN NULL; END
function provider_key_for p_user uuid, p_provider text returns TABLE sealed bytea, sealed_for bytea, model_preference text owner _mast_ctl s definer search_path=pg_catalog, pg_temp: BEGIN RETURN QUERY SELECT k.sealed, k.sealed_for, k.model_preference FROM mast.provider_keys k WHERE k.user_id = p_user AND k.provider = p_provider AND EXISTS SELECT FROM mast.me m WHERE m.id = p_user ; END
function provider_key_guard returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN IF EXISTS SELECT FROM mast.retired_keys r WHERE r.pub = NEW.sealed_for THEN RAISE EXCEPTION 'this key of aid was retired' USING ERRCODE = 'check_violation', CONSTRAINT = 'provider_keys_retired', SCHEMA = 'mast', TABLE = 'provider_keys'; END IF; RETURN NEW; END
function purge_commands returns bigint owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE days integer; n bigint; BEGIN SELECT greatest 90, SELECT s.value FROM mast.settings s WHERE s.key = 'events_retention_days' INTO days; DELETE FROM mast.commands c WHERE c.id IN SELECT o.id FROM mast.commands o WHERE o.done_at IS NOT NULL AND o.done_at < now - make_interval days => days ORDER BY o.done_at LIMIT 50000 ; GET DIAGNOSTICS n = ROW_COUNT; RETURN n; END
function purge_expired returns bigint owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE n bigint; total bigint := 0; BEGIN -- Asked first: an empty DELETE would still drop every session cache. IF EXISTS SELECT FROM mast.sessions s WHERE s.expires_at < now - interval '1 day' THEN DELETE FROM mast.sessions s WHERE s.expires_at < now - interval '1 day'; GET DIAGNOSTICS n = ROW_COUNT; total := total + n; END IF; DELETE FROM mast.idempotency_keys k WHERE k.created_at < now - interval '1 day'; GET DIAGNOSTICS n = ROW_COUNT; total := total + n; DELETE FROM mast.node_tokens t WHERE greatest t.expires_at, t.used_at < now - interval '30 days'; GET DIAGNOSTICS n = ROW_COUNT; total := total + n; DELETE FROM mast.hubs h WHERE h.seen_at < now - interval '30 days' AND NOT EXISTS SELECT FROM mast.node_sessions s WHERE s.hub_id = h.id ; GET DIAGNOSTICS n = ROW_COUNT; RETURN total + n; END
function rfc3339 t timestamp with time zone returns text owner _mast_ctl s : RETURN to_char t AT TIME ZONE 'UTC'::text , 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text
function rollup p_until timestamp with time zone returns bigint owner _mast_ctl v search_path=pg_catalog, pg_temp: DECLARE width interval[] := '{1 min,10 min,1 hour}'::interval[]; piece interval[] := '{10 min,2 hours,1 day}'::interval[]; kept interval[] := '{2 days,14 days,90 days}'::interval[]; target text[] := ARRAY['minutes', 'tens', 'hours']; upto timestamptz := least p_until, now ; since timestamptz; ends timestamptz; n bigint; total bigint := 0; l integer; BEGIN IF NOT pg_try_advisory_xact_lock hashtext 'mast rollup' THEN RETURN 0; END IF; FOR l IN 1 .. 3 LOOP SELECT m.until INTO since FROM mast.rollup_marks m WHERE m.level = l; -- What is below is gone by then. since := greatest since, date_bin width[l], now - kept[l], 'epoch' ; ends := least date_bin width[l], upto, 'epoch' , since + piece[l] ; IF ends > since THEN EXECUTE format 'INSERT INTO mast.%I node_id, object, ' 'at, n, lo, mean, hi SELECT p.node_id, p.object, ' 'p.at, array_agg p.n ORDER BY p.k , ' 'array_agg p.lo ORDER BY p.k , ' 'array_agg p.mean ORDER BY p.k , ' 'array_agg p.hi ORDER BY p.k FROM ' 'SELECT h.node_id, h.object, ' 'date_bin %L, h.at, ''epoch'' AS at, u.k, ' 'coalesce sum u.n , 0 ::integer AS n, ' 'min u.lo AS lo, sum u.mean::float8 * u.n ' '/ nullif sum u.n , 0 ::real AS mean, ' 'max u.hi AS hi FROM mast.history h, unnest ' 'coalesce h.n, SELECT array_agg ' ' x IS NOT NULL ::integer FROM unnest h.lo x , ' 'h.lo, h.mean, h.hi ' 'WITH ORDINALITY AS u n, lo, mean, hi, k ' 'WHERE h.level = %s AND h.at >= $1 AND h.at < $2 ' 'GROUP BY 1, 2, 3, 4 p GROUP BY 1, 2, 3 ' 'ON CONFLICT node_id, object, at DO UPDATE SET ' 'n = excluded.n, lo = excluded.lo, ' 'mean = excluded.mean, hi = excluded.hi', target[l], width[l], l - 1 USING since, ends; GET DIAGNOSTICS n = ROW_COUNT; total := total + n; UPDATE mast.rollup_marks m SET until = ends WHERE m.level = l; ELSE ends := since; END IF; upto := ends; END LOOP; RETURN total; END
function rotation_ended returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN DELETE FROM mast.node_secrets s WHERE s.node_id = NEW.node_id AND s.secret_hash = NEW.secret_hash AND s.first_used_at IS NULL; RETURN NULL; END
function row_changed returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN NEW.change := nextval 'mast.change_seq' ; RETURN NEW; END
function schema_serves returns integer owner _mast_ctl i search_path=pg_catalog, pg_temp: SELECT 20
function session_close p_token_hash bytea, p_address inet, p_request_id text returns boolean owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE owner uuid; BEGIN UPDATE mast.sessions s SET revoked_at = now WHERE s.token_hash = p_token_hash AND s.revoked_at IS NULL RETURNING s.user_id INTO owner; IF NOT FOUND THEN RETURN false; END IF; INSERT INTO mast.audit actor_kind, actor_user, actor_name, action, target_type, target_id, address, request_id VALUES 'user', owner, SELECT u.username FROM mast.users u WHERE u.id = owner , 'auth.logout', 'user', owner::text, p_address, p_request_id ; RETURN true; END
function session_lookup p_token_hash bytea returns TABLE user_id uuid, username text, display_name text, email text, role role, is_active boolean, expired boolean, all_nodes boolean, node_ids uuid[], session_id uuid, expires_us bigint, revoked boolean, user_expires_us bigint, is_temporary boolean, "user" json owner _mast_ctl s definer search_path=pg_catalog, pg_temp: BEGIN RETURN QUERY SELECT u.id, u.username, u.display_name, u.email, u.role, u.is_active, coalesce u.expires_at <= now , false , u.all_nodes, CASE WHEN u.all_nodes THEN NULL ELSE ARRAY SELECT n.node_id FROM mast.user_nodes n WHERE n.user_id = u.id ORDER BY n.node_id END, s.id, mast.wall_us s.expires_at , s.revoked_at IS NOT NULL, mast.wall_us u.expires_at , u.is_temporary, u.json FROM mast.sessions s JOIN mast.user_view u ON u.id = s.user_id WHERE s.token_hash = p_token_hash AND s.expires_at > now ; END
function session_open p_user uuid, p_session uuid, p_token_hash bytea, p_address inet, p_agent text, p_request_id text, p_totp_step bigint, p_recovery bytea returns TABLE expires_us bigint, lifetime_secs bigint owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE hours bigint := SELECT s.value FROM mast.settings s WHERE s.key = 'session_lifetime_hours' ; ends timestamptz := now + make_interval hours => hours::int ; factor boolean := false; name text; BEGIN IF p_recovery IS NOT NULL THEN UPDATE mast.recovery_codes c SET used_at = now WHERE c.user_id = p_user AND c.code_hash = p_recovery AND c.used_at IS NULL; factor := FOUND; END IF; UPDATE mast.users u SET last_login_at = now , totp_last_step = coalesce p_totp_step, u.totp_last_step WHERE u.id = p_user AND u.is_active AND u.expires_at IS NULL OR u.expires_at > now AND u.totp_secret IS NULL OR factor OR p_totp_step > coalesce u.totp_last_step, 0 RETURNING u.username INTO name; IF NOT FOUND THEN RETURN; END IF; INSERT INTO mast.sessions id, token_hash, user_id, expires_at, address, user_agent VALUES p_session, p_token_hash, p_user, ends, p_address, p_agent ; INSERT INTO mast.audit actor_kind, actor_user, actor_name, action, target_type, target_id, details, address, request_id VALUES 'user', p_user, name, 'auth.login', 'user', p_user::text, CASE WHEN factor THEN '{"factor": "recovery"}'::jsonb WHEN p_totp_step IS NOT NULL THEN '{"factor": "totp"}' END, p_address, p_request_id ; RETURN QUERY SELECT mast.wall_us ends , hours * 3600; END
function settings_moved returns trigger owner _mast_ctl v search_path=pg_catalog, pg_temp: BEGIN NEW.version := OLD.version + 1; RETURN NEW; END
function signin_lookup p_username text returns TABLE id uuid, password_hash text, role role, is_active boolean, expired boolean, has_totp boolean, "user" json owner _mast_ctl s definer search_path=pg_catalog, pg_temp: BEGIN RETURN QUERY SELECT u.id, u.password_hash, u.role, u.is_active, coalesce u.expires_at <= now , false , u.totp_secret IS NOT NULL, v.json FROM mast.users u JOIN mast.user_view v USING id WHERE u.username = p_username; END
function token_lookup p_token_hash bytea returns TABLE user_id uuid, token_id uuid, username text, role role, all_nodes boolean, node_ids uuid[], ends_us bigint, read_only boolean owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN UPDATE mast.api_tokens t SET last_used_at = now FROM mast.users u WHERE u.id = t.user_id AND u.is_active AND u.expires_at IS NULL OR u.expires_at > now AND t.token_hash = p_token_hash AND t.revoked_at IS NULL AND t.expires_at > now AND t.last_used_at IS NULL OR t.last_used_at < now - interval '1 minute' ; RETURN QUERY SELECT u.id, t.id, u.username, least u.role, t.max_role , u.all_nodes AND t.node_ids IS NULL, CASE WHEN u.all_nodes THEN t.node_ids ELSE ARRAY SELECT n.node_id FROM mast.user_nodes n WHERE n.user_id = u.id AND t.node_ids IS NULL OR n.node_id = ANY t.node_ids ORDER BY n.node_id END, mast.wall_us least t.expires_at, u.expires_at , t.read_only FROM mast.api_tokens t JOIN mast.users u ON u.id = t.user_id WHERE t.token_hash = p_token_hash AND t.revoked_at IS NULL AND t.expires_at > now AND u.is_active AND u.expires_at IS NULL OR u.expires_at > now ; END
function tunnel_gone returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN DELETE FROM mast.tunnel_legs l WHERE l.tunnel_id = OLD.id AND NOT l.sent OR NOT EXISTS SELECT FROM mast.nodes n WHERE n.id = l.node_id ; UPDATE mast.tunnel_legs l SET want = 'absent', turn = l.turn + 1, told_turn = NULL, push_status = 'pending', push_error = NULL, attempts = 0, next_try_at = NULL, updated_at = now WHERE l.tunnel_id = OLD.id; RETURN OLD; END
function tunnel_guard returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE peer integer := CASE WHEN NEW.mode = 'direct' THEN mast.addr_port NEW.egress_peer_addr END; rule text; BEGIN PERFORM pg_advisory_xact_lock hashtext 'mast.tunnels' ; NEW.relay_addrs := coalesce NEW.relay_addrs, CASE WHEN NEW.relay_addr IS NOT NULL THEN ARRAY[NEW.relay_addr] END ; NEW.relay_addr := NEW.relay_addrs[1]; SELECT CASE WHEN o.ingress_node_id = NEW.ingress_node_id AND o.protocol = NEW.protocol AND o.ingress_listen_port = NEW.ingress_listen_port OR NEW.protocol = 'udp' AND o.mode = 'direct' AND o.egress_node_id = NEW.ingress_node_id AND mast.addr_port o.egress_peer_addr = NEW.ingress_listen_port THEN 'tunnels_listen_key' ELSE 'tunnels_peer_key' END INTO rule FROM mast.tunnels o WHERE o.id <> NEW.id AND o.ingress_node_id = NEW.ingress_node_id AND o.protocol = NEW.protocol AND o.ingress_listen_port = NEW.ingress_listen_port OR NEW.protocol = 'udp' AND o.mode = 'direct' AND o.egress_node_id = NEW.ingress_node_id AND mast.addr_port o.egress_peer_addr = NEW.ingress_listen_port OR o.ingress_node_id = NEW.egress_node_id AND o.protocol = 'udp' AND o.ingress_listen_port = peer OR o.mode = 'direct' AND o.egress_node_id = NEW.egress_node_id AND mast.addr_port o.egress_peer_addr = peer LIMIT 1; IF FOUND THEN RAISE EXCEPTION 'another tunnel listens on that port' USING ERRCODE = 'unique_violation', CONSTRAINT = rule, SCHEMA = 'mast', TABLE = 'tunnels'; END IF; IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF; IF SELECT count * FROM mast.tunnels o WHERE o.ingress_node_id = NEW.ingress_node_id >= 500 OR SELECT count * FROM mast.tunnels o WHERE o.egress_node_id = NEW.egress_node_id >= 500 OR SELECT count * FROM mast.tunnels o WHERE o.relay_node_id = NEW.relay_node_id >= 10000 THEN RAISE EXCEPTION 'a node has too many tunnels' USING ERRCODE = 'check_violation', CONSTRAINT = 'tunnels_per_node', SCHEMA = 'mast', TABLE = 'tunnels'; END IF; IF NEW.status <> 'disabled' THEN NEW.status := 'pending'; END IF; RETURN NEW; END
function tunnel_plan returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN INSERT INTO mast.tunnel_legs AS l tunnel_id, leg, node_id, want SELECT NEW.id, v.leg, v.node, CASE WHEN NEW.status = 'disabled' THEN 'absent' ELSE 'present' END FROM VALUES 'relay', NEW.relay_node_id , 'ingress', NEW.ingress_node_id , 'egress', NEW.egress_node_id v leg, node WHERE v.node IS NOT NULL AND v.leg <> 'relay' OR NEW.mode = 'relay' ON CONFLICT tunnel_id, leg, node_id DO UPDATE SET want = excluded.want, turn = l.turn + 1, told_turn = NULL, push_status = 'pending', push_error = NULL, attempts = 0, next_try_at = NULL, updated_at = now ; RETURN NULL; END
function tunnel_relay_gone returns trigger owner _mast_ctl v definer search_path=pg_catalog, pg_temp: BEGIN PERFORM mast.tunnel_withdraw t.id, NULL, NULL, 'withdrawn: the relay node was deleted' FROM mast.tunnels t WHERE t.relay_node_id = OLD.id AND t.mode = 'relay'; RETURN OLD; END
function tunnel_results p_hub uuid, p_tunnels uuid[], p_legs text[], p_nodes uuid[], p_turns bigint[], p_epochs bigint[], p_outcomes integer[], p_errors text[] returns integer owner _mast_ctl v definer search_path=pg_catalog, pg_temp: DECLARE r record; l mast.tunnel_legs; t mast.tunnels; n integer := 0; BEGIN FOR r IN SELECT * FROM unnest p_tunnels, p_legs, p_nodes, p_turns, p_epochs, p_outcomes, p_errors AS u tunnel, leg, node, turn, epoch, outcome, error ORDER BY u.tunnel, u.leg, u.node LOOP SELECT * INTO t FROM mast.tunnels x WHERE x.id = r.tunnel FOR UPDATE; UPDATE mast.tunnel_legs x SET updated_at = now , told_turn = CASE WHEN r.outcome = 0 THEN x.turn END, told_epoch = CASE WHEN r.outcome = 0 THEN r.epoch ELSE x.told_epoch END, attempts = CASE WHEN r.outcome = 0 THEN 0 ELSE x.attempts END, push_status = CASE WHEN r.outcome = 0 AND x.push_status = 'pending' THEN 'pushed' ELSE x.push_status END, push_error = CASE WHEN x.push_status = 'failed' THEN x.push_error WHEN r.outcome <> 0 THEN left r.error, 1000 END, next_try_at = CASE WHEN r.outcome <> 0 THEN now + make_interval secs => least 60, power 2, least x.attempts, 6 * 0.75 + random / 2 END WHERE x.tunnel_id = r.tunnel AND x.leg = r.leg AND x.node_id = r.node AND x.turn = r.turn AND EXISTS SELECT FROM mast.node_sessions s WHERE s.node_id = r.node AND s.epoch = r.epoch AND s.hub_id = p_hub RETURNING * INTO l; CONTINUE WHEN NOT FOUND; n := n + 1; IF r.outcome = 0 AND r.leg <> 'relay' THEN UPDATE mast.node_state x SET config_stale = true WHERE x.node_id = r.node; END IF; IF r.outcome = 0 AND l.want = 'absent' AND t.id IS NULL OR r.node NOT IN t.ingress_node_id, t.egress_node_id AND r.node IS DISTINCT FROM t.relay_node_id THEN DELETE FROM mast.tunnel_legs x WHERE x.tunnel_id = r.tunnel AND x.leg = r.leg AND x.node_id = r.node; ELSIF r.outcome = 0 AND l.want = 'present' THEN UPDATE mast.tunnels x SET status = 'active' WHERE x.id = t.id AND x.status = 'pending' AND NOT EXISTS SELECT FROM mast.tunnel_legs o WHERE o.tunnel_id = x.id AND o.want = 'present' AND o.told_turn IS DISTINCT FROM o.turn ; ELSIF r.outcome = 1 AND l.want = 'present' THEN PERFORM mast.tunnel_withdraw t.id, r.leg, left r.error, 1000 , format 'withdrawn: the %s node refused the tunnel', r.leg ; INSERT INTO mast.events created_at, node_id, node_name, severity, category, message, details, hub_id SELECT now , x.id, x.name, 'warning', 'tunnel', left format 'The tunnel %s was refused: %s', t.name, r.error , 2000 , json_build_object 'error_code', 'tunnel_refused', 'tunnel_id', t.id, 'leg', r.leg , p_hub FROM mast.nodes x WHERE x.id = r.node; END IF; END LOOP; RETURN n; END
function tunnel_withdraw p_tunnel uuid, p_leg text, p_error text, p_why text returns void owner _mast_ctl v search_path=pg_catalog, pg_temp: UPDATE mast.tunnels t SET status = 'error', updated_at = now WHERE t.id = p_tunnel; UPDATE mast.tunnel_legs l SET want = 'absent', turn = l.turn + 1, told_turn = NULL, push_status = 'failed', push_error = CASE WHEN l.leg = p_leg THEN p_error ELSE p_why END, attempts = 0, next_try_at = NULL, updated_at = now WHERE l.tunnel_id = p_tunnel;
function wall_us t timestamp with time zone returns bigint owner _mast_ctl i : RETURN EXTRACT epoch FROM t * 1000000 ::numeric ::bigint
trigger CREATE TRIGGER alarms_changed BEFORE INSERT OR UPDATE ON mast.alarms FOR EACH ROW EXECUTE FUNCTION row_changed
trigger CREATE TRIGGER api_tokens_auth AFTER DELETE OR UPDATE OF max_role, read_only, node_ids, expires_at, revoked_at ON mast.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION bump_version 'auth'
trigger CREATE TRIGGER audit_opened AFTER INSERT ON mast.audit FOR EACH ROW EXECUTE FUNCTION audit_opened
trigger CREATE TRIGGER certificate_use_version AFTER INSERT OR DELETE OR UPDATE ON mast.certificate_use FOR EACH STATEMENT EXECUTE FUNCTION bump_version 'certs'
trigger CREATE TRIGGER certificates_version AFTER INSERT OR DELETE OR UPDATE ON mast.certificates FOR EACH STATEMENT EXECUTE FUNCTION bump_version 'certs'
trigger CREATE TRIGGER commands_changed BEFORE INSERT OR UPDATE ON mast.commands FOR EACH ROW EXECUTE FUNCTION row_changed
trigger CREATE TRIGGER commands_config_ended AFTER UPDATE OF state ON mast.commands FOR EACH ROW WHEN new.config_hash IS NOT NULL AND new.done_at IS NOT NULL AND new.state <> old.state EXECUTE FUNCTION config_push_ended
trigger CREATE TRIGGER commands_rotation_ended AFTER UPDATE OF state ON mast.commands FOR EACH ROW WHEN new.secret_hash IS NOT NULL AND new.state = ANY ARRAY['failed'::command_state, 'expired'::command_state, 'cancelled'::command_state] EXECUTE FUNCTION rotation_ended
trigger CREATE TRIGGER events_changed AFTER UPDATE ON mast.events REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION events_changed
trigger CREATE TRIGGER node_state_kept AFTER UPDATE OF status ON mast.node_state FOR EACH ROW WHEN new.status IS DISTINCT FROM old.status EXECUTE FUNCTION node_state_kept
trigger CREATE TRIGGER node_state_status AFTER UPDATE OF status ON mast.node_state FOR EACH ROW WHEN new.status IS DISTINCT FROM old.status EXECUTE FUNCTION node_status_changed
trigger CREATE TRIGGER nodes_born AFTER INSERT ON mast.nodes FOR EACH ROW EXECUTE FUNCTION node_born
trigger CREATE TRIGGER nodes_tunnels BEFORE DELETE ON mast.nodes FOR EACH ROW EXECUTE FUNCTION tunnel_relay_gone
trigger CREATE TRIGGER nodes_version AFTER INSERT OR DELETE OR UPDATE OF name, expires_at, quarantined_at ON mast.nodes FOR EACH STATEMENT EXECUTE FUNCTION bump_version 'nodes'
trigger CREATE TRIGGER provider_keys_guard BEFORE INSERT OR UPDATE OF sealed_for ON mast.provider_keys FOR EACH ROW WHEN CURRENT_USER = '_mast_apid'::name EXECUTE FUNCTION provider_key_guard
trigger CREATE TRIGGER sessions_auth AFTER DELETE OR UPDATE OF revoked_at, expires_at ON mast.sessions FOR EACH STATEMENT EXECUTE FUNCTION bump_version 'auth'
trigger CREATE TRIGGER settings_moved BEFORE UPDATE ON mast.settings FOR EACH ROW EXECUTE FUNCTION settings_moved
trigger CREATE TRIGGER settings_version AFTER INSERT OR DELETE OR UPDATE ON mast.settings FOR EACH STATEMENT EXECUTE FUNCTION bump_version 'settings'
trigger CREATE TRIGGER tunnels_gone BEFORE DELETE ON mast.tunnels FOR EACH ROW EXECUTE FUNCTION tunnel_gone
trigger CREATE TRIGGER tunnels_guard BEFORE INSERT OR UPDATE OF version ON mast.tunnels FOR EACH ROW EXECUTE FUNCTION tunnel_guard
trigger CREATE TRIGGER tunnels_plan AFTER INSERT OR UPDATE OF version ON mast.tunnels FOR EACH ROW EXECUTE FUNCTION tunnel_plan
trigger CREATE TRIGGER user_nodes_auth AFTER INSERT OR DELETE OR UPDATE ON mast.user_nodes FOR EACH STATEMENT EXECUTE FUNCTION bump_version 'auth'
trigger CREATE TRIGGER users_auth AFTER DELETE OR UPDATE OF username, password_hash, display_name, email, role, is_temporary, is_active, expires_at, all_nodes, totp_secret ON mast.users FOR EACH STATEMENT EXECUTE FUNCTION bump_version 'auth'
trigger CREATE TRIGGER users_keep_delete AFTER DELETE ON mast.users FOR EACH ROW WHEN old.role = 'super_admin'::role AND old.is_active EXECUTE FUNCTION keep_super_admin
trigger CREATE TRIGGER users_keep_update AFTER UPDATE OF role, is_active, expires_at ON mast.users FOR EACH ROW WHEN old.role = 'super_admin'::role AND old.is_active EXECUTE FUNCTION keep_super_admin
trigger CREATE TRIGGER users_link BEFORE UPDATE OF password_hash ON mast.users FOR EACH ROW EXECUTE FUNCTION link_ended
grant CREATE, USAGE to _mast_ctl on schema mast
grant DELETE, INSERT to _mast_apid on api_tokens
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on ai_usage
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on alarm_view
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on alarms
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on api_tokens
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on audit_open
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on certificate_use
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on certificate_warnings
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on certificates
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on command_view
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on commands
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on config_blobs
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on config_version_view
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on config_versions
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on event_changes
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on event_marks
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on event_view
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on events
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on events_default
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on history
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on hours
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on hubs
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on idempotency_keys
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on import_changes
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on import_rows
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on me
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on migrations
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on minutes
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on minutes_default
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on my_nodes
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on node_all
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on node_configs
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on node_secrets
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on node_sessions
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on node_state
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on node_states
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on node_tokens
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on node_view
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on nodes
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on positions
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on preferences
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on proposal_view
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on proposals
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on provider_keys
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on recovery_codes
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on retired_keys
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on rollup_marks
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on samples
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on samples_default
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on sessions
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on settings
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on tens
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on tens_default
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on token_view
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on tunnel_leg_all
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on tunnel_legs
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on tunnel_view
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on tunnels
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on user_nodes
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on user_view
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on users
grant DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE to _mast_ctl on versions
grant DELETE, INSERT, SELECT to _mast_apid on certificates
grant DELETE, INSERT, SELECT to _mast_apid on nodes
grant DELETE, INSERT, SELECT to _mast_apid on recovery_codes
grant DELETE, INSERT, SELECT to _mast_apid on user_nodes
grant DELETE, INSERT, SELECT to _mast_hubd on event_marks
grant DELETE, INSERT, SELECT to _mast_hubd on node_secrets
grant DELETE, INSERT, SELECT, UPDATE to _mast_apid on idempotency_keys
grant DELETE, INSERT, SELECT, UPDATE to _mast_apid on positions
grant DELETE, INSERT, SELECT, UPDATE to _mast_apid on preferences
grant DELETE, INSERT, SELECT, UPDATE to _mast_apid on proposals
grant DELETE, INSERT, SELECT, UPDATE to _mast_apid on tunnels
grant DELETE, INSERT, SELECT, UPDATE to _mast_hubd on alarms
grant DELETE, INSERT, SELECT, UPDATE to _mast_hubd on hubs
grant DELETE, INSERT, SELECT, UPDATE to _mast_hubd on node_sessions
grant DELETE, INSERT, UPDATE to _mast_apid on provider_keys
grant DELETE, INSERT, UPDATE to _mast_apid on users
grant DELETE, SELECT to _mast_hubd on event_changes
grant EXECUTE to _mast_apid on function actor
grant EXECUTE to _mast_apid on function actor_details details jsonb
grant EXECUTE to _mast_apid on function actor_kind
grant EXECUTE to _mast_apid on function actor_token
grant EXECUTE to _mast_apid on function ai_facts p_node uuid, p_access uuid[], p_log boolean
grant EXECUTE to _mast_apid on function ai_node p_node uuid, p_access uuid[]
grant EXECUTE to _mast_apid on function ai_open p_provider text, p_model text, p_kind text, p_calls bigint, p_tokens bigint
grant EXECUTE to _mast_apid on function ai_series p_node uuid, p_names text[], p_units text[]
grant EXECUTE to _mast_apid on function audit_node target_type text, target_id text, details jsonb
grant EXECUTE to _mast_apid on function audit_text a audit
grant EXECUTE to _mast_apid on function certificate_expiry p_fingerprint text, p_subject text, p_not_after timestamp with time zone, p_who uuid, p_name text
grant EXECUTE to _mast_apid on function csv_field value text
grant EXECUTE to _mast_apid on function export_check
grant EXECUTE to _mast_apid on function export_fetch p_n integer
grant EXECUTE to _mast_apid on function export_open p_section text, p_days integer
grant EXECUTE to _mast_apid on function factor_lookup p_user uuid
grant EXECUTE to _mast_apid on function feed_news p_event bigint, p_event_lo bigint[], p_event_hi bigint[], p_change bigint, p_change_lo bigint[], p_change_hi bigint[]
grant EXECUTE to _mast_apid on function feed_start
grant EXECUTE to _mast_apid on function hubs_lost
grant EXECUTE to _mast_apid on function import_apply p_mode text, p_os_user text, p_address inet, p_request_id text
grant EXECUTE to _mast_apid on function import_begin
grant EXECUTE to _mast_apid on function import_stage p_section text, p_first integer, p_rows json
grant EXECUTE to _mast_apid on function key_claim p_key text, p_hash bytea, p_request text
grant EXECUTE to _mast_apid on function link_password p_link bytea, p_phc text, p_address inet, p_request_id text
grant EXECUTE to _mast_apid on function my_node_set
grant EXECUTE to _mast_apid on function provider_key_for p_user uuid, p_provider text
grant EXECUTE to _mast_apid on function rfc3339 t timestamp with time zone
grant EXECUTE to _mast_apid on function schema_serves
grant EXECUTE to _mast_apid on function session_close p_token_hash bytea, p_address inet, p_request_id text
grant EXECUTE to _mast_apid on function session_lookup p_token_hash bytea
grant EXECUTE to _mast_apid on function session_open p_user uuid, p_session uuid, p_token_hash bytea, p_address inet, p_agent text, p_request_id text, p_totp_step bigint, p_recovery bytea
grant EXECUTE to _mast_apid on function signin_lookup p_username text
grant EXECUTE to _mast_apid on function token_lookup p_token_hash bytea
grant EXECUTE to _mast_apid on function wall_us t timestamp with time zone
grant EXECUTE to _mast_ctl on function actor
grant EXECUTE to _mast_ctl on function actor_details details jsonb
grant EXECUTE to _mast_ctl on function actor_kind
grant EXECUTE to _mast_ctl on function actor_token
grant EXECUTE to _mast_ctl on function addr_port addr text
grant EXECUTE to _mast_ctl on function ai_facts p_node uuid, p_access uuid[], p_log boolean
grant EXECUTE to _mast_ctl on function ai_node p_node uuid, p_access uuid[]
grant EXECUTE to _mast_ctl on function ai_open p_provider text, p_model text, p_kind text, p_calls bigint, p_tokens bigint
grant EXECUTE to _mast_ctl on function ai_series p_node uuid, p_names text[], p_units text[]
grant EXECUTE to _mast_ctl on function alarms_apply p_node uuid[], p_object text[], p_code text[], p_source text[], p_severity text[], p_message text[], p_count bigint[], p_open boolean[], p_first bigint[], p_last bigint[], p_whole uuid[]
grant EXECUTE to _mast_ctl on function alarms_sweep
grant EXECUTE to _mast_ctl on function audit_node target_type text, target_id text, details jsonb
grant EXECUTE to _mast_ctl on function audit_opened
grant EXECUTE to _mast_ctl on function audit_seal_add p_seq bigint, p_ids text, p_rows bigint, p_content bytea, p_sealed_at text, p_chain bytea, p_signature bytea, p_signer bytea
grant EXECUTE to _mast_ctl on function audit_seal_next p_limit integer, p_age interval
grant EXECUTE to _mast_ctl on function audit_text a audit
grant EXECUTE to _mast_ctl on function bump_version
grant EXECUTE to _mast_ctl on function certificate_expiry p_fingerprint text, p_subject text, p_not_after timestamp with time zone, p_who uuid, p_name text
grant EXECUTE to _mast_ctl on function command_refusal p_user uuid, p_token uuid, p_node uuid, p_role role
grant EXECUTE to _mast_ctl on function config_push_ended
grant EXECUTE to _mast_ctl on function csv_field value text
grant EXECUTE to _mast_ctl on function drop_old_partitions
grant EXECUTE to _mast_ctl on function ensure_partition p_parent text, p_column text, p_day date
grant EXECUTE to _mast_ctl on function ensure_partitions p_days_ahead integer
grant EXECUTE to _mast_ctl on function events_changed
grant EXECUTE to _mast_ctl on function export_check
grant EXECUTE to _mast_ctl on function export_fetch p_n integer
grant EXECUTE to _mast_ctl on function export_open p_section text, p_days integer
grant EXECUTE to _mast_ctl on function factor_lookup p_user uuid
grant EXECUTE to _mast_ctl on function feed_news p_event bigint, p_event_lo bigint[], p_event_hi bigint[], p_change bigint, p_change_lo bigint[], p_change_hi bigint[]
grant EXECUTE to _mast_ctl on function feed_start
grant EXECUTE to _mast_ctl on function hub_beat p_hub uuid, p_flushed timestamp with time zone
grant EXECUTE to _mast_ctl on function hubs_lost
grant EXECUTE to _mast_ctl on function import_apply p_mode text, p_os_user text, p_address inet, p_request_id text
grant EXECUTE to _mast_ctl on function import_begin
grant EXECUTE to _mast_ctl on function import_configs p_replace boolean
grant EXECUTE to _mast_ctl on function import_events
grant EXECUTE to _mast_ctl on function import_nodes p_replace boolean
grant EXECUTE to _mast_ctl on function import_personal p_replace boolean, p_alias uuid
grant EXECUTE to _mast_ctl on function import_settings
grant EXECUTE to _mast_ctl on function import_stage p_section text, p_first integer, p_rows json
grant EXECUTE to _mast_ctl on function import_tunnels p_replace boolean
grant EXECUTE to _mast_ctl on function import_users p_replace boolean, p_self text
grant EXECUTE to _mast_ctl on function keep_super_admin
grant EXECUTE to _mast_ctl on function key_claim p_key text, p_hash bytea, p_request text
grant EXECUTE to _mast_ctl on function link_ended
grant EXECUTE to _mast_ctl on function link_password p_link bytea, p_phc text, p_address inet, p_request_id text
grant EXECUTE to _mast_ctl on function my_node_set
grant EXECUTE to _mast_ctl on function node_born
grant EXECUTE to _mast_ctl on function node_state_kept
grant EXECUTE to _mast_ctl on function node_status_changed
grant EXECUTE to _mast_ctl on function provider_key_for p_user uuid, p_provider text
grant EXECUTE to _mast_ctl on function provider_key_guard
grant EXECUTE to _mast_ctl on function purge_commands
grant EXECUTE to _mast_ctl on function purge_expired
grant EXECUTE to _mast_ctl on function rfc3339 t timestamp with time zone
grant EXECUTE to _mast_ctl on function rollup p_until timestamp with time zone
grant EXECUTE to _mast_ctl on function rotation_ended
grant EXECUTE to _mast_ctl on function row_changed
grant EXECUTE to _mast_ctl on function schema_serves
grant EXECUTE to _mast_ctl on function session_close p_token_hash bytea, p_address inet, p_request_id text
grant EXECUTE to _mast_ctl on function session_lookup p_token_hash bytea
grant EXECUTE to _mast_ctl on function session_open p_user uuid, p_session uuid, p_token_hash bytea, p_address inet, p_agent text, p_request_id text, p_totp_step bigint, p_recovery bytea
grant EXECUTE to _mast_ctl on function settings_moved
grant EXECUTE to _mast_ctl on function signin_lookup p_username text
grant EXECUTE to _mast_ctl on function token_lookup p_token_hash bytea
grant EXECUTE to _mast_ctl on function tunnel_gone
grant EXECUTE to _mast_ctl on function tunnel_guard
grant EXECUTE to _mast_ctl on function tunnel_plan
grant EXECUTE to _mast_ctl on function tunnel_relay_gone
grant EXECUTE to _mast_ctl on function tunnel_results p_hub uuid, p_tunnels uuid[], p_legs text[], p_nodes uuid[], p_turns bigint[], p_epochs bigint[], p_outcomes integer[], p_errors text[]
grant EXECUTE to _mast_ctl on function tunnel_withdraw p_tunnel uuid, p_leg text, p_error text, p_why text
grant EXECUTE to _mast_ctl on function wall_us t timestamp with time zone
grant EXECUTE to _mast_hubd on function alarms_apply p_node uuid[], p_object text[], p_code text[], p_source text[], p_severity text[], p_message text[], p_count bigint[], p_open boolean[], p_first bigint[], p_last bigint[], p_whole uuid[]
grant EXECUTE to _mast_hubd on function alarms_sweep
grant EXECUTE to _mast_hubd on function audit_seal_add p_seq bigint, p_ids text, p_rows bigint, p_content bytea, p_sealed_at text, p_chain bytea, p_signature bytea, p_signer bytea
grant EXECUTE to _mast_hubd on function audit_seal_next p_limit integer, p_age interval
grant EXECUTE to _mast_hubd on function certificate_expiry p_fingerprint text, p_subject text, p_not_after timestamp with time zone, p_who uuid, p_name text
grant EXECUTE to _mast_hubd on function command_refusal p_user uuid, p_token uuid, p_node uuid, p_role role
grant EXECUTE to _mast_hubd on function drop_old_partitions
grant EXECUTE to _mast_hubd on function ensure_partitions p_days_ahead integer
grant EXECUTE to _mast_hubd on function hub_beat p_hub uuid, p_flushed timestamp with time zone
grant EXECUTE to _mast_hubd on function hubs_lost
grant EXECUTE to _mast_hubd on function purge_commands
grant EXECUTE to _mast_hubd on function purge_expired
grant EXECUTE to _mast_hubd on function rfc3339 t timestamp with time zone
grant EXECUTE to _mast_hubd on function rollup p_until timestamp with time zone
grant EXECUTE to _mast_hubd on function schema_serves
grant EXECUTE to _mast_hubd on function tunnel_results p_hub uuid, p_tunnels uuid[], p_legs text[], p_nodes uuid[], p_turns bigint[], p_epochs bigint[], p_outcomes integer[], p_errors text[]
grant EXECUTE to _mast_hubd on function wall_us t timestamp with time zone
grant INSERT to _mast_apid on audit.action
grant INSERT to _mast_apid on audit.actor_kind
grant INSERT to _mast_apid on audit.actor_name
grant INSERT to _mast_apid on audit.actor_user
grant INSERT to _mast_apid on audit.address
grant INSERT to _mast_apid on audit.details
grant INSERT to _mast_apid on audit.request_id
grant INSERT to _mast_apid on audit.target_id
grant INSERT to _mast_apid on audit.target_type
grant INSERT to _mast_apid on commands
grant INSERT to _mast_apid on node_secrets.secret_hash
grant INSERT to _mast_apid on node_tokens
grant INSERT to _mast_hubd on audit.action
grant INSERT to _mast_hubd on audit.actor_kind
grant INSERT to _mast_hubd on audit.actor_name
grant INSERT to _mast_hubd on audit.actor_user
grant INSERT to _mast_hubd on audit.address
grant INSERT to _mast_hubd on audit.details
grant INSERT to _mast_hubd on audit.request_id
grant INSERT to _mast_hubd on audit.target_id
grant INSERT to _mast_hubd on audit.target_type
grant INSERT, SELECT to _mast_apid on ai_usage
grant INSERT, SELECT to _mast_apid on config_blobs
grant INSERT, SELECT to _mast_apid on config_versions
grant INSERT, SELECT to _mast_apid on node_secrets.node_id
grant INSERT, SELECT to _mast_ctl on audit
grant INSERT, SELECT to _mast_ctl on audit_seals
grant INSERT, SELECT to _mast_hubd on config_blobs
grant INSERT, SELECT to _mast_hubd on config_versions
grant INSERT, SELECT to _mast_hubd on events
grant INSERT, SELECT to _mast_hubd on node_states
grant INSERT, SELECT to _mast_hubd on samples
grant INSERT, SELECT, UPDATE to _mast_apid on node_configs
grant INSERT, SELECT, UPDATE to _mast_hubd on hours
grant INSERT, SELECT, UPDATE to _mast_hubd on minutes
grant INSERT, SELECT, UPDATE to _mast_hubd on node_configs
grant INSERT, SELECT, UPDATE to _mast_hubd on node_state
grant INSERT, SELECT, UPDATE to _mast_hubd on tens
grant SELECT to _mast_apid on alarm_view
grant SELECT to _mast_apid on alarms
grant SELECT to _mast_apid on api_tokens.created_at
grant SELECT to _mast_apid on api_tokens.expires_at
grant SELECT to _mast_apid on api_tokens.id
grant SELECT to _mast_apid on api_tokens.last_used_at
grant SELECT to _mast_apid on api_tokens.max_role
grant SELECT to _mast_apid on api_tokens.name
grant SELECT to _mast_apid on api_tokens.node_ids
grant SELECT to _mast_apid on api_tokens.read_only
grant SELECT to _mast_apid on api_tokens.revoked_at
grant SELECT to _mast_apid on api_tokens.user_id
grant SELECT to _mast_apid on audit
grant SELECT to _mast_apid on audit_seals
grant SELECT to _mast_apid on certificate_use
grant SELECT to _mast_apid on command_view
grant SELECT to _mast_apid on commands.actor_name
grant SELECT to _mast_apid on commands.actor_token
grant SELECT to _mast_apid on commands.actor_user
grant SELECT to _mast_apid on commands.config_hash
grant SELECT to _mast_apid on commands.created_at
grant SELECT to _mast_apid on commands.epoch
grant SELECT to _mast_apid on commands.expires_at
grant SELECT to _mast_apid on commands.hub_id
grant SELECT to _mast_apid on commands.id
grant SELECT to _mast_apid on commands.min_role
grant SELECT to _mast_apid on commands.node_id
grant SELECT to _mast_apid on commands.node_name
grant SELECT to _mast_apid on commands.queue
grant SELECT to _mast_apid on commands.request_id
grant SELECT to _mast_apid on commands.sent_at
grant SELECT to _mast_apid on commands.seq
grant SELECT to _mast_apid on commands.steps
grant SELECT to _mast_apid on commands.type
grant SELECT to _mast_apid on config_version_view
grant SELECT to _mast_apid on event_view
grant SELECT to _mast_apid on events
grant SELECT to _mast_apid on history
grant SELECT to _mast_apid on hours
grant SELECT to _mast_apid on hubs
grant SELECT to _mast_apid on me
grant SELECT to _mast_apid on migrations
grant SELECT to _mast_apid on minutes
grant SELECT to _mast_apid on my_nodes
grant SELECT to _mast_apid on node_secrets.first_used_at
grant SELECT to _mast_apid on node_sessions
grant SELECT to _mast_apid on node_state
grant SELECT to _mast_apid on node_states
grant SELECT to _mast_apid on node_tokens.created_at
grant SELECT to _mast_apid on node_tokens.expires_at
grant SELECT to _mast_apid on node_tokens.node_id
grant SELECT to _mast_apid on node_tokens.used_at
grant SELECT to _mast_apid on node_view
grant SELECT to _mast_apid on proposal_view
grant SELECT to _mast_apid on provider_keys.created_at
grant SELECT to _mast_apid on provider_keys.hint
grant SELECT to _mast_apid on provider_keys.id
grant SELECT to _mast_apid on provider_keys.model_preference
grant SELECT to _mast_apid on provider_keys.provider
grant SELECT to _mast_apid on provider_keys.sealed_for
grant SELECT to _mast_apid on provider_keys.updated_at
grant SELECT to _mast_apid on provider_keys.user_id
grant SELECT to _mast_apid on samples
grant SELECT to _mast_apid on sessions.address
grant SELECT to _mast_apid on sessions.created_at
grant SELECT to _mast_apid on sessions.expires_at
grant SELECT to _mast_apid on sessions.id
grant SELECT to _mast_apid on sessions.user_agent
grant SELECT to _mast_apid on sessions.user_id
grant SELECT to _mast_apid on settings
grant SELECT to _mast_apid on tens
grant SELECT to _mast_apid on token_view
grant SELECT to _mast_apid on tunnel_legs
grant SELECT to _mast_apid on tunnel_view
grant SELECT to _mast_apid on user_view
grant SELECT to _mast_apid on users.all_nodes
grant SELECT to _mast_apid on users.created_at
grant SELECT to _mast_apid on users.display_name
grant SELECT to _mast_apid on users.email
grant SELECT to _mast_apid on users.expires_at
grant SELECT to _mast_apid on users.has_totp
grant SELECT to _mast_apid on users.id
grant SELECT to _mast_apid on users.is_active
grant SELECT to _mast_apid on users.is_temporary
grant SELECT to _mast_apid on users.last_login_at
grant SELECT to _mast_apid on users.role
grant SELECT to _mast_apid on users.totp_last_step
grant SELECT to _mast_apid on users.updated_at
grant SELECT to _mast_apid on users.username
grant SELECT to _mast_apid on users.version
grant SELECT to _mast_apid on versions
grant SELECT to _mast_hubd on audit_seals
grant SELECT to _mast_hubd on certificate_use
grant SELECT to _mast_hubd on certificates
grant SELECT to _mast_hubd on commands
grant SELECT to _mast_hubd on history
grant SELECT to _mast_hubd on migrations
grant SELECT to _mast_hubd on node_tokens
grant SELECT to _mast_hubd on nodes
grant SELECT to _mast_hubd on settings
grant SELECT to _mast_hubd on tunnel_legs
grant SELECT to _mast_hubd on tunnels
grant SELECT to _mast_hubd on versions
grant SELECT, UPDATE to _mast_apid on commands.done_at
grant SELECT, UPDATE to _mast_apid on commands.error
grant SELECT, UPDATE to _mast_apid on commands.error_code
grant SELECT, UPDATE to _mast_apid on commands.state
grant SELECT, UPDATE to _mast_apid on node_tokens.revoked_at
grant SELECT, UPDATE to _mast_apid on sessions.revoked_at
grant SELECT, UPDATE to _mast_hubd on rollup_marks
grant SELECT, UPDATE, USAGE to _mast_ctl on sequence ai_usage_id_seq
grant SELECT, UPDATE, USAGE to _mast_ctl on sequence audit_id_seq
grant SELECT, UPDATE, USAGE to _mast_ctl on sequence change_seq
grant SELECT, UPDATE, USAGE to _mast_ctl on sequence commands_seq_seq
grant SELECT, UPDATE, USAGE to _mast_ctl on sequence config_versions_id_seq
grant SELECT, UPDATE, USAGE to _mast_ctl on sequence epoch_seq
grant SELECT, UPDATE, USAGE to _mast_ctl on sequence event_seq
grant SELECT, UPDATE, USAGE to _mast_ctl on sequence import_changes_n_seq
grant SELECT, UPDATE, USAGE to _mast_ctl on sequence node_secrets_serial_seq
grant UPDATE to _mast_apid on ai_usage.error
grant UPDATE to _mast_apid on ai_usage.input_tokens
grant UPDATE to _mast_apid on ai_usage.model
grant UPDATE to _mast_apid on ai_usage.ok
grant UPDATE to _mast_apid on ai_usage.output_tokens
grant UPDATE to _mast_apid on ai_usage.took_ms
grant UPDATE to _mast_apid on alarms.ack_name
grant UPDATE to _mast_apid on alarms.ack_note
grant UPDATE to _mast_apid on alarms.acknowledged_at
grant UPDATE to _mast_apid on alarms.acknowledged_by
grant UPDATE to _mast_apid on certificate_use.current
grant UPDATE to _mast_apid on certificate_use.kept
grant UPDATE to _mast_apid on certificate_use.previous
grant UPDATE to _mast_apid on certificate_use.switched_at
grant UPDATE to _mast_apid on certificate_use.switched_by
grant UPDATE to _mast_apid on events.ack_name
grant UPDATE to _mast_apid on events.ack_note
grant UPDATE to _mast_apid on events.acknowledged_at
grant UPDATE to _mast_apid on events.acknowledged_by
grant UPDATE to _mast_apid on nodes.description
grant UPDATE to _mast_apid on nodes.expires_at
grant UPDATE to _mast_apid on nodes.metadata
grant UPDATE to _mast_apid on nodes.name
grant UPDATE to _mast_apid on nodes.quarantine_reason
grant UPDATE to _mast_apid on nodes.quarantined_at
grant UPDATE to _mast_apid on nodes.quarantined_by
grant UPDATE to _mast_apid on nodes.updated_at
grant UPDATE to _mast_apid on nodes.version
grant UPDATE to _mast_apid on recovery_codes.used_at
grant UPDATE to _mast_apid on settings.updated_at
grant UPDATE to _mast_apid on settings.updated_by
grant UPDATE to _mast_apid on settings.value
grant UPDATE to _mast_hubd on commands.claim
grant UPDATE to _mast_hubd on commands.done_at
grant UPDATE to _mast_hubd on commands.epoch
grant UPDATE to _mast_hubd on commands.error
grant UPDATE to _mast_hubd on commands.error_code
grant UPDATE to _mast_hubd on commands.hub_id
grant UPDATE to _mast_hubd on commands.remembers
grant UPDATE to _mast_hubd on commands.sent_at
grant UPDATE to _mast_hubd on commands.state
grant UPDATE to _mast_hubd on commands.steps
grant UPDATE to _mast_hubd on config_versions.last_seen_at
grant UPDATE to _mast_hubd on event_marks.seq
grant UPDATE to _mast_hubd on node_secrets.first_used_at
grant UPDATE to _mast_hubd on node_tokens.reuses
grant UPDATE to _mast_hubd on node_tokens.revoked_at
grant UPDATE to _mast_hubd on node_tokens.used_at
grant UPDATE to _mast_hubd on tunnel_legs.attempts
grant UPDATE to _mast_hubd on tunnel_legs.next_try_at
grant UPDATE to _mast_hubd on tunnel_legs.sent
grant UPDATE to _mast_hubd on tunnel_legs.told_turn
grant USAGE to _mast_apid on schema mast
grant USAGE to _mast_ctl on type command_state
grant USAGE to _mast_ctl on type node_status
grant USAGE to _mast_ctl on type role
grant USAGE to _mast_ctl on type severity
grant USAGE to _mast_hubd on schema mast
grant USAGE to _mast_hubd on sequence epoch_seq
grant USAGE to _mast_hubd on sequence event_seq
