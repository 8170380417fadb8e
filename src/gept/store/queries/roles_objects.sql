-- What is gept's in this schema, and what makes the owner's of it and gives the others their rights.
-- What adoption and conversion have put into schemas of their own goes to the owner, who ends them; nobody gets rights on it.
-- Partitions are named by nobody but their tables; chunks of hypertables follow these by themselves.
WITH RECURSIVE beside AS (
    SELECT oid, nspname, nspowner FROM pg_namespace
    WHERE nspname IN (%(converting)s, %(converted)s) OR nspname = %(legacy)s AND %(adopted)s::text[] IS NOT NULL
), relations AS (
    SELECT c.oid, c.relkind, c.relowner, c.relnamespace FROM pg_class AS c
    WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relname = ANY (%(names)s) AND c.relkind IN ('r', 'p', 'v', 'm')
    UNION
    SELECT c.oid, c.relkind, c.relowner, c.relnamespace FROM pg_class AS c JOIN beside AS b ON b.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND (b.nspname <> %(legacy)s OR c.relname = ANY (%(adopted)s))
    UNION
    SELECT c.oid, c.relkind, c.relowner, c.relnamespace FROM relations AS r
    JOIN pg_inherits AS i ON i.inhparent = r.oid JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE c.relnamespace = r.relnamespace
), routines AS (
    SELECT p.oid, p.proowner FROM pg_proc AS p
    WHERE (p.pronamespace = to_regnamespace(current_schema()) AND p.proname = ANY (%(names)s) OR p.pronamespace = to_regnamespace(%(converting)s))
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
), listed AS (
    SELECT string_agg(oid::regclass::text, ', ' ORDER BY oid) AS relations,
        string_agg(oid::regclass::text, ', ' ORDER BY oid) FILTER (
            WHERE oid IS DISTINCT FROM to_regclass('schema_migrations') AND relkind IN ('r', 'p')) AS written
    FROM relations WHERE relnamespace = to_regnamespace(current_schema())
), people AS (
    SELECT %(owner)s::text AS owner, %(writer)s::text AS writer, %(reader)s::text AS reader
), steps AS (
    SELECT 1 AS step, format('ALTER DATABASE %%I OWNER TO %%I', d.datname, o.owner) AS statement
    FROM people AS o, pg_database AS d JOIN pg_roles AS r ON r.oid = d.datdba
    WHERE d.datname = current_database() AND r.rolname IN (o.writer, o.reader)
    UNION ALL
    SELECT 2, format('ALTER SCHEMA %%I OWNER TO %%I', n.nspname, o.owner)
    FROM people AS o, pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
    WHERE n.nspname = current_schema() AND r.rolname IN (o.writer, o.reader)
    UNION ALL
    SELECT 2, format('ALTER SCHEMA %%I OWNER TO %%I', b.nspname, o.owner)
    FROM people AS o, beside AS b WHERE pg_get_userbyid(b.nspowner) <> o.owner
    UNION ALL
    SELECT 3, format('ALTER %%s %%s OWNER TO %%I', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
        r.oid::regclass, o.owner)
    FROM people AS o, relations AS r WHERE pg_get_userbyid(r.relowner) <> o.owner
    UNION ALL
    SELECT 4, format('ALTER ROUTINE %%s OWNER TO %%I', r.oid::regprocedure, o.owner)
    FROM people AS o, routines AS r WHERE pg_get_userbyid(r.proowner) <> o.owner
    UNION ALL
    SELECT 5, format('REVOKE ALL ON TABLE %%s FROM PUBLIC, %%I, %%I', l.relations, o.writer, o.reader)
    FROM people AS o, listed AS l WHERE l.relations IS NOT NULL
    UNION ALL
    SELECT 6, format('GRANT SELECT ON TABLE %%s TO %%I, %%I', l.relations, o.writer, o.reader)
    FROM people AS o, listed AS l WHERE l.relations IS NOT NULL
    UNION ALL
    SELECT 7, format('GRANT INSERT, UPDATE, DELETE ON TABLE %%s TO %%I', l.written, o.writer)
    FROM people AS o, listed AS l WHERE l.written IS NOT NULL
)
SELECT statement FROM steps ORDER BY step, statement
