-- Want every tick from now on, or from a first start on. Where the time between two ticks has
-- changed, the ticks of the old one end where those of the new one begin.
WITH old AS (
    UPDATE collectors SET wanted = wanted * tstzmultirange(tstzrange(NULL, %(now)s))
    WHERE name = %(collector)s AND step <> %(step)s AND upper_inf(wanted)
    RETURNING 1
)
INSERT INTO collectors AS known (name, step, wanted)
SELECT %(collector)s, %(step)s, tstzmultirange(tstzrange(
    CASE WHEN EXISTS (SELECT FROM old) THEN greatest(%(since)s, %(now)s) ELSE %(since)s END::timestamptz, NULL))
ON CONFLICT (name, step) DO UPDATE SET wanted = known.wanted + excluded.wanted
WHERE NOT upper_inf(known.wanted) OR lower(known.wanted) > %(now)s
