-- What a policy failed of before its last success is over.
SELECT j.hypertable_name::text AS name, replace(j.proc_name, 'policy_', '') AS what, e.finish_time AS at,
       coalesce(e.err_message, e.sqlerrcode, 'no reason given') AS reason
FROM timescaledb_information.job_errors e JOIN timescaledb_information.jobs j USING (job_id)
LEFT JOIN timescaledb_information.job_stats s USING (job_id)
WHERE j.hypertable_schema = current_schema() AND e.start_time > coalesce(s.last_successful_finish, '-infinity')
ORDER BY e.finish_time DESC LIMIT 10
