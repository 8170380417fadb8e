-- What any role may ask; `shared_preload_libraries` itself is not shown to all, but the loader's own setting is.
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS installed,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb') AS available,
       EXISTS (SELECT FROM pg_settings WHERE name = 'timescaledb.disable_load') AS preloaded,
       has_database_privilege(current_database(), 'CREATE') AS permitted,
       current_setting('timescaledb.license', true) AS license
