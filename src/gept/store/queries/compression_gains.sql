SELECT hypertable_name::text, coalesce(sum(before_compression_total_bytes), 0)::bigint,
       coalesce(sum(after_compression_total_bytes), 0)::bigint
FROM timescaledb_information.hypertables, LATERAL hypertable_compression_stats(
    to_regclass(format('%I.%I', hypertable_schema, hypertable_name)))
WHERE hypertable_schema = current_schema()
GROUP BY hypertable_name
