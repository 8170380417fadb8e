-- Items, and every change of them.

CREATE TABLE items (
    item_id     integer     PRIMARY KEY,
    name        text        NOT NULL,
    examine     text,
    members     boolean,
    tradeable   boolean     GENERATED ALWAYS AS (removed_at IS NULL) STORED,
    lowalch     bigint,
    highalch    bigint,
    cost        bigint,
    wiki_url    text,
    buy_limit   bigint,
    icon        text,
    last_seen   timestamptz NOT NULL,
    removed_at  timestamptz,
    updated_at  timestamptz
);
COMMENT ON TABLE items IS 'What each item is, as the newest item list tells it.';
COMMENT ON COLUMN items.cost IS 'The value of the item list, of which alchemy gives a share.';
COMMENT ON COLUMN items.last_seen IS 'The newest day on which the item list had it.';
COMMENT ON COLUMN items.removed_at IS 'The first day on which the item list no longer had it.';
COMMENT ON COLUMN items.updated_at IS 'The day on which anything of it last changed.';
CREATE INDEX items_name ON items (name);
CREATE INDEX items_buy_limit ON items (buy_limit) WHERE buy_limit IS NOT NULL;

CREATE TABLE item_history (
    item_id     integer     NOT NULL,
    changed_at  timestamptz NOT NULL,
    field       text        NOT NULL,
    old_value   text,
    new_value   text,
    PRIMARY KEY (item_id, changed_at, field)
);
COMMENT ON TABLE item_history IS 'Each field of an item that changed: the day, and the value before and after.';
CREATE INDEX item_history_time ON item_history (changed_at);

-- A trigger and not the collector writes the history, so that changes made by hand are in it too.
CREATE FUNCTION items_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    day timestamptz := greatest(NEW.last_seen, NEW.removed_at);
BEGIN
    INSERT INTO item_history (item_id, changed_at, field, old_value, new_value)
    SELECT NEW.item_id, day, fresh.key, stored.value, fresh.value
    FROM jsonb_each_text(to_jsonb(NEW)) fresh
    JOIN jsonb_each_text(to_jsonb(OLD)) stored USING (key)
    WHERE fresh.value IS DISTINCT FROM stored.value
      AND fresh.key NOT IN ('last_seen', 'updated_at', 'tradeable')
    ON CONFLICT (item_id, changed_at, field) DO UPDATE SET new_value = excluded.new_value;
    IF FOUND THEN
        DELETE FROM item_history
        WHERE item_id = NEW.item_id AND changed_at = day AND old_value IS NOT DISTINCT FROM new_value;
        NEW.updated_at := day;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER items_keep_history BEFORE UPDATE ON items
    FOR EACH ROW EXECUTE FUNCTION items_keep_history();
