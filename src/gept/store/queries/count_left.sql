-- How many ticks of a span are not good, wanted or not; empty ones are not where they are reopened.
SELECT (ceil(extract(epoch FROM %(until)s::timestamptz) / %(step)s::numeric)
    - ceil(extract(epoch FROM %(since)s::timestamptz) / %(step)s::numeric) - (
        SELECT count(*) FROM ledger
        WHERE collector = %(collector)s AND status IN ('done', 'empty')
          AND NOT (%(reopen)s AND status = 'empty')
          AND tick >= %(since)s AND tick < %(until)s
          AND extract(epoch FROM tick) %% %(step)s::numeric = 0))::bigint
