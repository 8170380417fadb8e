-- By what a hypertable is compressed, and after how long its policy does it.
SELECT ARRAY(SELECT attname::text FROM timescaledb_information.compression_settings
             WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s AND segmentby_column_index IS NOT NULL
             ORDER BY segmentby_column_index) AS segments,
       ARRAY(SELECT attname::text FROM timescaledb_information.compression_settings
             WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s AND orderby_column_index IS NOT NULL
               AND NOT orderby_asc ORDER BY orderby_column_index) AS descending,
       (SELECT (config->>'compress_after')::interval FROM timescaledb_information.jobs
        WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s AND proc_name = 'policy_compression') AS after
