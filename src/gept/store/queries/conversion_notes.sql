-- Each statement that writes to the table notes which times it wrote, in its own transaction. Who writes needs no right for it.
CREATE FUNCTION {note}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE {new};
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO converting.changes (name, low, high)
        SELECT {name}, min({time}), max({time}) FROM came HAVING count(*) > 0;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO converting.changes (name, low, high)
        SELECT {name}, min({time}), max({time}) FROM went HAVING count(*) > 0;
    ELSE
        INSERT INTO converting.changes (name, low, high)
        SELECT {name}, min({time}), max({time}) FROM (SELECT {time} FROM came UNION ALL SELECT {time} FROM went) AS both_sides
        HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION {note}() FROM PUBLIC;
CREATE TRIGGER gept_converting_came AFTER INSERT ON {old} REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION {note}();
CREATE TRIGGER gept_converting_changed AFTER UPDATE ON {old} REFERENCING OLD TABLE AS went NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION {note}();
CREATE TRIGGER gept_converting_went AFTER DELETE ON {old} REFERENCING OLD TABLE AS went
    FOR EACH STATEMENT EXECUTE FUNCTION {note}();
CREATE TRIGGER gept_converting_emptied AFTER TRUNCATE ON {old} FOR EACH STATEMENT EXECUTE FUNCTION {note}()
