DROP VIEW dashboard.known_certificates, dashboard.certificate_changes, dashboard.served_certificates, dashboard.endpoints;
CREATE VIEW dashboard.endpoints AS
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
    endpoint.alpn
FROM endpoints AS endpoint
JOIN domains AS domain ON domain.id = endpoint.domain_id
LEFT JOIN certificates AS certificate ON certificate.fingerprint = endpoint.fingerprint;

COMMENT ON VIEW dashboard.endpoints IS
    'One row an address of a domain, with the certificate that it last served.';
ALTER TABLE node_state DROP COLUMN certificate;
DROP TABLE known_certificates;
DROP TABLE certificate_changes;
DROP TABLE served_certificates;
ALTER TABLE endpoints
    DROP COLUMN source,
    DROP COLUMN staple,
    DROP COLUMN sent_not_after,
    DROP COLUMN serving_since,
    DROP COLUMN renewals_total;
ALTER TABLE certificates DROP COLUMN issuers;
DROP TABLE authorities;
