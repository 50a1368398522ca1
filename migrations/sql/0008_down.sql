DROP VIEW dashboard.known_certificates, dashboard.certificate_changes;
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
