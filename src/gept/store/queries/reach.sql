-- Up to when the newest partition of each natively partitioned table goes.
SELECT parent.relname::text, max((regexp_match(pg_get_expr(part.relpartbound, part.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz)
FROM pg_class AS parent
LEFT JOIN pg_inherits AS i ON i.inhparent = parent.oid
LEFT JOIN pg_class AS part ON part.oid = i.inhrelid
WHERE parent.relname = ANY (%(names)s) AND parent.relkind = 'p' AND parent.relnamespace = to_regnamespace(current_schema())
GROUP BY 1 ORDER BY 1
