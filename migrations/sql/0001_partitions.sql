-- Open snapshots have a partition of their own; days (UTC) are made ahead and dropped whole.

CREATE TABLE container_snapshots_open PARTITION OF container_snapshots
    FOR VALUES FROM ('infinity') TO (MAXVALUE);

-- SECURITY DEFINER: the programs' role may make and drop days, but owns no table. lock_timeout: rather
-- no day made this hour than every scrape waiting behind us.
-- ATTACH takes a weaker lock on the parent than CREATE TABLE … PARTITION OF. Not INCLUDING ALL: the
-- identity would be copied too, which a partition may not have from PostgreSQL 17 on; indexes and
-- foreign keys come with ATTACH.
CREATE FUNCTION vsa_create_partitions(first_day date, days integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s'
AS $$
DECLARE
    parent text;
    day date;
    child text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('vsa partitions'));
    FOREACH parent IN ARRAY ARRAY['container_snapshots', 'events'] LOOP
        FOR day IN SELECT first_day + n FROM generate_series(0, days - 1) AS n LOOP
            child := parent || '_' || to_char(day, 'YYYYMMDD');
            CONTINUE WHEN to_regclass('public.' || child) IS NOT NULL;
            EXECUTE format(
                'CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                child, parent);
            EXECUTE format(
                'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                parent, child, day::timestamptz, (day + 1)::timestamptz);
        END LOOP;
    END LOOP;
END $$;

CREATE FUNCTION vsa_drop_partitions(before_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s'
AS $$
DECLARE
    child regclass;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('vsa partitions'));
    FOR child IN
        SELECT oid::regclass FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent IN ('public.container_snapshots'::regclass, 'public.events'::regclass)
        -- null, so not chosen, for the partition of open snapshots
        AND to_date(substring(relname FROM '_([0-9]{8})$'), 'YYYYMMDD') < before_day
    LOOP
        EXECUTE format('DROP TABLE %s', child);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

REVOKE EXECUTE ON FUNCTION vsa_create_partitions, vsa_drop_partitions FROM PUBLIC;
