SELECT hypertable_name::text, (config->>'drop_after')::interval FROM timescaledb_information.jobs
WHERE hypertable_schema = current_schema() AND proc_name = 'policy_retention'
