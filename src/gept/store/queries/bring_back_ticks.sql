-- Enter ticks as an archive has them. What is good here already stays.
INSERT INTO ledger AS known (collector, {columns})
SELECT %(collector)s, {columns} FROM jsonb_populate_recordset(NULL::ledger, %(ticks)s)
ORDER BY tick
ON CONFLICT (collector, tick) DO UPDATE SET ({columns}) = ROW ({excluded})
WHERE known.status NOT IN ('done', 'empty') AND excluded.status IN ('done', 'empty')
