-- What engines on other machines want to see of us, encrypted, and how those prove themselves.

CREATE TABLE credentials (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_credentials PRIMARY KEY,
    name text NOT NULL CONSTRAINT uq_credentials_name UNIQUE,
    kind text NOT NULL CONSTRAINT ck_credentials_kind CHECK (kind IN ('tls', 'ssh')),
    version bigint NOT NULL,
    sealed bytea NOT NULL,
    facts jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON COLUMN credentials.version IS 'rises when the secret changes';
COMMENT ON COLUMN credentials.sealed IS 'registry.vault: the secret, encrypted';
COMMENT ON COLUMN credentials.facts IS 'CredentialFacts: what is no secret of it';

ALTER TABLE vps_nodes
    ADD COLUMN credential_id bigint
        CONSTRAINT fk_vps_nodes_credential_id_credentials REFERENCES credentials (id),
    ADD COLUMN host_key text;
COMMENT ON COLUMN vps_nodes.host_key IS 'the key that an ssh:// node must show, as OpenSSH writes it';
ALTER TABLE node_state ADD COLUMN shown_host_key text;
COMMENT ON COLUMN node_state.shown_host_key IS 'the key that an ssh:// node showed instead of host_key';
CREATE INDEX ix_vps_nodes_credential_id ON vps_nodes (credential_id);
