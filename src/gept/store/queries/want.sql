-- Make ticks wanted; return since when the collector is wanted without end.
INSERT INTO collectors AS known (name, step, wanted)
VALUES (%(collector)s, %(step)s, tstzmultirange(tstzrange(%(since)s, %(until)s)))
ON CONFLICT (name) DO UPDATE
SET step = excluded.step, wanted = known.wanted + excluded.wanted
WHERE known.step <> excluded.step OR NOT known.wanted @> excluded.wanted
