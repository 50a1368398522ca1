-- The audit trail grows and never changes; its head starts at zero.

CREATE FUNCTION vsa_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

REVOKE EXECUTE ON FUNCTION vsa_refuse_change FROM PUBLIC;

-- For each statement, not row: TRUNCATE has no rows, and a change that hits none is refused as well.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION vsa_refuse_change();

INSERT INTO audit_head (single, last_id, hash) VALUES (true, 0, repeat('0', 64));
