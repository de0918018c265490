-- name: read_suppliers
SELECT supplier_id, name, country, currency, calendar_id, gln
  FROM purchasing.supplier
 WHERE supplier_id = ANY(%(supplier_ids)s::text[])

-- name: read_lead_times
SELECT supplier_id, days, ppm
  FROM purchasing.lead_time
 WHERE supplier_id = ANY(%(supplier_ids)s::text[])
 ORDER BY supplier_id, days

-- name: insert_suppliers
-- A supplier whom someone else registered meanwhile is a conflict: the change is decided again.
INSERT INTO purchasing.supplier (supplier_id, name, country, currency, calendar_id, gln)
SELECT s.supplier_id, s.name, s.country, s.currency, s.calendar_id, s.gln
  FROM unnest(%(supplier_ids)s::text[], %(names)s::text[], %(countries)s::text[],
              %(currencies)s::text[], %(calendar_ids)s::text[], %(glns)s::text[])
       AS s (supplier_id, name, country, currency, calendar_id, gln)
 ORDER BY s.supplier_id

-- name: update_suppliers
UPDATE purchasing.supplier AS t
   SET name = s.name, country = s.country, currency = s.currency, calendar_id = s.calendar_id,
       gln = s.gln
  FROM (SELECT u.supplier_id, u.name, u.country, u.currency, u.calendar_id, u.gln
          FROM unnest(%(supplier_ids)s::text[], %(names)s::text[], %(countries)s::text[],
                      %(currencies)s::text[], %(calendar_ids)s::text[], %(glns)s::text[])
               AS u (supplier_id, name, country, currency, calendar_id, gln)
         ORDER BY u.supplier_id) AS s
 WHERE t.supplier_id = s.supplier_id

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

-- name: insert_terms
-- Terms that someone else agreed meanwhile are a conflict: the change is decided again.
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

-- name: update_terms
UPDATE purchasing.terms AS x
   SET currency = t.currency, cost_minor = t.cost_minor, moq_each = t.moq_each,
       multiple_each = t.multiple_each, lead_time_days = t.lead_time_days, incoterm = t.incoterm,
       named_place = t.named_place
  FROM (SELECT u.sku, u.supplier_id, u.currency, u.cost_minor, u.moq_each, u.multiple_each,
               u.lead_time_days, u.incoterm, u.named_place
          FROM unnest(%(skus)s::text[], %(supplier_ids)s::text[], %(currencies)s::text[],
                      %(costs)s::bigint[], %(moqs)s::integer[], %(multiples)s::integer[],
                      %(lead_times)s::integer[], %(incoterms)s::text[], %(named_places)s::text[])
               AS u (sku, supplier_id, currency, cost_minor, moq_each, multiple_each,
                     lead_time_days, incoterm, named_place)
         ORDER BY u.sku, u.supplier_id) AS t
 WHERE x.sku = t.sku AND x.supplier_id = t.supplier_id

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
