-- End the session of a lead, unless another session has its number by now.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = %(session)s AND application_name = 'gept lead ' || %(process)s
