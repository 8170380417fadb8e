-- Open again what was closed as empty. Its last try lies in the past, so it is due at once.
UPDATE ledger SET status = 'not_yet', settled = false, next_try_at = asked_at
WHERE collector = %(collector)s AND status = 'empty' AND tick >= %(since)s AND tick < %(until)s
