-- The ledger's rows of a span, as JSON.
SELECT to_jsonb(l) - 'collector' FROM ledger AS l
WHERE collector = %(collector)s AND tick >= %(since)s AND tick < %(until)s
ORDER BY tick
