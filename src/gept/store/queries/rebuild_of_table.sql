-- What a copy of a table still needs to be the same: its key and indexes, its owner, and who may use it.
SELECT statement FROM (
    SELECT 1 AS step, format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', t.name, conname, pg_get_constraintdef(c.oid)) AS statement
    FROM pg_constraint c, (SELECT to_regclass(%(table)s) AS oid, %(table)s AS name) t
    WHERE c.conrelid = t.oid AND c.contype IN ('p', 'u')
    UNION ALL
    SELECT 2, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
    FROM pg_index i WHERE i.indrelid = to_regclass(%(table)s)
      AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    UNION ALL
    SELECT 3, format('GRANT %%s ON %%s TO %%s%%s', privilege_type, %(table)s::text,
                     CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
                     CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass(%(table)s) AND grantee <> relowner
    UNION ALL
    SELECT 4, format('ALTER TABLE %%s OWNER TO %%s', %(table)s::text, relowner::regrole)
    FROM pg_class WHERE oid = to_regclass(%(table)s) AND relowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
) AS steps ORDER BY step
