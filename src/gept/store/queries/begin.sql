-- Want every tick from now on, or from a first start on. Where the time between two ticks has
-- changed, the ticks of the old one end where those of the new one begin.
WITH old AS (
    UPDATE collectors SET wanted = wanted * tstzmultirange(tstzrange(NULL, %(now)s))
    WHERE name = %(collector)s AND step <> %(step)s AND upper_inf(wanted)
    RETURNING 1
)
INSERT INTO collectors AS known (name, step, delay, tables, wanted)
SELECT %(collector)s, %(step)s, %(delay)s, %(tables)s, tstzmultirange(tstzrange(
    CASE WHEN EXISTS (SELECT FROM old) THEN greatest(%(since)s, %(now)s) ELSE %(since)s END::timestamptz, NULL))
ON CONFLICT (name, step) DO UPDATE SET
    delay = excluded.delay,
    tables = excluded.tables,
    wanted = CASE WHEN upper_inf(known.wanted) AND lower(known.wanted) <= %(now)s THEN known.wanted
             ELSE known.wanted + excluded.wanted END
