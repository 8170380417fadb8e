REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {writer}, {reader}

GRANT USAGE ON SCHEMA {schema} TO {owner}, {writer}, {reader}

GRANT CREATE ON SCHEMA {schema} TO {owner}

REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC, {writer}, {reader}

GRANT CONNECT ON DATABASE {database} TO {owner}, {writer}, {reader}

GRANT TEMPORARY ON DATABASE {database} TO {writer}

GRANT CREATE, TEMPORARY ON DATABASE {database} TO {owner}

ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {writer}

ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO {writer}

ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {reader}

CREATE OR REPLACE FUNCTION {schema}.make_partition(name text, low timestamptz, high timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    part text := format('%s_%s', name, to_char(low AT TIME ZONE 'UTC', 'YYYYMMDD'));
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(quote_ident(name)) AND relkind = 'p' AND pg_get_userbyid(relowner) = current_user)
       OR high - low NOT BETWEEN interval '1 hour' AND interval '400 days' THEN
        RAISE insufficient_privilege USING MESSAGE = format('no partition of %s from %s to %s may be made', name, low, high);
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, name);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, part, low, high);
END $$

CREATE OR REPLACE FUNCTION {schema}.open_chunk(chunk regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    EXECUTE format('SELECT %s.decompress_chunk($1, if_compressed => TRUE)',
        (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'timescaledb')) USING chunk;
END $$

ALTER FUNCTION {schema}.make_partition OWNER TO {owner}

ALTER FUNCTION {schema}.open_chunk OWNER TO {owner}

REVOKE ALL ON FUNCTION {schema}.make_partition, {schema}.open_chunk FROM PUBLIC, {reader}

GRANT EXECUTE ON FUNCTION {schema}.make_partition, {schema}.open_chunk TO {writer}
