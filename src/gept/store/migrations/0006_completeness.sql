-- What is complete and what is missing, told by a roll-up of the ledger for each day, so that five
-- years of ticks need not be read to find the few that are not there.

CREATE INDEX ledger_bad ON ledger (collector, tick) WHERE status NOT IN ('done', 'empty');

ALTER TABLE collectors ADD COLUMN delay interval NOT NULL DEFAULT '0';
ALTER TABLE collectors ADD COLUMN tables text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN collectors.delay IS 'How long after a tick its answer can first be had.';
COMMENT ON COLUMN collectors.tables IS 'The tables that its rows go to.';
UPDATE collectors SET
    delay = CASE name WHEN '5m' THEN interval '5 minutes 15 seconds' WHEN 'hourly' THEN interval '1 hour 15 seconds'
            ELSE interval '3 seconds' END,
    tables = CASE name WHEN '5m' THEN '{price_data_5min}' WHEN 'hourly' THEN '{prices_1h}'
             WHEN 'latest' THEN '{prices_latest_1m,prices_current}' WHEN 'players' THEN '{player_counts}'
             WHEN 'news' THEN '{osrs_news}' WHEN 'items' THEN '{items}' ELSE '{}' END::text[];

-- The largest step of which each of some moments is a multiple, in microseconds since 1970.
CREATE AGGREGATE common_grid(bigint) (SFUNC = gcd, STYPE = bigint, INITCOND = '0');

-- Numbers by the hour of a day.
CREATE FUNCTION add_to_hour(hours integer[], hour integer, number integer) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    hours[hour + 1] := hours[hour + 1] + number;
    RETURN hours;
END $$;
CREATE AGGREGATE by_hour(integer, integer) (
    SFUNC = add_to_hour, STYPE = integer[], INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}');

CREATE TABLE ledger_days (
    collector  text      NOT NULL,
    day        date      NOT NULL,
    done       integer   NOT NULL,
    empty      integer   NOT NULL,
    other      integer   NOT NULL,
    hours      integer[] NOT NULL,
    grid       bigint    NOT NULL,
    PRIMARY KEY (collector, day)
) WITH (fillfactor = 70);
COMMENT ON TABLE ledger_days IS 'How many ticks of each UTC day the ledger has, by how they stand; kept by a trigger.';
COMMENT ON COLUMN ledger_days.other IS 'Neither done nor empty.';
COMMENT ON COLUMN ledger_days.hours IS 'How many ticks of each of its 24 hours the ledger has, however they stand.';
COMMENT ON COLUMN ledger_days.grid IS
    'Every tick of the day is a whole multiple of so many microseconds since 1970: whether the counts are of one step only.';

-- Days are touched in order, so that two writers wait for one another and never in a circle. What
-- changes no count writes nothing: most updates read a tick again that was good already.
CREATE FUNCTION ledger_keep_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($keep$
        INSERT INTO ledger_days AS known (collector, day, done, empty, other, hours, grid)
        SELECT collector, day, sum(done), sum(empty), sum(other),
            by_hour(hour, (done + empty + other)::integer), common_grid(grid)
        FROM (
            SELECT collector, (tick AT TIME ZONE 'UTC')::date AS day, extract(hour FROM tick AT TIME ZONE 'UTC')::integer AS hour,
                coalesce(sum(sign) FILTER (WHERE status = 'done'), 0) AS done,
                coalesce(sum(sign) FILTER (WHERE status = 'empty'), 0) AS empty,
                coalesce(sum(sign) FILTER (WHERE status NOT IN ('done', 'empty')), 0) AS other,
                common_grid((extract(epoch FROM tick) * 1000000)::bigint) AS grid
            FROM (%s) AS changed
            GROUP BY collector, day, hour
        ) AS hours
        WHERE done <> 0 OR empty <> 0 OR other <> 0
        GROUP BY collector, day
        ORDER BY collector, day
        ON CONFLICT (collector, day) DO UPDATE SET
            done = known.done + excluded.done,
            empty = known.empty + excluded.empty,
            other = known.other + excluded.other,
            hours = ARRAY(SELECT stored + fresh FROM unnest(known.hours, excluded.hours) AS pair (stored, fresh)),
            grid = gcd(known.grid, excluded.grid)
        $keep$, TG_ARGV[0]);
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_keep_days_inserted AFTER INSERT ON ledger REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep_days('SELECT *, 1 AS sign FROM came');
CREATE TRIGGER ledger_keep_days_updated AFTER UPDATE ON ledger REFERENCING OLD TABLE AS went NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep_days(
        'SELECT *, 1 AS sign FROM came UNION ALL SELECT *, -1 FROM went');
CREATE TRIGGER ledger_keep_days_deleted AFTER DELETE ON ledger REFERENCING OLD TABLE AS went
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep_days('SELECT *, -1 AS sign FROM went');

CREATE FUNCTION ledger_keep_no_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE ledger_days;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_keep_no_days AFTER TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep_no_days();

INSERT INTO ledger_days (collector, day, done, empty, other, hours, grid)
SELECT collector, day, sum(done), sum(empty), sum(known - done - empty), by_hour(hour, known::integer), common_grid(grid)
FROM (
    SELECT collector, (tick AT TIME ZONE 'UTC')::date AS day, extract(hour FROM tick AT TIME ZONE 'UTC')::integer AS hour,
        count(*) FILTER (WHERE status = 'done') AS done, count(*) FILTER (WHERE status = 'empty') AS empty,
        count(*) AS known, common_grid((extract(epoch FROM tick) * 1000000)::bigint) AS grid
    FROM ledger GROUP BY collector, day, hour) AS hours
GROUP BY collector, day;

CREATE FUNCTION tick_from(moment timestamptz, step interval) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_timestamp(ceil(extract(epoch FROM moment) / extract(epoch FROM step)) * extract(epoch FROM step))
$$;
COMMENT ON FUNCTION tick_from IS 'The first tick at or after a moment.';

CREATE FUNCTION on_step(tick timestamptz, step interval) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (extract(epoch FROM tick) * 1000000)::bigint % (extract(epoch FROM step) * 1000000)::bigint = 0
$$;
COMMENT ON FUNCTION on_step IS 'Whether a moment is a tick of a step.';

-- The pieces into which days and steps cut what is wanted. A step is a plain number of seconds in
-- them: a step of "1 day" would be 23 hours long in some time zones.
CREATE FUNCTION wanted_days(name text, begins timestamptz, ends timestamptz)
RETURNS TABLE (day date, step interval, first timestamptz, beyond timestamptz, wanted bigint,
               done integer, empty integer, other integer, hours integer[], counted boolean)
LANGUAGE sql STABLE AS $$
    WITH spans AS (
        SELECT make_interval(secs => extract(epoch FROM c.step)::float8) AS step,
            unnest(c.wanted * tstzmultirange(tstzrange(begins, least(ends, '2200-01-01Z')))) AS span
        FROM collectors AS c WHERE c.name = wanted_days.name
    ), pieces AS (
        SELECT s.step, (midnight AT TIME ZONE 'UTC')::date AS day,
            lower(s.span) <= midnight AND upper(s.span) >= midnight + interval '24 hours' AS whole,
            tick_from(greatest(lower(s.span), midnight), s.step) AS first,
            tick_from(least(upper(s.span), midnight + interval '24 hours'), s.step) AS beyond
        FROM spans AS s, generate_series(
            date_trunc('day', lower(s.span), 'UTC'), upper(s.span) - interval '1 microsecond', interval '24 hours') AS midnight
    ), alone AS (
        SELECT *, count(*) OVER (PARTITION BY p.day) = 1 AS alone FROM pieces AS p WHERE p.first < p.beyond
    )
    SELECT a.day, a.step, a.first, a.beyond,
        (extract(epoch FROM a.beyond - a.first) / extract(epoch FROM a.step))::bigint,
        coalesce(d.done, 0), coalesce(d.empty, 0), coalesce(d.other, 0), d.hours,
        coalesce(d.done + d.empty + d.other = 0
            OR a.whole AND a.alone AND d.grid % (extract(epoch FROM a.step) * 1000000)::bigint = 0, true)
    FROM alone AS a LEFT JOIN ledger_days AS d
      ON d.collector = wanted_days.name AND d.day = a.day
     AND d.day >= (coalesce(begins, '-infinity') AT TIME ZONE 'UTC')::date
     AND d.day <= (least(ends, '2200-01-01Z') AT TIME ZONE 'UTC')::date
$$;
COMMENT ON FUNCTION wanted_days IS
    'What is wanted of a collector, a day and a step at a time: its first tick, the tick beyond its last, how many they are, '
    'and the counts of the day, which are those of the piece where counted is true.';

CREATE FUNCTION days_of(name text, begins timestamptz, ends timestamptz)
RETURNS TABLE (day date, wanted bigint, done bigint, empty bigint, missing bigint)
LANGUAGE sql STABLE AS $$
    SELECT w.day, sum(w.wanted)::bigint, sum(good.done)::bigint, sum(good.empty)::bigint,
        sum(w.wanted - good.done - good.empty)::bigint
    FROM wanted_days(days_of.name, begins, ends) AS w
    CROSS JOIN LATERAL (
        SELECT w.done::bigint AS done, w.empty::bigint AS empty WHERE w.counted
        UNION ALL
        SELECT count(*) FILTER (WHERE l.status = 'done'), count(*) FILTER (WHERE l.status = 'empty') FROM ledger AS l
        WHERE l.collector = days_of.name AND l.tick >= w.first AND l.tick < w.beyond AND on_step(l.tick, w.step)
          AND NOT w.counted
        HAVING NOT w.counted
    ) AS good
    GROUP BY w.day
$$;
COMMENT ON FUNCTION days_of IS 'How many ticks of each day of a span are wanted of a collector, done, empty and missing.';

-- Days that are complete are not looked at, and days of which nothing is known are one range. Of the
-- others, what was asked in vain is in a small index, and what nobody asked is searched in those
-- hours only that lack something.
CREATE FUNCTION gaps(name text, begins timestamptz, ends timestamptz)
RETURNS TABLE (since timestamptz, until timestamptz, ticks bigint, cause text, error text)
LANGUAGE sql STABLE AS $$
    WITH pieces AS MATERIALIZED (
        SELECT w.*, w.done + w.empty + w.other AS known FROM wanted_days(gaps.name, begins, ends) AS w
        WHERE NOT (w.counted AND w.done + w.empty = w.wanted)
    ), searched AS MATERIALIZED (
        SELECT p.step, p.first, p.beyond FROM pieces AS p WHERE p.known > 0 AND NOT p.counted
        UNION ALL
        SELECT p.step, h.first, h.beyond
        FROM pieces AS p CROSS JOIN LATERAL unnest(p.hours) WITH ORDINALITY AS hour (known, number)
        CROSS JOIN LATERAL (
            SELECT tick_from(midnight + (number - 1) * interval '1 hour', p.step) AS first,
                tick_from(midnight + number * interval '1 hour', p.step) AS beyond
            FROM (SELECT p.day::timestamp AT TIME ZONE 'UTC' AS midnight) AS start) AS h
        WHERE p.known > 0 AND p.counted AND p.known < p.wanted
          AND hour.known * p.step < h.beyond - h.first
    ), missing AS (
        SELECT p.step, 'not_asked' AS cause, tstzrange(p.first, p.beyond) AS span FROM pieces AS p WHERE p.known = 0
        UNION ALL
        SELECT p.step, bad.status, tstzrange(bad.tick, bad.tick + p.step)
        FROM pieces AS p CROSS JOIN LATERAL (
            SELECT l.tick, l.status FROM ledger AS l
            WHERE l.collector = gaps.name AND l.tick >= p.first AND l.tick < p.beyond
              AND l.status NOT IN ('done', 'empty')) AS bad
        WHERE p.other > 0 AND (p.counted OR on_step(bad.tick, p.step))
        UNION ALL
        SELECT s.step, 'not_asked', tstzrange(unasked.tick, unasked.tick + s.step)
        FROM searched AS s CROSS JOIN LATERAL (
            SELECT tick FROM generate_series(s.first, s.beyond - interval '1 microsecond', s.step) AS tick
            EXCEPT ALL
            SELECT l.tick FROM ledger AS l
            WHERE l.collector = gaps.name AND l.tick >= s.first AND l.tick < s.beyond) AS unasked
    ), islands AS (
        SELECT m.step, m.cause, unnest(range_agg(m.span)) AS span FROM missing AS m GROUP BY m.step, m.cause
    )
    SELECT lower(i.span), upper(i.span),
        (extract(epoch FROM upper(i.span) - lower(i.span)) / extract(epoch FROM i.step))::bigint, i.cause,
        (SELECT l.error FROM ledger AS l WHERE l.collector = gaps.name AND l.tick = upper(i.span) - i.step)
    FROM islands AS i ORDER BY 1, 4, 2, 3
$$;
COMMENT ON FUNCTION gaps IS 'The ticks of a span that are wanted of a collector and neither done nor empty, as ranges of one cause.';

CREATE FUNCTION complete_hours(name text, begins timestamptz, ends timestamptz)
RETURNS TABLE (hour timestamptz, wanted bigint, missing bigint, complete boolean, final boolean)
LANGUAGE sql STABLE AS $$
    WITH spans AS (
        SELECT c.step, unnest(c.wanted * tstzmultirange(tstzrange(
            date_trunc('hour', begins, 'UTC'), tick_from(least(ends, '2200-01-01Z'), interval '1 hour')))) AS span
        FROM collectors AS c WHERE c.name = complete_hours.name
    ), pieces AS (
        SELECT s.step, start, greatest(lower(s.span), start) AS since,
            least(upper(s.span), start + interval '1 hour') AS until
        FROM spans AS s, generate_series(
            date_trunc('hour', lower(s.span), 'UTC'), upper(s.span) - interval '1 microsecond', interval '1 hour') AS start
    ), hours AS (
        SELECT p.start, range_agg(tstzrange(p.since, p.until)) @> tstzrange(p.start, p.start + interval '1 hour') AS whole,
            sum(ceil(extract(epoch FROM p.until) / extract(epoch FROM p.step))
                - ceil(extract(epoch FROM p.since) / extract(epoch FROM p.step)))::bigint AS wanted
        FROM pieces AS p GROUP BY p.start
    ), good AS (
        SELECT date_trunc('hour', l.tick, 'UTC') AS start, count(*) AS ticks, bool_and(l.settled) AS final
        FROM spans AS s JOIN ledger AS l
          ON l.collector = complete_hours.name AND l.status IN ('done', 'empty')
         AND l.tick >= lower(s.span) AND l.tick < upper(s.span) AND on_step(l.tick, s.step)
        GROUP BY 1
    )
    SELECT h.start, h.wanted, h.wanted - coalesce(g.ticks, 0), h.whole AND h.wanted = coalesce(g.ticks, 0),
        h.whole AND h.wanted = coalesce(g.ticks, 0) AND coalesce(g.final, true)
    FROM hours AS h LEFT JOIN good AS g ON g.start = h.start
    WHERE h.wanted > 0
    ORDER BY h.start
$$;
COMMENT ON FUNCTION complete_hours IS
    'Each hour of a span of which a collector is to have ticks: whether it is complete, and whether it no longer changes.';

-- Ticks of the last 90 seconds may be on their way.
CREATE VIEW completeness AS
    SELECT c.name AS collector, d.day, d.wanted, d.done, d.empty, d.missing,
        round(1 - d.missing::numeric / d.wanted, 6) AS share
    FROM (SELECT name, max(delay) AS delay FROM collectors GROUP BY name) AS c
    CROSS JOIN LATERAL days_of(c.name, '-infinity', now() - c.delay - interval '90 seconds') AS d;
COMMENT ON VIEW completeness IS 'How much of what is wanted of each collector is there, day by day (UTC).';

-- Up to where nothing is missing. It needs no clock: what is newer than the newest good tick is not
-- there yet, whether it could be or not.
CREATE VIEW complete_until AS
    WITH edges AS (
        SELECT c.name, newest.tick + interval '1 microsecond' AS edge, newest.tick AS newest
        FROM (SELECT DISTINCT name FROM collectors) AS c LEFT JOIN LATERAL (
            SELECT l.tick FROM ledger AS l WHERE l.collector = c.name AND l.status IN ('done', 'empty')
            ORDER BY l.tick DESC LIMIT 1) AS newest ON true
    )
    SELECT e.name AS collector, held.table_name,
        coalesce(broken.since, ahead.tick, e.newest + ahead.step) AS complete_until,
        CASE WHEN e.newest IS NOT NULL THEN coalesce(broken.until, ahead.begun) END AS unbroken_since,
        e.newest AS newest_good
    FROM edges AS e
    CROSS JOIN LATERAL (
        SELECT max(c.step) AS step, min(tick_from(lower(span), c.step)) AS begun,
            min(tick_from(greatest(lower(span), e.edge), c.step)) FILTER (
                WHERE upper_inf(span) OR tick_from(greatest(lower(span), e.edge), c.step) < upper(span)) AS tick
        FROM collectors AS c, unnest(c.wanted) AS span WHERE c.name = e.name) AS ahead
    CROSS JOIN LATERAL (
        SELECT min(d.day)::timestamp AT TIME ZONE 'UTC' AS first, max(d.day)::timestamp AT TIME ZONE 'UTC' AS last
        FROM days_of(e.name, '-infinity', e.edge) AS d WHERE d.missing > 0) AS days
    CROSS JOIN LATERAL (
        SELECT (SELECT min(g.since) FROM gaps(e.name, days.first, least(days.first + interval '24 hours', e.edge)) AS g) AS since,
            (SELECT max(g.until) FROM gaps(e.name, days.last, least(days.last + interval '24 hours', e.edge)) AS g) AS until) AS broken
    LEFT JOIN LATERAL (
        SELECT DISTINCT unnest(c.tables) AS table_name FROM collectors AS c WHERE c.name = e.name) AS held ON true;
COMMENT ON VIEW complete_until IS
    'For each table and its collector: the first wanted tick that is not there, and since when none is missing.';
