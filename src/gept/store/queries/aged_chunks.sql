-- The chunks of a hypertable that end before a moment, the oldest first; the bytes are those on disk.
SELECT format('%%I.%%I', c.chunk_schema, c.chunk_name) AS name, c.range_start AS low, c.range_end AS high,
       size.total_bytes::bigint AS bytes
FROM timescaledb_information.chunks c JOIN chunks_detailed_size(to_regclass(quote_ident(%(table)s))) size
  USING (chunk_schema, chunk_name)
WHERE c.hypertable_schema = current_schema() AND c.hypertable_name = %(table)s AND c.range_end <= %(before)s
ORDER BY c.range_start
