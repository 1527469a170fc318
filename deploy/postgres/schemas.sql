-- One database, four services, no way across: every service has its own role, which owns its own schema of the
-- same name and sees nothing else. The auditor owns nothing and may read the two ledgers. Run once, in the database
-- `backorder`, by a superuser.
--
-- The roles cannot log in yet: passwords are given by whoever runs the database (docker-compose: passwords.sh;
-- Kubernetes: the managed roles of the CloudNativePG cluster). Plain SQL only, no psql commands.

REVOKE ALL ON DATABASE backorder FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['gap_detector', 'inventory_sync', 'priority_router', 'notifier'] LOOP
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT', service);
        EXECUTE format('CREATE SCHEMA %I AUTHORIZATION %I', service, service);
        EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE backorder TO %I', service);
        EXECUTE format('ALTER ROLE %I IN DATABASE backorder SET search_path = %I', service, service);
        -- A batch holds its shard row until it commits, so a session that hangs in one must end. A migration that
        -- needs longer sets its own limits.
        EXECUTE format('ALTER ROLE %I IN DATABASE backorder SET statement_timeout = %L', service, '30s');
        EXECUTE format('ALTER ROLE %I IN DATABASE backorder SET lock_timeout = %L', service, '10s');
        EXECUTE format('ALTER ROLE %I IN DATABASE backorder SET idle_in_transaction_session_timeout = %L',
                       service, '60s');
    END LOOP;
END
$$;

DO $$
DECLARE
    ledger text;
BEGIN
    CREATE ROLE auditor NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT;
    GRANT CONNECT ON DATABASE backorder TO auditor;
    ALTER ROLE auditor IN DATABASE backorder SET default_transaction_read_only = 'on';
    -- An audit is one long read: the first rows come after a sort of everything.
    ALTER ROLE auditor IN DATABASE backorder SET statement_timeout = '10min';
    ALTER ROLE auditor IN DATABASE backorder SET lock_timeout = '10s';
    ALTER ROLE auditor IN DATABASE backorder SET idle_in_transaction_session_timeout = '5min';
    FOREACH ledger IN ARRAY ARRAY['gap_detector', 'priority_router'] LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO auditor', ledger);
        -- The tables come with the migrations of their owner.
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO auditor',
                       ledger, ledger);
    END LOOP;
END
$$;
