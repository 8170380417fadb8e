-- Want the ticks of a span as well.
INSERT INTO collectors AS known (name, step, delay, tables, wanted)
VALUES (%(collector)s, %(step)s, %(delay)s, %(tables)s, tstzmultirange(tstzrange(%(since)s, %(until)s)))
ON CONFLICT (name, step) DO UPDATE SET wanted = known.wanted + excluded.wanted
WHERE NOT known.wanted @> excluded.wanted
