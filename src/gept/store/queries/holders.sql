-- Which sessions hold the leads of collectors, of which process, and when that one last said that it lives.
SELECT collector, substr(application_name, 11)::uuid AS process, session.pid AS session, beat_at
FROM unnest(%(collectors)s::text[]) AS collector
JOIN pg_locks AS held ON locktype = 'advisory' AND granted AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = (hashtext('gept lead')::bigint & 4294967295)::oid
    AND objid = (hashtext(collector)::bigint & 4294967295)::oid
JOIN pg_stat_activity AS session ON session.pid = held.pid
LEFT JOIN processes ON 'gept lead ' || processes.id = application_name
WHERE application_name ~ '^gept lead [0-9a-f-]{36}$'
