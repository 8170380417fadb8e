-- Want the ticks of a span as well, but for those of days whose rows are only in an archive.
INSERT INTO collectors AS known (name, step, delay, tables, wanted)
VALUES (%(collector)s, %(step)s, %(delay)s, %(tables)s,
    tstzmultirange(tstzrange(%(since)s, %(until)s)) - coalesce((
        SELECT range_agg(tstzrange(day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'))
        FROM dropped_days WHERE collector = %(collector)s), '{}'))
ON CONFLICT (name, step) DO UPDATE SET wanted = known.wanted + excluded.wanted
WHERE NOT known.wanted @> excluded.wanted
