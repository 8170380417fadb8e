-- The bucket after a bucket has the same data, so it was the one that repeated: it is read again.
UPDATE ledger SET next_try_at = %(now)s, settled = false
WHERE collector = %(collector)s AND tick = %(following)s AND digest = %(digest)s AND rows >= %(repeating)s
  AND status = 'done'
