-- The policies of a hypertable that run as a role without the rights of its owner, so that each run fails.
SELECT replace(j.proc_name, 'policy_', '') AS kind,
       coalesce(j.config->>'compress_after', j.config->>'drop_after')::interval AS after
FROM timescaledb_information.jobs j JOIN pg_class c
  ON c.oid = to_regclass(format('%%I.%%I', j.hypertable_schema, j.hypertable_name))
WHERE j.hypertable_schema = current_schema() AND j.hypertable_name = %(table)s
  AND j.proc_name IN ('policy_compression', 'policy_retention')
  AND NOT pg_has_role(j.owner, c.relowner, 'USAGE')
ORDER BY 1
