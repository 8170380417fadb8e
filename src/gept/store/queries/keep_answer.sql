-- Keep the answer of a tick that could not be read whole; of a collector the newest ones only.
WITH old AS (
    DELETE FROM answers WHERE collector = %(collector)s AND tick <= (
        SELECT tick FROM answers WHERE collector = %(collector)s
        ORDER BY tick DESC OFFSET %(most)s - 1 LIMIT 1)
      AND tick <> %(tick)s
)
INSERT INTO answers (collector, tick, asked_at, reason, tape)
VALUES (%(collector)s, %(tick)s, %(asked)s, %(error)s, %(tape)s)
ON CONFLICT (collector, tick) DO UPDATE
SET asked_at = excluded.asked_at, reason = excluded.reason, tape = excluded.tape
