-- A job that is due for an hour waits for a background worker that the server does not have.
SELECT j.hypertable_name::text AS name, replace(j.proc_name, 'policy_', '') AS what,
       coalesce(j.config->>'compress_after', j.config->>'drop_after')::interval AS after,
       nullif(s.last_run_started_at, '-infinity') AS last_at, s.last_run_status AS last_status,
       nullif(j.next_start, '-infinity') AS next_at, coalesce(s.total_failures, 0)::integer AS failures,
       j.scheduled AND j.next_start < clock_timestamp() - interval '1 hour' AS overdue
FROM timescaledb_information.jobs j LEFT JOIN timescaledb_information.job_stats s USING (job_id)
WHERE j.hypertable_schema = current_schema() AND j.proc_name IN ('policy_compression', 'policy_retention')
ORDER BY 1, 2
