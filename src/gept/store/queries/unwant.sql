-- Nothing is wanted any more of a span of a table whose rows were deleted; the ledger keeps what it knows.
UPDATE collectors SET wanted = wanted - tstzmultirange(tstzrange(%(low)s, %(high)s))
WHERE %(table)s = ANY (tables) AND wanted && tstzmultirange(tstzrange(%(low)s, %(high)s))
