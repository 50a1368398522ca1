-- A row or more in every table, as programs of revision 0001 write them.

INSERT INTO vps_nodes (name, docker_url, labels, enabled, interval_seconds, timeout_seconds, created_at, updated_at)
VALUES ('web-1', 'unix:///run/docker.sock', '{"site": "a"}', true, 15, null, '2026-11-01Z', '2026-11-02Z'),
       ('web-2', 'https://web-2:2376', '{}', false, null, 5, '2026-11-01Z', '2026-11-01Z');

INSERT INTO domains (name, port, starttls, server_name, node_id, container, container_port, labels, enabled,
                     interval_seconds, timeout_seconds, created_at, updated_at)
VALUES ('example.com', 443, 'none', null, (SELECT id FROM vps_nodes WHERE name = 'web-1'), 'nginx', 8443,
        '{"team": "b"}', true, 3600, 10, '2026-11-01Z', '2026-11-01Z');

INSERT INTO schedule (node_id, next_due_at, lease_until, lease_token)
SELECT id, '2026-11-03Z', '2026-11-03 00:00:15Z', gen_random_uuid() FROM vps_nodes;
INSERT INTO schedule (domain_id, next_due_at) SELECT id, '2026-11-03Z' FROM domains;

INSERT INTO collectors VALUES ('host:1', '0.1.0', '2026-11-01Z', '2026-11-02Z', 10, 1, 0, 1.5, 50000000);

INSERT INTO node_state (node_id, version, last_attempt_at, last_success_at, consecutive_failures, scrapes_total,
                        failures_total, engine, cost, event_time_nano, event_keys)
SELECT id, 7, '2026-11-02Z', '2026-11-02Z', 0, 10, 1,
       '{"engine_id": "e", "hostname": "web-1", "version": "29.0.1", "api_version": "1.52", "operating_system":
         "Debian 12", "architecture": "x86_64", "kernel_version": "6.1", "storage_driver": "overlay2",
         "cgroup_version": "2", "cpus": 2, "memory_bytes": 4000000000, "warnings": []}',
       '{"requests": 3, "received_bytes": 9000, "phase_seconds": {"list": 0.01}}',
       1793577600000000000, '{a,b}'
FROM vps_nodes WHERE name = 'web-1';

INSERT INTO container_snapshots
SELECT node_id, repeat('a', 64), 'nginx', 'nginx:1', 'sha256:1', state, 'none', exit_code, false, '', 0, 'always',
       '2026-11-01Z', '2026-11-01Z', null, '{"a": "b"}',
       '[{"private_port": 80, "protocol": "tcp", "public_port": 8080, "address": "0.0.0.0"}]',
       '[{"kind": "volume", "source": "/v", "destination": "/data", "writable": true, "name": "v"}]', '["bridge"]',
       '{"memory_bytes": 0, "memory_reservation_bytes": 0, "memory_swap_bytes": 0, "cpu_shares": 0, "cpu_quota": 0,
         "cpu_period": 0, "nano_cpus": 0}', seen_from, seen_until
FROM node_state, (VALUES ('exited', 1, timestamptz '2026-11-01Z', statement_timestamp()),
                         ('running', null, statement_timestamp(), 'infinity')) AS s (state, exit_code, seen_from, seen_until);

INSERT INTO events (recorded_at, node_id, time, time_nano, kind, action, container_id, name, image, exit_code)
SELECT statement_timestamp(), node_id, '2026-11-02Z', 1793577600000000000, 'container', 'die', repeat('a', 64),
       'nginx', 'nginx:1', 1
FROM node_state;
INSERT INTO event_counters SELECT node_id, 'nginx', 'die', 1 FROM node_state;
INSERT INTO node_gaps SELECT node_id, 'state', '2026-11-01Z', '2026-11-02Z', 'timeout' FROM node_state;
INSERT INTO node_samples SELECT node_id, '2026-11-02Z', '\x90' FROM node_state;
INSERT INTO node_state (node_id, version, consecutive_failures, scrapes_total, failures_total)
SELECT id, 0, 0, 0, 0 FROM vps_nodes WHERE name = 'web-2';

INSERT INTO domain_state
SELECT id, '2026-11-02Z', '2026-11-02Z', 'refused', 'one address', 0, 5, 1 FROM domains;
INSERT INTO certificates
VALUES (repeat('c', 64), '\x3000', 'CN=example.com', 'CN=CA', '01', '{example.com}', '2026-10-01Z', '2026-12-30Z',
        'EC', 256, 'ecdsa-with-SHA256', '', '2026-11-01Z', '2026-11-02Z');
INSERT INTO endpoints
SELECT id, '192.0.2.1', 443, '2026-11-01Z', '2026-11-02Z', '2026-11-02Z', null, null, 0.02, repeat('c', 64),
       '{"\\x3000"}', 'ok', '[]', 'TLSv1.3', 'TLS_AES_256_GCM_SHA384', null, '2026-12-30Z'
FROM domains;

INSERT INTO tokens (name, role, hash, created_at, last_used_at, revoked_at)
VALUES ('first', 'admin', '\x01', '2026-11-01Z', '2026-11-02Z', null),
       ('gone', 'read', '\x02', '2026-11-01Z', null, '2026-11-02Z');

INSERT INTO audit_logs
VALUES (1, '2026-11-01Z', 'first', 'node.create', 'node/web-1', null, '{"enabled": true, "name": "web-1"}', 'r-1',
        '192.0.2.9', 'ok',
        '{"action":"node.create","actor":"first","address":"192.0.2.9","after":{"enabled":true,"name":"web-1"},"before":null,"id":1,"request_id":"r-1","result":"ok","target":"node/web-1","timestamp":"2026-11-01T00:00:00.000000Z"}',
        'e742aab913b0e32443f5f9bd751fa3f9f93a0a8ee508ce6d6a748ee5e78b89c9');
UPDATE audit_head SET last_id = 1, hash = 'e742aab913b0e32443f5f9bd751fa3f9f93a0a8ee508ce6d6a748ee5e78b89c9';
