-- name: prices_over
-- Everything in force at some instant of a span; the latest revision at each place counts.
SELECT sku, valid_from, valid_to, version_id, amount_minor
  FROM (SELECT DISTINCT ON (sku, valid_from) sku, valid_from, valid_to, version_id, amount_minor
          FROM pricing.price
         WHERE sku = ANY(%(skus)s::text[]) AND price_list = %(price_list)s
           AND currency = %(currency)s AND valid_from <= %(until)s
         ORDER BY sku, valid_from, revision DESC) AS counting
 WHERE valid_to IS NULL OR valid_to > %(since)s
 ORDER BY sku, valid_from DESC

-- name: latest_versions
SELECT DISTINCT ON (p.sku, p.price_list, p.currency, p.valid_from)
       p.sku, p.currency, p.amount_minor, p.price_list, p.valid_from, p.valid_to, p.revision,
       p.version_id
  FROM unnest(%(skus)s::text[], %(price_lists)s::text[], %(currencies)s::text[],
              %(valid_froms)s::timestamptz[]) AS k (sku, price_list, currency, valid_from)
  JOIN pricing.price AS p
    ON p.sku = k.sku AND p.price_list = k.price_list AND p.currency = k.currency
   AND p.valid_from = k.valid_from
 ORDER BY p.sku, p.price_list, p.currency, p.valid_from, p.revision DESC

-- name: insert_prices
-- Two that set the same place at once meet in the primary key: the later one decides again.
INSERT INTO pricing.price (sku, price_list, currency, valid_from, revision, version_id, valid_to,
                           amount_minor, set_at, command_id, actor)
SELECT p.sku, p.price_list, p.currency, p.valid_from, p.revision, p.version_id, p.valid_to,
       p.amount_minor, %(at)s, p.command_id, p.actor
  FROM unnest(%(skus)s::text[], %(price_lists)s::text[], %(currencies)s::text[],
              %(valid_froms)s::timestamptz[], %(revisions)s::integer[], %(version_ids)s::uuid[],
              %(valid_tos)s::timestamptz[], %(amounts)s::bigint[], %(command_ids)s::text[],
              %(actors)s::text[])
       AS p (sku, price_list, currency, valid_from, revision, version_id, valid_to, amount_minor,
             command_id, actor)
 ORDER BY p.sku, p.price_list, p.currency, p.valid_from, p.revision
