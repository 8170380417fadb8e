-- Take the next slot of a source, by the clock of the database; tell the seconds to wait, 0 where
-- it is taken. Who is late takes a slot that was free for less than half a pace as if in time, so
-- that the pace is kept on average. Who may not wait (live) takes one at once, and lets the others
-- wait. A slot beyond any wait that we grant was set by a clock that was ahead.
WITH taken AS (
    INSERT INTO paces AS known (source, free_at)
    VALUES (%(source)s, clock_timestamp() + %(pace)s)
    ON CONFLICT (source) DO UPDATE SET free_at = CASE
        WHEN %(live)s THEN greatest(known.free_at, clock_timestamp() + %(pace)s)
        ELSE %(pace)s + greatest(least(known.free_at, clock_timestamp()), clock_timestamp() - %(pace)s / 2) END
    WHERE %(live)s OR known.free_at <= clock_timestamp()
       OR known.free_at > clock_timestamp() + interval '3 hours'
    RETURNING 0
)
SELECT CASE WHEN EXISTS (SELECT FROM taken) THEN 0 ELSE coalesce((
    SELECT greatest(extract(epoch FROM free_at - clock_timestamp()), 0.001)
    FROM paces WHERE source = %(source)s), 0.01) END::float8
