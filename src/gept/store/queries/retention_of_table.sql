SELECT (config->>'drop_after')::interval FROM timescaledb_information.jobs
WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s AND proc_name = 'policy_retention'
