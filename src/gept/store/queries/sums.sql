-- What the buckets of an hour make together, as the rows of the hour.
SELECT item_id, %(since)s::timestamptz,
    round(sum(avg_high_price::numeric * high_price_volume)
        / nullif(sum(high_price_volume) FILTER (WHERE avg_high_price IS NOT NULL), 0))::bigint,
    coalesce(sum(high_price_volume), 0)::bigint,
    round(sum(avg_low_price::numeric * low_price_volume)
        / nullif(sum(low_price_volume) FILTER (WHERE avg_low_price IS NOT NULL), 0))::bigint,
    coalesce(sum(low_price_volume), 0)::bigint
FROM {parts}
WHERE timestamp >= %(since)s AND timestamp < %(until)s
GROUP BY item_id
ORDER BY item_id
