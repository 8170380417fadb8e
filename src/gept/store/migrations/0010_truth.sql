-- An hour that its source has lost can be made of its buckets of five minutes.

ALTER TABLE ledger ADD COLUMN rebuilt boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN ledger.rebuilt IS 'Whether its rows were made of those of another collector; an answer of the source replaces them.';
