-- The ticks that are wanted and not good, as ranges of one cause.
SELECT since, until, ticks, cause, error FROM gaps(%(collector)s, %(since)s, %(until)s)
