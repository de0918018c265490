-- name: read_suppliers
SELECT supplier_id, name, country, currency, calendar_id, gln
  FROM purchasing.supplier
 WHERE supplier_id = ANY(%(supplier_ids)s::text[])

-- name: read_lead_times
SELECT supplier_id, days, ppm
  FROM purchasing.lead_time
 WHERE supplier_id = ANY(%(supplier_ids)s::text[])
 ORDER BY supplier_id, days

-- name: put_suppliers
INSERT INTO purchasing.supplier (supplier_id, name, country, currency, calendar_id, gln)
SELECT s.supplier_id, s.name, s.country, s.currency, s.calendar_id, s.gln
  FROM unnest(%(supplier_ids)s::text[], %(names)s::text[], %(countries)s::text[],
              %(currencies)s::text[], %(calendar_ids)s::text[], %(glns)s::text[])
       AS s (supplier_id, name, country, currency, calendar_id, gln)
 ORDER BY s.supplier_id
ON CONFLICT (supplier_id) DO UPDATE
   SET name = excluded.name, country = excluded.country, currency = excluded.currency,
       calendar_id = excluded.calendar_id, gln = excluded.gln

-- name: clear_lead_times
DELETE FROM purchasing.lead_time WHERE supplier_id = ANY(%(supplier_ids)s::text[])

-- name: insert_lead_times
INSERT INTO purchasing.lead_time (supplier_id, days, ppm)
SELECT l.supplier_id, l.days, l.ppm
  FROM unnest(%(supplier_ids)s::text[], %(days)s::integer[], %(ppms)s::integer[])
       AS l (supplier_id, days, ppm)
 ORDER BY l.supplier_id, l.days

-- name: read_terms
SELECT sku, supplier_id, currency, cost_minor, moq_each, multiple_each, lead_time_days, incoterm,
       named_place
  FROM purchasing.terms
 WHERE sku = ANY(%(skus)s::text[])
 ORDER BY sku, supplier_id

-- name: read_price_breaks
SELECT sku, supplier_id, from_each, cost_minor
  FROM purchasing.price_break
 WHERE sku = ANY(%(skus)s::text[])
 ORDER BY sku, supplier_id, from_each

-- name: put_terms
INSERT INTO purchasing.terms (sku, supplier_id, currency, cost_minor, moq_each, multiple_each,
                              lead_time_days, incoterm, named_place)
SELECT t.sku, t.supplier_id, t.currency, t.cost_minor, t.moq_each, t.multiple_each,
       t.lead_time_days, t.incoterm, t.named_place
  FROM unnest(%(skus)s::text[], %(supplier_ids)s::text[], %(currencies)s::text[],
              %(costs)s::bigint[], %(moqs)s::integer[], %(multiples)s::integer[],
              %(lead_times)s::integer[], %(incoterms)s::text[], %(named_places)s::text[])
       AS t (sku, supplier_id, currency, cost_minor, moq_each, multiple_each, lead_time_days,
             incoterm, named_place)
 ORDER BY t.sku, t.supplier_id
ON CONFLICT (sku, supplier_id) DO UPDATE
   SET currency = excluded.currency, cost_minor = excluded.cost_minor,
       moq_each = excluded.moq_each, multiple_each = excluded.multiple_each,
       lead_time_days = excluded.lead_time_days, incoterm = excluded.incoterm,
       named_place = excluded.named_place

-- name: clear_price_breaks
DELETE FROM purchasing.price_break AS b
 USING (SELECT u.sku, u.supplier_id
          FROM unnest(%(skus)s::text[], %(supplier_ids)s::text[]) AS u (sku, supplier_id)
         ORDER BY u.sku, u.supplier_id) AS k
 WHERE b.sku = k.sku AND b.supplier_id = k.supplier_id

-- name: insert_price_breaks
INSERT INTO purchasing.price_break (sku, supplier_id, from_each, cost_minor)
SELECT b.sku, b.supplier_id, b.from_each, b.cost_minor
  FROM unnest(%(skus)s::text[], %(supplier_ids)s::text[], %(froms)s::integer[],
              %(costs)s::bigint[]) AS b (sku, supplier_id, from_each, cost_minor)
 ORDER BY b.sku, b.supplier_id, b.from_each
