SELECT format('%%I.%%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks
WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s AND is_compressed
  AND range_start <= %(high)s AND range_end > %(low)s
