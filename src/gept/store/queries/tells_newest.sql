-- Whether this role may read the newest time of a table, and an index tells it without a look at all rows.
SELECT EXISTS (
    SELECT FROM pg_attribute AS a
    JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL
    JOIN pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
    WHERE a.attrelid = to_regclass(quote_ident(%(name)s)) AND a.attname = %(time)s
      AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
      AND has_column_privilege(a.attrelid, a.attnum, 'SELECT'))
