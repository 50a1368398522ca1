-- What programs of revision 0003 write beside.

INSERT INTO credentials (name, kind, version, sealed, facts, created_at, updated_at)
VALUES ('fleet', 'tls', 1, '\x01',
        '{"subject": "CN=collector", "fingerprint": "aa", "not_after": "2027-11-01T00:00:00Z", "public_key": ""}',
        '2026-11-01Z', '2026-11-01Z');
UPDATE vps_nodes SET credential_id = (SELECT id FROM credentials WHERE name = 'fleet'), host_key = 'ssh-ed25519 AAAA'
WHERE name = 'web-1';
