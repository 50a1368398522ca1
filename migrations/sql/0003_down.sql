ALTER TABLE node_state DROP COLUMN shown_host_key;
ALTER TABLE vps_nodes DROP COLUMN credential_id, DROP COLUMN host_key;
DROP TABLE credentials;
