-- What any role may know of its server and of itself.
SELECT current_setting('server_version_num')::integer AS version,
       clock_timestamp() AS clock,
       current_user::text AS role,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       has_schema_privilege(current_schema(), 'CREATE') AS makes_tables,
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL OR backend_type = 'client backend')::integer AS connections,
       (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_directory,
       ARRAY(SELECT c.relname::text FROM pg_class AS c
             WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND c.relname <> 'schema_migrations' AND NOT EXISTS (
                   SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
               AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
             ORDER BY 1) AS not_written,
       (SELECT coalesce(json_object_agg(name, current_setting(name)), '{}')
        FROM pg_settings WHERE name = ANY (%(names)s)) AS settings
