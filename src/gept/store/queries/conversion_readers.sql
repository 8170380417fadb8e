-- The views that read a table, and triggers of others on it, as statements that make them anew under the name of it.
-- Views that stand on these views stay as they are, and so do owners, comments and rights.
SELECT format('CREATE OR REPLACE VIEW %%s%%s AS %%s', v.oid::regclass,
    ' WITH (' || array_to_string(v.reloptions, ', ') || ')', pg_get_viewdef(v.oid)) AS statement
FROM pg_class AS v WHERE v.relkind = 'v' AND v.oid IN (
    SELECT seen.ev_class FROM pg_depend AS d JOIN pg_rewrite AS seen ON seen.oid = d.objid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass(%(table)s))
UNION ALL
SELECT pg_get_triggerdef(oid) FROM pg_trigger
WHERE tgrelid = to_regclass(%(table)s) AND NOT tgisinternal AND NOT tgname LIKE 'gept\_converting\_%%'
