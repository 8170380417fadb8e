-- What keeps a table from giving its place to another: what holds on to it and cannot be made anew by itself.
SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0) AS what
FROM pg_class AS c JOIN pg_type AS t ON t.oid = c.reltype
JOIN pg_depend AS d ON d.deptype = 'n' AND (d.refclassid, d.refobjid) IN (('pg_class'::regclass, c.oid),
    ('pg_type'::regclass, t.oid), ('pg_type'::regclass, t.typarray))
LEFT JOIN pg_rewrite AS seen ON d.classid = 'pg_rewrite'::regclass AND seen.oid = d.objid
LEFT JOIN pg_class AS reader ON reader.oid = seen.ev_class
WHERE c.oid = to_regclass(%(table)s) AND reader.relkind IS DISTINCT FROM 'v'
UNION
SELECT format('policy %%s', polname) FROM pg_policy WHERE polrelid = to_regclass(%(table)s)
UNION
SELECT format('publication %%s', pubname) FROM pg_publication_rel JOIN pg_publication AS p ON p.oid = prpubid
WHERE prrelid = to_regclass(%(table)s)
ORDER BY what
