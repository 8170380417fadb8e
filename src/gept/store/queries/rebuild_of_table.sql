-- What a copy of a table still needs to be the same: its keys and indexes, who may use it, what is said of it, and its owner.
SELECT statement FROM (
    SELECT 1 AS step, format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', %(copy)s::text, conname, pg_get_constraintdef(c.oid)) AS statement
    FROM pg_constraint c WHERE c.conrelid = to_regclass(%(table)s) AND c.contype IN ('p', 'u', 'f')
    UNION ALL
    SELECT 2, replace(replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON '),
                      format(' ON %%I.%%I ', n.nspname, t.relname), format(' ON %%s ', %(copy)s::text))
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE i.indrelid = to_regclass(%(table)s)
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    UNION ALL
    SELECT 3, format('GRANT %%s%%s ON %%s TO %%s%%s', privilege_type, ' (' || quote_ident(of_column) || ')', %(copy)s::text,
                     CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
                     CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM (SELECT NULL AS of_column, relowner, (aclexplode(relacl)).* FROM pg_class WHERE oid = to_regclass(%(table)s)
          UNION ALL
          SELECT attname, relowner, (aclexplode(attacl)).* FROM pg_attribute JOIN pg_class t ON t.oid = attrelid
          WHERE attrelid = to_regclass(%(table)s)) AS rights
    WHERE grantee <> relowner
    UNION ALL
    SELECT 4, format('COMMENT ON TABLE %%s IS %%L', %(copy)s::text, obj_description(to_regclass(%(table)s), 'pg_class'))
    UNION ALL
    SELECT 5, format('ALTER TABLE %%s OWNER TO %%s', %(copy)s::text, relowner::regrole)
    FROM pg_class WHERE oid = to_regclass(%(table)s) AND relowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
) AS steps ORDER BY step
