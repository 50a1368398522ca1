-- Certificates over time, from wherever they are known, and whom we trust. New columns are null for older programs.

CREATE TABLE authorities (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_authorities PRIMARY KEY,
    name text NOT NULL CONSTRAINT uq_authorities_name UNIQUE,
    domain_id bigint
        CONSTRAINT fk_authorities_domain_id_domains REFERENCES domains (id) ON DELETE CASCADE,
    der bytea NOT NULL,
    facts jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN authorities.domain_id IS 'null: trusted for every domain';
COMMENT ON COLUMN authorities.facts IS 'AuthorityFacts: what the certificate says';
CREATE INDEX ix_authorities_domain_id ON authorities (domain_id);

ALTER TABLE certificates ADD COLUMN issuers bytea[];
COMMENT ON COLUMN certificates.issuers IS 'DER of what was last sent or stored behind it';

ALTER TABLE endpoints
    ADD COLUMN source text,
    ADD COLUMN staple jsonb,
    ADD COLUMN sent_not_after timestamptz,
    ADD COLUMN serving_since timestamptz,
    ADD COLUMN renewals_total bigint;
COMMENT ON COLUMN endpoints.source IS 'AddressSource; null: resolved';
COMMENT ON COLUMN endpoints.staple IS 'OcspStaple; null: none';
COMMENT ON COLUMN endpoints.sent_not_after IS 'earliest end of validity among what was sent';
COMMENT ON COLUMN endpoints.serving_since IS 'when it was first seen to serve this certificate';
COMMENT ON COLUMN endpoints.renewals_total IS 'null: none';

-- Not by endpoint's row, which goes with its address: who served what outlives it.
CREATE TABLE served_certificates (
    domain_id bigint
        CONSTRAINT fk_served_certificates_domain_id_domains REFERENCES domains (id) ON DELETE CASCADE,
    address text,
    port integer,
    seen_from timestamptz,
    seen_until timestamptz NOT NULL,
    last_seen_at timestamptz,
    fingerprint text NOT NULL
        CONSTRAINT fk_served_certificates_fingerprint_certificates REFERENCES certificates (fingerprint),
    CONSTRAINT pk_served_certificates PRIMARY KEY (domain_id, address, port, seen_from)
);
COMMENT ON COLUMN served_certificates.seen_until IS 'infinity: still so';
COMMENT ON COLUMN served_certificates.last_seen_at IS 'last look that saw it; null: see endpoints.last_success_at';
CREATE INDEX ix_served_certificates_fingerprint ON served_certificates (fingerprint);
CREATE INDEX ix_served_certificates_seen_until ON served_certificates (seen_until);

CREATE TABLE certificate_changes (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_certificate_changes PRIMARY KEY,
    at timestamptz NOT NULL,
    domain_id bigint NOT NULL
        CONSTRAINT fk_certificate_changes_domain_id_domains REFERENCES domains (id) ON DELETE CASCADE,
    address text NOT NULL,
    port integer NOT NULL,
    change text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    detail text NOT NULL
);
COMMENT ON COLUMN certificate_changes.change IS 'CertificateChange';
COMMENT ON COLUMN certificate_changes.before IS 'fingerprint';
COMMENT ON COLUMN certificate_changes.after IS 'fingerprint';
CREATE INDEX ix_certificate_changes_at ON certificate_changes (at);
CREATE INDEX ix_certificate_changes_domain_id_at ON certificate_changes (domain_id, at);

CREATE TABLE known_certificates (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_known_certificates PRIMARY KEY,
    source text NOT NULL CONSTRAINT ck_known_certificates_source CHECK (source IN ('file', 'upload')),
    host text NOT NULL,
    place text NOT NULL,
    fingerprint text
        CONSTRAINT fk_known_certificates_fingerprint_certificates REFERENCES certificates (fingerprint),
    failure_detail text,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    CONSTRAINT uq_known_certificates_source_host_place UNIQUE (source, host, place)
);
COMMENT ON COLUMN known_certificates.host IS 'of the collector that reads the file; empty for an upload';
COMMENT ON COLUMN known_certificates.place IS 'path of the file; name of the upload';
COMMENT ON COLUMN known_certificates.fingerprint IS 'null: it cannot be read, failure_detail says why';
CREATE INDEX ix_known_certificates_fingerprint ON known_certificates (fingerprint);

ALTER TABLE node_state ADD COLUMN certificate text
    CONSTRAINT fk_node_state_certificate_certificates REFERENCES certificates (fingerprint);
COMMENT ON COLUMN node_state.certificate IS 'fingerprint of what the engine itself showed over TLS';
CREATE INDEX ix_node_state_certificate ON node_state (certificate);

CREATE OR REPLACE VIEW dashboard.endpoints AS
SELECT
    domain.id AS domain_id,
    domain.name AS domain,
    endpoint.port,
    coalesce(domain.server_name, domain.name) AS server_name,
    endpoint.address,
    endpoint.last_attempt_at,
    endpoint.last_success_at,
    endpoint.failure_reason,
    endpoint.failure_detail,
    endpoint.seconds,
    endpoint.verdict,
    endpoint.faults,
    endpoint.fingerprint AS fingerprint_sha256,
    certificate.subject,
    certificate.issuer,
    certificate.not_before,
    certificate.not_after,
    endpoint.chain_not_after,
    endpoint.tls_version,
    endpoint.cipher,
    endpoint.alpn,
    coalesce(endpoint.source, 'resolved') AS source,
    endpoint.staple,
    endpoint.sent_not_after,
    endpoint.serving_since,
    coalesce(endpoint.renewals_total, 0) AS renewals_total
FROM endpoints AS endpoint
JOIN domains AS domain ON domain.id = endpoint.domain_id
LEFT JOIN certificates AS certificate ON certificate.fingerprint = endpoint.fingerprint;
COMMENT ON VIEW dashboard.endpoints IS
    'One row an address of a domain, with the certificate that it last served. staple: the OCSP answer that came with it.';

CREATE VIEW dashboard.served_certificates AS
SELECT
    domain.id AS domain_id,
    domain.name AS domain,
    served.port,
    coalesce(domain.server_name, domain.name) AS server_name,
    served.address,
    served.seen_from,
    nullif(served.seen_until, 'infinity') AS seen_until,
    coalesce(served.last_seen_at, endpoint.last_success_at) AS last_seen_at,
    served.fingerprint AS fingerprint_sha256,
    certificate.subject,
    certificate.issuer,
    certificate.not_before,
    certificate.not_after
FROM served_certificates AS served
JOIN domains AS domain ON domain.id = served.domain_id
JOIN certificates AS certificate ON certificate.fingerprint = served.fingerprint
LEFT JOIN endpoints AS endpoint
    ON endpoint.domain_id = served.domain_id AND endpoint.address = served.address AND endpoint.port = served.port;
COMMENT ON VIEW dashboard.served_certificates IS
    'One row a time in which an address served one certificate. seen_until: null is still so.';

CREATE VIEW dashboard.certificate_changes AS
SELECT
    change.at,
    domain.id AS domain_id,
    domain.name AS domain,
    change.port,
    coalesce(domain.server_name, domain.name) AS server_name,
    change.address,
    change.change,
    change.detail,
    change.before AS former_fingerprint_sha256,
    change.after AS fingerprint_sha256
FROM certificate_changes AS change
JOIN domains AS domain ON domain.id = change.domain_id;
COMMENT ON VIEW dashboard.certificate_changes IS
    'One row a change of what an address serves; several may hold at once.';

CREATE VIEW dashboard.known_certificates AS
SELECT
    known.source,
    known.host,
    known.place,
    known.failure_detail,
    known.first_seen_at,
    known.last_seen_at,
    known.fingerprint AS fingerprint_sha256,
    certificate.subject,
    certificate.issuer,
    certificate.sans,
    certificate.not_before,
    certificate.not_after,
    ARRAY(
        SELECT DISTINCT domain.name || ':' || endpoint.port
        FROM endpoints AS endpoint
        JOIN domains AS domain ON domain.id = endpoint.domain_id
        WHERE endpoint.fingerprint = known.fingerprint
        ORDER BY 1
    ) AS served_by
FROM known_certificates AS known
LEFT JOIN certificates AS certificate ON certificate.fingerprint = known.fingerprint;
COMMENT ON VIEW dashboard.known_certificates IS
    'One row a file or an upload. failure_detail: why no certificate could be read.';
