-- The ticks to ask for now: first those that wait for another try or for their settled reading,
-- then those that nobody has asked for; the newest first. The very newest is left to the
-- thread that follows the collector. What is stored is read once more when it has settled, however
-- old it is by then. Days of which every tick is in the ledger are not looked at.
SELECT tick, 0 AS rank FROM ledger
WHERE collector = %(collector)s AND next_try_at <= %(now)s AND tick <= %(newest)s
  AND (tick >= %(since)s OR status = 'done' AND tick >= %(settling_since)s)
UNION ALL
SELECT ticks.at, 1
FROM wanted_days(%(collector)s, %(since)s, %(newest)s) AS piece
CROSS JOIN LATERAL generate_series(
    piece.first, piece.beyond - interval '1 microsecond', piece.step) AS ticks (at)
WHERE NOT (piece.counted AND piece.done + piece.empty + piece.other >= piece.wanted)
  AND NOT EXISTS (
    SELECT FROM ledger
    WHERE ledger.collector = %(collector)s AND ledger.tick = ticks.at
      AND ledger.tick >= %(since)s AND ledger.tick <= %(newest)s)
ORDER BY rank, tick DESC
LIMIT %(limit)s
