-- How complete each day of a span is, oldest first.
SELECT day, wanted, done, empty, missing FROM days_of(%(collector)s, %(since)s, %(until)s) ORDER BY day
