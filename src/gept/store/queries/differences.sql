-- Where an hour is not what its buckets make together: volumes add up, and a price is the mean of
-- the buckets' prices, each as heavy as its volume, but for half a coin of rounding. In numeric:
-- price times volume is beyond 64 bits.
WITH part AS (
    SELECT item_id,
        sum(high_price_volume) AS high_total,
        sum(avg_high_price::numeric * high_price_volume) AS high_value,
        nullif(sum(high_price_volume) FILTER (WHERE avg_high_price IS NOT NULL), 0) AS high_weight,
        sum(low_price_volume) AS low_total,
        sum(avg_low_price::numeric * low_price_volume) AS low_value,
        nullif(sum(low_price_volume) FILTER (WHERE avg_low_price IS NOT NULL), 0) AS low_weight
    FROM {parts}
    WHERE timestamp >= %(since)s AND timestamp < %(until)s
    GROUP BY item_id
), own AS (
    SELECT * FROM {whole} WHERE timestamp = %(since)s
)
SELECT item_id, side, price, coalesce(volume, 0)::bigint AS volume,
    round(value / weight, 1) AS mean, coalesce(total, 0)::numeric AS total
FROM own FULL JOIN part USING (item_id), LATERAL (VALUES
    ('high', avg_high_price, high_price_volume, high_value, high_weight, high_total),
    ('low', avg_low_price, low_price_volume, low_value, low_weight, low_total)
) AS each (side, price, volume, value, weight, total)
WHERE coalesce(volume, 0) <> coalesce(total, 0)
   OR (price IS NULL) <> (weight IS NULL)
   OR 2 * abs(price * weight - value) > weight
ORDER BY item_id, side
