-- The columns of some tables: which, of what type, and whether the server fills them itself.
SELECT relation, attname::text, format_type(atttypid, atttypmod), atttypid::bigint, attgenerated <> ''
FROM unnest(%(tables)s::text[]) WITH ORDINALITY AS given (relation, number)
JOIN pg_attribute ON attrelid = to_regclass(quote_ident(relation)) AND attnum > 0 AND NOT attisdropped
ORDER BY number, attnum
