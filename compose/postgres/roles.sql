-- The four roles and the database. PostgreSQL's image runs this once, when the data folder is new; run again, it
-- brings roles and passwords to what the environment says:
--     docker compose exec dashboard-db psql --file /docker-entrypoint-initdb.d/roles.sql
-- What each role may do in the database is the migrations' work (registry/migrate.py).
\set ON_ERROR_STOP on
\set QUIET on

-- From the environment: on a command line or in the log of statements anybody could read them.
\getenv owner_password    VSA_OWNER_PASSWORD
\getenv program_password  VSA_PROGRAM_PASSWORD
\getenv grafana_password  VSA_GRAFANA_PASSWORD
\getenv exporter_password VSA_EXPORTER_PASSWORD
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';

-- All or none: a password that is missing ends it here.
BEGIN;
SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['vsa_owner', 'vsa', 'vsa_exporter', 'vsa_grafana']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

-- LOGIN and nothing more, whatever a role of the name was before.
ALTER ROLE vsa_owner    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE vsa          LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'program_password';
ALTER ROLE vsa_grafana  LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'grafana_password';
ALTER ROLE vsa_exporter LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'exporter_password';

-- It shows what is there and changes nothing, whatever it may be granted by mistake.
ALTER ROLE vsa_exporter RESET ALL;
ALTER ROLE vsa_exporter SET default_transaction_read_only = on;

-- Whoever may sign in may send any SQL as this role, through Grafana's own API. Grafana opens five connections at
-- most. A session can lift these limits but that of files, and leave the role other ones: RESET takes those back.
ALTER ROLE vsa_grafana CONNECTION LIMIT 10;
ALTER ROLE vsa_grafana RESET ALL;
ALTER ROLE vsa_grafana SET default_transaction_read_only = on;
ALTER ROLE vsa_grafana SET statement_timeout = '30s';
ALTER ROLE vsa_grafana SET lock_timeout = '5s';
ALTER ROLE vsa_grafana SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE vsa_grafana SET temp_file_limit = '1GB';
ALTER ROLE vsa_grafana SET work_mem = '16MB';
COMMIT;

SELECT 'CREATE DATABASE vsa OWNER vsa_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'vsa')
\gexec

-- Nobody connects who was not let in.
REVOKE ALL ON DATABASE vsa, postgres, template1 FROM PUBLIC;
ALTER ROLE vsa_grafana IN DATABASE vsa RESET ALL;

-- PostgreSQL lets everybody take any advisory lock, so hold up every start of ours, and fill the disk with large
-- objects, read-only or not.
\connect vsa
SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure)
FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^(pg_(try_)?advisory_|lo_(creat|from_bytea))'
\gexec
SELECT format('GRANT EXECUTE ON FUNCTION %s TO vsa_owner, vsa', oid::regprocedure)
FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_'
\gexec
