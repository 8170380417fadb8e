-- Enter items that are not known: they were listed when they were last seen, and no longer in the
-- first item list that gept has read since.
INSERT INTO items (item_id, name, examine, members, lowalch, highalch, cost, wiki_url, buy_limit, icon, last_seen, removed_at)
SELECT old.item_id, old.name, old.examine, old.members, old.lowalch, old.highalch, old.cost, old.wiki_url, old.buy_limit,
    old.icon, old.last_seen, (
        SELECT min(tick) FROM ledger
        WHERE collector = 'items' AND status = 'done' AND tick > old.last_seen)
FROM jsonb_populate_recordset(NULL::items, %(items)s) AS old
ORDER BY old.item_id
ON CONFLICT (item_id) DO NOTHING
