-- The columns of each unique index of a table that holds for every row.
SELECT array_agg(attname::text)
FROM pg_index
JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
WHERE indrelid = to_regclass(%(table)s) AND indisunique AND indisvalid AND indpred IS NULL
GROUP BY indexrelid
