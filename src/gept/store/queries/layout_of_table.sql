-- How a table is laid out now: its kind as PostgreSQL has it, and whether the role owns it.
SELECT relkind::text AS kind, pg_has_role(relowner, 'USAGE') AS ours
FROM pg_class WHERE oid = to_regclass(%(table)s)
