-- A process lives; forget those that have not said so for a day.
WITH old AS (
    DELETE FROM processes WHERE beat_at < %(beat_at)s - interval '1 day' AND id <> %(id)s
)
INSERT INTO processes (id, host, pid, version, started_at, beat_at, collectors, leads, last_ticks, spooled)
VALUES (%(id)s, %(host)s, %(pid)s, %(version)s, %(started_at)s, %(beat_at)s, %(collectors)s, %(leads)s, %(last_ticks)s, %(spooled)s)
ON CONFLICT (id) DO UPDATE
SET beat_at = excluded.beat_at, leads = excluded.leads, last_ticks = excluded.last_ticks, spooled = excluded.spooled
