-- The database was restored, and Kafka was not: what was published after the restored moment stands there still, and
-- the database knows nothing of it. This has all services go on together: each shard's numbers go on far beyond what
-- it can have given, and the numbers in between are void, so that no service takes what has one.
--
-- An administrator runs it in the database `backorder`, while no service runs, after the migrations. Plain SQL only.
-- It is one statement: all of it is done, or nothing.

DO $$
DECLARE
    jump CONSTANT bigint := 1000000000000;
    services text[]; -- the schemas of those that have run here
    service text;
    reader text;
    topic text;
    found bigint;
    told text;
BEGIN
    SELECT array_agg(nspname ORDER BY nspname) INTO services FROM pg_namespace
    WHERE to_regclass(format('%I.shard', nspname)) IS NOT NULL
      AND to_regclass(format('%I.shard_input', nspname)) IS NOT NULL;
    IF services IS NULL THEN
        RAISE EXCEPTION 'no service has tables in the database %', current_database();
    END IF;

    -- A service that runs would read meanwhile what is to be void. One that has just ended has sessions for a moment.
    FOR attempt IN 1..30 LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT string_agg(DISTINCT usename, ', ') INTO told FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'backorder' AND pid <> pg_backend_pid();
        EXIT WHEN told IS NULL;
        PERFORM pg_sleep(0.1);
    END LOOP;
    IF told IS NOT NULL THEN
        RAISE EXCEPTION 'services still run: %. Stop all of them first. Nothing was done', told;
    END IF;

    FOREACH service IN ARRAY services LOOP
        IF to_regclass(format('%I.void_number', service)) IS NULL THEN
            RAISE EXCEPTION 'the schema % is older than this version: run `python -m % migrate` first. Nothing was done',
                service, service;
        END IF;
        -- A shard that nobody had owned at the restored moment may have been owned, and have published, after that.
        EXECUTE format(
            'INSERT INTO %I.shard (shard) SELECT generate_series(0, max(partitions) - 1) FROM %I.topic_pin '
            'WHERE topic IN (SELECT topic FROM %I.shard_input) ON CONFLICT DO NOTHING',
            service, service, service);
    END LOOP;

    -- Whoever has taken what is to be void cannot give it back. Topics with one publisher show it.
    FOR topic, service IN
        VALUES ('back-order-need', 'priority_router'), ('back-order-queue', 'gap_detector'), ('supply', 'inventory_sync')
    LOOP
        CONTINUE WHEN NOT service = ANY (services);
        FOREACH reader IN ARRAY services LOOP
            EXECUTE format(
                'SELECT count(*) FROM %I.shard_input AS input JOIN %I.shard AS publisher USING (shard) '
                'WHERE input.topic = $1 AND input.last_sequence >= publisher.next_sequence', reader, service)
                INTO found USING topic;
            IF found > 0 THEN
                RAISE EXCEPTION '% has run since the restore, and has read on % what % no longer knows of. Restore '
                    'again, and do this before any service starts. Nothing was done', reader, topic, service;
            END IF;
        END LOOP;
    END LOOP;

    FOREACH service IN ARRAY services LOOP
        FOREACH reader IN ARRAY services LOOP
            EXECUTE format(
                'INSERT INTO %I.void_number (source, first, last) '
                'SELECT $1 || shard, next_sequence, next_sequence + $2 - 1 FROM %I.shard', reader, service)
                USING format('/backorder/%s/', replace(service, '_', '-')), jump;
        END LOOP;
        EXECUTE format(
            'SELECT string_agg(format(''%%s at %%s'', shard, next_sequence), '', '' ORDER BY shard) FROM %I.shard',
            service) INTO told;
        RAISE NOTICE '%: void are % numbers of each shard, which stood: %', service, jump, coalesce(told, 'none yet');
        -- Whoever owned a shard commits nothing more.
        EXECUTE format(
            'UPDATE %I.shard SET next_sequence = next_sequence + $1, epoch = epoch + 1, owner = NULL', service)
            USING jump;
    END LOOP;
END
$$;
