-- What an installation of the first schema (files 0001 to 0003) holds: at
-- least a row of everything that must live through every upgrade.
INSERT INTO mast.users (id, username, password_hash, display_name, role)
SELECT ('00000000-0000-4000-8000-0000000000' || lpad(i::text, 2, '0'))::uuid,
    'user' || i, '$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA',
    'Person ' || i, CASE WHEN i = 1 THEN 'super_admin' ELSE 'operator'
    END::mast.role
FROM generate_series(1, 5) i;
INSERT INTO mast.nodes (id, name, device_type, description)
SELECT ('10000000-0000-4000-8000-0000000000' || lpad(i::text, 2, '0'))::uuid,
    'node ' || i, CASE WHEN i % 3 = 0 THEN 'relay' ELSE 'edge' END, 'old'
FROM generate_series(1, 20) i;
INSERT INTO mast.node_secrets (node_id, secret_hash)
SELECT id, sha256(id::text::bytea) FROM mast.nodes;
INSERT INTO mast.node_tokens (token_hash, node_id, expires_at)
SELECT sha256(('t' || id::text)::bytea), id, '2030-01-01Z' FROM mast.nodes
WHERE name < 'node 15';
INSERT INTO mast.user_nodes (user_id, node_id)
SELECT u.id, n.id FROM mast.users u, mast.nodes n WHERE u.username = 'user3'
AND n.name < 'node 13';
INSERT INTO mast.recovery_codes (user_id, code_hash)
SELECT id, sha256(username::bytea) FROM mast.users;
INSERT INTO mast.api_tokens (id, token_hash, user_id, name, max_role,
    expires_at)
SELECT gen_random_uuid(), sha256(('a' || username)::bytea), id, 'script',
    'viewer',
    '2030-01-01Z' FROM mast.users WHERE role = 'operator';
INSERT INTO mast.commands (id, node_id, node_name, type, action, expires_at)
SELECT gen_random_uuid(), id, name, 'get_config', '\x00112233',
    '2030-01-01Z' FROM mast.nodes;
SELECT mast.ensure_partitions(3);
INSERT INTO mast.events (created_at, node_id, node_name, severity, category,
    message)
SELECT now() - i * interval '1 minute', n.id, n.name, 'warning', 'old',
    'event ' || i
FROM mast.nodes n, generate_series(1, 50) i;
INSERT INTO mast.audit (actor_kind, action, details)
SELECT 'system', 'old.action', jsonb_build_object('n', i)
FROM generate_series(1, 100) i;
UPDATE mast.settings SET value = max WHERE key = (SELECT key
    FROM mast.settings ORDER BY key LIMIT 1);
INSERT INTO mast.provider_keys (id, user_id, provider, sealed, sealed_for, hint)
SELECT gen_random_uuid(), id, 'openai', decode(repeat('ab', 96), 'hex'),
    sha256('aid'), 'abcd' FROM mast.users WHERE username = 'user1';
INSERT INTO mast.config_blobs (hash, sealed, size)
VALUES (sha256('blob'), '\x0102', 2);
INSERT INTO mast.config_versions (node_id, hash, source)
SELECT id, sha256('blob'), 'reported' FROM mast.nodes WHERE name < 'node 15';
INSERT INTO mast.tunnels (id, name, protocol, mode, ingress_node_id,
    ingress_listen_port, egress_node_id, egress_forward_addr, secrets)
SELECT gen_random_uuid(), 'tunnel ' || i, 'udp', 'relay',
    '10000000-0000-4000-8000-000000000001', 5000 + i,
    '10000000-0000-4000-8000-000000000002', '127.0.0.1:' || 6000 + i, '\x07'
FROM generate_series(1, 3) i;
INSERT INTO mast.preferences (user_id, key, value)
SELECT id, 'theme', '"dark"' FROM mast.users;
INSERT INTO mast.positions (user_id, view, node_id, x, y)
SELECT u.id, 'graph', n.id, 1.5, -2 FROM mast.users u, mast.nodes n
WHERE u.username = 'user1';
