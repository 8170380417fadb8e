-- What a table holds of a span: rows, oldest and newest time, and a checksum of all values. Rows that
-- differ in time only have a hash together, so that no day is ever held in memory.
SELECT coalesce(sum(count), 0)::bigint AS rows, min(low) AS low, max(high) AS high,
    encode(sha256(coalesce(string_agg(hash, '' ORDER BY {group}), '')::bytea), 'hex') AS checksum
FROM (
    SELECT {group}, count(*), min({time}) AS low, max({time}) AS high,
        encode(sha256(convert_to(string_agg({line}, '' ORDER BY {time}), 'UTF8')), 'hex') AS hash
    FROM {table} WHERE {time} >= %(since)s AND {time} < %(until)s
    GROUP BY {group}
) AS groups
