-- Enter how items differed before the first item list that gept has read: on that day they changed,
-- as far as anybody knows. What gept itself has seen to change is newer, and stays as it is.
INSERT INTO item_history (item_id, changed_at, field, old_value, new_value)
SELECT old.item_id, first.tick, was.key, was.value, became.value
FROM jsonb_populate_recordset(NULL::items, %(items)s) AS old
JOIN items AS stored USING (item_id)
JOIN (SELECT min(tick) AS tick FROM ledger WHERE collector = 'items' AND status = 'done') AS first
  ON first.tick > old.last_seen
CROSS JOIN LATERAL jsonb_each_text(to_jsonb(old)) AS was
CROSS JOIN LATERAL (
    SELECT coalesce(
        (SELECT jsonb_build_object('value', known.old_value) FROM item_history AS known
         WHERE known.item_id = old.item_id AND known.field = was.key
         ORDER BY known.changed_at LIMIT 1),
        jsonb_build_object('value', to_jsonb(stored) ->> was.key)) ->> 'value' AS value) AS became
WHERE was.key = ANY (%(fields)s) AND was.value IS NOT NULL AND was.value IS DISTINCT FROM became.value
ON CONFLICT (item_id, changed_at, field) DO NOTHING
