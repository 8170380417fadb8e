-- Want every tick from a first start on; a later start changes nothing but the step.
INSERT INTO collectors AS known (name, step, wanted)
VALUES (%(collector)s, %(step)s, tstzmultirange(tstzrange(%(since)s, NULL)))
ON CONFLICT (name) DO UPDATE
SET step = excluded.step,
    wanted = CASE WHEN upper_inf(known.wanted) THEN known.wanted ELSE known.wanted + excluded.wanted END
WHERE known.step <> excluded.step OR NOT upper_inf(known.wanted)
