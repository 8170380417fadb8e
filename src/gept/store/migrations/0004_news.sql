-- News: official posts and changes of wiki pages, and every wording of each.

CREATE TABLE osrs_news (
    guid          text PRIMARY KEY,
    feed          text NOT NULL,
    title         text,
    link          text,
    description   text,
    category      text,
    pub_date      timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    content_hash  text GENERATED ALWAYS AS
                  (md5(coalesce(title, '') || chr(31) || coalesce(description, '') || chr(31) || coalesce(category, ''))) STORED
);
COMMENT ON TABLE osrs_news IS 'Official posts and changes of wiki pages.';
COMMENT ON COLUMN osrs_news.feed IS 'official; wiki; or wiki_feed, for a change that only the feed of the wiki has told so far.';
COMMENT ON COLUMN osrs_news.category IS 'The category of a post; wiki_edit, wiki_new or wiki_log for the wiki.';
COMMENT ON COLUMN osrs_news.pub_date IS 'When it was published; official posts tell only the day.';
COMMENT ON COLUMN osrs_news.content_hash IS 'Tells wordings apart.';
CREATE INDEX idx_news_date ON osrs_news (pub_date DESC);
CREATE INDEX idx_news_category ON osrs_news (category);
CREATE INDEX idx_news_feed ON osrs_news (feed, pub_date DESC);

CREATE TABLE osrs_news_revisions (
    guid          text        NOT NULL,
    content_hash  text        NOT NULL,
    title         text,
    description   text,
    category      text,
    first_seen    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (guid, content_hash)
);
COMMENT ON TABLE osrs_news_revisions IS 'Each wording that a post has had, the present one too.';

CREATE FUNCTION osrs_news_keep_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO osrs_news_revisions (guid, content_hash, title, description, category)
    VALUES (NEW.guid, NEW.content_hash, NEW.title, NEW.description, NEW.category)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER osrs_news_keep_revision AFTER INSERT OR UPDATE ON osrs_news
    FOR EACH ROW WHEN (NEW.feed = 'official') EXECUTE FUNCTION osrs_news_keep_revision();

CREATE VIEW osrs_news_items AS
    SELECT i.item_id, n.*
    FROM osrs_news n JOIN items i ON i.name = n.title
    WHERE n.feed IN ('wiki', 'wiki_feed');
COMMENT ON VIEW osrs_news_items IS 'Changes of the wiki pages that are about an item, with the item.';
