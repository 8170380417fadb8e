-- Which columns a table has; none where it is not there.
SELECT attname::text
FROM pg_attribute
WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
