-- The primary key of a table, in its order.
SELECT attname::text AS name
FROM pg_index, unnest(indkey) WITH ORDINALITY AS part (attnum, place)
JOIN pg_attribute a USING (attnum)
WHERE indrelid = to_regclass(%(table)s) AND attrelid = indrelid AND indisprimary
ORDER BY place
