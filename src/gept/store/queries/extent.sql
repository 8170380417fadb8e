-- Up to where a collector is complete. Each of its tables has the same row.
SELECT complete_until, unbroken_since FROM complete_until WHERE collector = %(collector)s LIMIT 1
