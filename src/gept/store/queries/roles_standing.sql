-- How the roles stand, and who is asking.
SELECT wanted.name, r.rolname IS NOT NULL AS there, coalesce(r.rolsuper, false) AS superuser,
    coalesce(r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls, false) AS mighty,
    wanted.name = current_user AS asking,
    ARRAY(SELECT g.rolname::text FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1) AS member_of
FROM unnest(%(roles)s::text[]) WITH ORDINALITY AS wanted (name, place)
LEFT JOIN pg_roles AS r ON r.rolname = wanted.name
ORDER BY wanted.place
