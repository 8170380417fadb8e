-- An entry that was rejected for two kinds of reason is kept and counted for each.

ALTER TABLE rejected_rows DROP CONSTRAINT rejected_rows_pkey;
ALTER TABLE rejected_rows ADD PRIMARY KEY (collector, tick, entry, kind);
COMMENT ON COLUMN rejected_rows.times IS 'How often the tick was asked for and this entry rejected for this kind of reason.';
