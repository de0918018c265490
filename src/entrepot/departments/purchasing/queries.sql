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

-- name: insert_purchase_orders
-- A purchase order that exists already is not written: the count tells.
INSERT INTO purchasing.purchase_order (po_id, supplier_id, node, currency, state, raised_at, due_at,
                                       command_id, actor)
SELECT o.po_id, o.supplier_id, o.node, o.currency, o.state, %(at)s, o.due_at, o.command_id, o.actor
  FROM unnest(%(po_ids)s::text[], %(supplier_ids)s::text[], %(nodes)s::text[],
              %(currencies)s::text[], %(states)s::text[], %(due)s::timestamptz[],
              %(command_ids)s::text[], %(actors)s::text[])
       AS o (po_id, supplier_id, node, currency, state, due_at, command_id, actor)
 ORDER BY o.po_id
ON CONFLICT (po_id) DO NOTHING

-- name: insert_po_lines
INSERT INTO purchasing.po_line (po_id, line_no, sku, ordered_each, cost_minor, open, reason)
SELECT l.po_id, l.line_no, l.sku, l.ordered_each, l.cost_minor, true, l.reason
  FROM unnest(%(po_ids)s::text[], %(line_nos)s::integer[], %(skus)s::text[],
              %(ordered)s::bigint[], %(costs)s::bigint[], %(reasons)s::text[])
       AS l (po_id, line_no, sku, ordered_each, cost_minor, reason)

-- name: read_purchase_orders
SELECT po_id, supplier_id, node, currency, state, raised_at, due_at, received_at, ended_at,
       end_reason, command_id, actor
  FROM purchasing.purchase_order
 WHERE po_id = ANY(%(po_ids)s::text[])
 ORDER BY po_id

-- name: take_purchase_orders
-- Takes the rows of these orders, in key order, and gives them as they are under the lock.
UPDATE purchasing.purchase_order AS o
   SET state = o.state
  FROM (SELECT DISTINCT k.po_id FROM unnest(%(po_ids)s::text[]) AS k (po_id)
         ORDER BY k.po_id) AS m
 WHERE o.po_id = m.po_id
RETURNING o.po_id, o.supplier_id, o.node, o.currency, o.state, o.raised_at, o.due_at,
          o.received_at, o.ended_at, o.end_reason, o.command_id, o.actor

-- name: read_po_lines
SELECT po_id, line_no, sku, ordered_each, cost_minor, received_each, damaged_each, open, reason
  FROM purchasing.po_line
 WHERE po_id = ANY(%(po_ids)s::text[])
 ORDER BY po_id, line_no

-- name: read_po_receipts
SELECT r.po_id, r.receipt_id, r.line_no, r.received_each, r.damaged_each
  FROM purchasing.po_receipt AS r
  JOIN unnest(%(po_ids)s::text[], %(receipt_ids)s::text[]) AS k (po_id, receipt_id)
    ON r.po_id = k.po_id AND r.receipt_id = k.receipt_id
 ORDER BY r.po_id, r.receipt_id, r.line_no

-- name: open_purchase_orders
SELECT po_id, supplier_id, node, currency, state, raised_at, due_at, received_at, ended_at,
       end_reason, command_id, actor
  FROM purchasing.purchase_order
 WHERE ended_at IS NULL AND due_at <= %(by)s AND (due_at, po_id) > (%(after)s, %(after_id)s)
 ORDER BY due_at, po_id
 LIMIT %(limit)s

-- name: on_order
SELECT l.sku, o.node, sum(greatest(l.ordered_each - l.received_each, 0))::bigint, min(o.due_at)
  FROM purchasing.po_line AS l
  JOIN purchasing.purchase_order AS o ON o.po_id = l.po_id
 WHERE l.sku = ANY(%(skus)s::text[]) AND l.open
 GROUP BY l.sku, o.node
 ORDER BY l.sku, o.node

-- name: move_purchase_orders
UPDATE purchasing.purchase_order AS o
   SET state = m.to_state, due_at = m.due_at, received_at = m.received_at, ended_at = m.ended_at,
       end_reason = m.end_reason
  FROM (SELECT k.po_id, k.from_state, k.to_state, k.due_at, k.received_at, k.ended_at, k.end_reason
          FROM unnest(%(po_ids)s::text[], %(from_states)s::text[], %(to_states)s::text[],
                      %(due)s::timestamptz[], %(received)s::timestamptz[],
                      %(ended)s::timestamptz[], %(reasons)s::text[])
               AS k (po_id, from_state, to_state, due_at, received_at, ended_at, end_reason)
         ORDER BY k.po_id) AS m
 WHERE o.po_id = m.po_id AND o.state = m.from_state

-- name: book_po_lines
-- From what was read to what came since, only where nothing else came meanwhile.
UPDATE purchasing.po_line AS l
   SET received_each = m.received_each, damaged_each = m.damaged_each, open = m.open
  FROM (SELECT k.po_id, k.line_no, k.known_each, k.received_each, k.damaged_each, k.open
          FROM unnest(%(po_ids)s::text[], %(line_nos)s::integer[], %(known)s::bigint[],
                      %(received)s::bigint[], %(damaged)s::bigint[], %(open)s::boolean[])
               AS k (po_id, line_no, known_each, received_each, damaged_each, open)
         ORDER BY k.po_id, k.line_no) AS m
 WHERE l.po_id = m.po_id AND l.line_no = m.line_no AND l.received_each = m.known_each

-- name: insert_po_receipts
INSERT INTO purchasing.po_receipt (po_id, receipt_id, line_no, received_each, damaged_each,
                                   over_each, at, command_id, actor)
SELECT r.po_id, r.receipt_id, r.line_no, r.received_each, r.damaged_each, r.over_each, %(at)s,
       r.command_id, r.actor
  FROM unnest(%(po_ids)s::text[], %(receipt_ids)s::text[], %(line_nos)s::integer[],
              %(received)s::bigint[], %(damaged)s::bigint[], %(over)s::bigint[],
              %(command_ids)s::text[], %(actors)s::text[])
       AS r (po_id, receipt_id, line_no, received_each, damaged_each, over_each, command_id, actor)

-- name: audit_po_lines
-- Lines that are not what their receipts say, or took more than was ordered and taken on purpose.
SELECT l.po_id, l.line_no, l.ordered_each, l.received_each, l.damaged_each,
       coalesce(r.received, 0)::bigint, coalesce(r.damaged, 0)::bigint, coalesce(r.over, 0)::bigint
  FROM purchasing.po_line AS l
  LEFT JOIN (SELECT po_id, line_no, sum(received_each) AS received, sum(damaged_each) AS damaged,
                    sum(over_each) AS over
               FROM purchasing.po_receipt
              GROUP BY po_id, line_no) AS r ON r.po_id = l.po_id AND r.line_no = l.line_no
 WHERE l.received_each <> coalesce(r.received, 0)
    OR l.damaged_each <> coalesce(r.damaged, 0)
    OR l.received_each > l.ordered_each + coalesce(r.over, 0)
 LIMIT %(limit)s

-- name: audit_po_states
-- Orders whose state is not what their lines say.
SELECT o.po_id, f.finding
  FROM purchasing.purchase_order AS o
  JOIN LATERAL (
      SELECT count(*) AS lines, count(*) FILTER (WHERE l.open) AS open,
             coalesce(sum(l.received_each), 0) AS received
        FROM purchasing.po_line AS l WHERE l.po_id = o.po_id) AS l ON true
  JOIN LATERAL (
      SELECT 'has no line' AS finding WHERE l.lines = 0
      UNION ALL
      SELECT 'has ended but expects goods' WHERE o.ended_at IS NOT NULL AND l.open > 0
      UNION ALL
      SELECT 'is open but expects nothing' WHERE o.ended_at IS NULL AND l.open = 0
      UNION ALL
      SELECT 'is ' || o.state || ' but goods came'
       WHERE o.state NOT IN ('partly_received', 'received') AND l.received > 0
      UNION ALL
      SELECT 'is ' || o.state || ' but nothing came'
       WHERE o.state IN ('partly_received', 'received') AND l.received = 0
  ) AS f ON true
 LIMIT %(limit)s

-- name: audit_po_counts
SELECT (SELECT count(*) FROM purchasing.purchase_order), (SELECT count(*) FROM purchasing.po_line),
       (SELECT count(*) FROM purchasing.po_receipt)
