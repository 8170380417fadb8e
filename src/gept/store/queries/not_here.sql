-- Want the days no longer of which the rows were dropped.
UPDATE collectors SET wanted = wanted - coalesce((
    SELECT range_agg(tstzrange(day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'))
    FROM dropped_days WHERE collector = %(collector)s), '{}')
WHERE name = %(collector)s
