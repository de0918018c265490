-- name: differing_work
-- Parts whose work in the warehouse, or whose parcels, say something else.
SELECT p.order_id, p.part_no, p.state, coalesce(w.state, 'none'), s.states
  FROM ordering.v_part AS p
  LEFT JOIN warehouse.v_work AS w ON w.order_id = p.order_id AND w.part_no = p.part_no
  LEFT JOIN (SELECT order_id, part_no, string_agg(state, ', ' ORDER BY shipment_no) AS states,
                    bool_and(state = 'delivered') AS arrived
               FROM carriage.v_shipment
              WHERE state <> 'voided'
              GROUP BY order_id, part_no) AS s
         ON s.order_id = p.order_id AND s.part_no = p.part_no
 WHERE CASE WHEN p.state IN ('backordered', 'reserved', 'cancelled')
            THEN coalesce(w.state, 'cancelled') <> 'cancelled' OR s.states IS NOT NULL
            WHEN p.state IN ('released', 'picked')
            THEN w.state IS DISTINCT FROM p.state OR s.states IS NOT NULL
            WHEN p.state = 'packed' THEN w.state IS DISTINCT FROM 'packed' OR s.states IS NULL
            ELSE w.state IS DISTINCT FROM 'handed_over' OR s.states IS NULL
                 OR (p.state = 'delivered') <> s.arrived
       END
 LIMIT %(limit)s

-- name: differing_holds
-- Holds that no open cart wants, that the cart does not know of, or that are past their time for
-- long; and carts that say they hold and do not.
WITH held AS (
    SELECT cart, sku, sum(quantity_each)::bigint AS each, min(expires_at) AS first_end,
           max(expires_at) AS last_end
      FROM inventory.v_hold
     GROUP BY cart, sku
)
SELECT h.cart, h.sku,
       CASE WHEN c.cart_id IS NULL THEN 'no such cart'
            WHEN c.state <> 'open' THEN 'the cart is ' || c.state
            WHEN l.sku IS NULL OR l.saved THEN 'the cart does not want it'
            WHEN h.each > l.quantity_each
            THEN 'the cart wants ' || l.quantity_each || ' and holds ' || h.each
            WHEN NOT c.holds THEN 'the cart says it holds nothing'
            WHEN c.held_until <> h.first_end OR h.first_end <> h.last_end
            THEN 'it ends at ' || h.first_end || ', the cart says ' || c.held_until
            ELSE 'it should have ended at ' || h.last_end
       END
  FROM held AS h
  LEFT JOIN ordering.v_cart AS c ON c.cart_id = h.cart
  LEFT JOIN ordering.v_cart_line AS l ON l.cart_id = h.cart AND l.sku = h.sku
 WHERE c.state IS DISTINCT FROM 'open' OR l.saved IS DISTINCT FROM false
    OR h.each > l.quantity_each OR NOT c.holds OR c.held_until <> h.first_end
    OR h.first_end <> h.last_end OR h.last_end < %(late)s
UNION ALL
SELECT c.cart_id, NULL, 'the cart says it holds, and holds nothing'
  FROM ordering.v_cart AS c
 WHERE c.holds
   AND NOT EXISTS (SELECT 1 FROM held AS h WHERE h.cart = c.cart_id)
 LIMIT %(limit)s

-- name: differing_tower
SELECT coalesce(p.order_id, t.order_id), coalesce(p.part_no, t.part_no), t.stage, p.stage
  FROM (SELECT p.order_id, p.part_no,
               CASE WHEN o.state = 'awaiting_payment' THEN 'awaiting_payment' ELSE p.state END
                   AS stage
          FROM ordering.v_part AS p
          JOIN ordering.v_order AS o ON o.order_id = p.order_id
         WHERE p.state NOT IN ('delivered', 'lost', 'cancelled')) AS p
  FULL JOIN tower.v_open_part AS t ON t.order_id = p.order_id AND t.part_no = p.part_no
 WHERE t.stage IS DISTINCT FROM p.stage
 LIMIT %(limit)s

-- name: promised_versions
SELECT order_id, array_agg(DISTINCT version ORDER BY version), min(at)
  FROM ordering.v_expectation
 WHERE order_id > %(after)s
 GROUP BY order_id
 ORDER BY order_id
 LIMIT %(limit)s

-- name: differing_deliveries
-- What purchasing, the warehouse and the ledger say of each order differently. Receipts of stock by
-- other documents are nobody else's business. Orders of which something came when the ledger's
-- movements were those that are in the archive now are left out.
WITH bought AS (
    SELECT o.po_id AS document, l.sku, o.node, sum(r.received_each) AS received,
           sum(r.damaged_each) AS damaged
      FROM purchasing.v_po_receipt AS r
      JOIN purchasing.v_po_line AS l ON l.po_id = r.po_id AND l.line_no = r.line_no
      JOIN purchasing.v_purchase_order AS o ON o.po_id = r.po_id
     GROUP BY o.po_id, l.sku, o.node
), counted AS (
    SELECT r.document, l.sku, r.node, sum(l.received_each) AS received,
           sum(l.damaged_each) AS damaged
      FROM warehouse.v_receipt AS r
      JOIN warehouse.v_receipt_line AS l ON l.receipt_id = r.receipt_id
     WHERE starts_with(r.receipt_id, 'purchase/') AND l.received_each > 0
     GROUP BY r.document, l.sku, r.node
), entered AS (
    SELECT e.document, e.sku, e.node, sum(e.quantity_each) AS received,
           sum(e.quantity_each) FILTER (WHERE e.account = 'quarantine') AS damaged
      FROM inventory.v_entry AS e
      JOIN purchasing.v_purchase_order AS o ON o.po_id = e.document
     WHERE e.cause = 'receipt' AND e.quantity_each > 0
     GROUP BY e.document, e.sku, e.node
), told AS (
    SELECT document, sku, node, coalesce(b.received, 0)::bigint AS bought,
           coalesce(b.damaged, 0)::bigint AS bought_damaged,
           coalesce(c.received, 0)::bigint AS counted,
           coalesce(c.damaged, 0)::bigint AS counted_damaged,
           coalesce(e.received, 0)::bigint AS entered,
           coalesce(e.damaged, 0)::bigint AS entered_damaged
      FROM bought AS b
      FULL JOIN counted AS c USING (document, sku, node)
      FULL JOIN entered AS e USING (document, sku, node)
)
SELECT document, sku, node, bought, bought_damaged, counted, counted_damaged, entered,
       entered_damaged
  FROM told
 WHERE ((bought, bought_damaged) <> (counted, counted_damaged)
        OR (bought, bought_damaged) <> (entered, entered_damaged))
   AND NOT EXISTS (SELECT 1 FROM purchasing.v_po_receipt AS r
                    WHERE r.po_id = told.document AND r.at < %(since)s)
 ORDER BY document, sku, node
 LIMIT %(limit)s

-- name: differing_returns
-- What ordering, the warehouse and the ledger say of the returns of each order differently; those
-- that came when movements are in the archive now are left out, with all of their order.
WITH returned AS (
    SELECT r.order_id AS document, l.sku, r.node, sum(l.received_each) AS received
      FROM ordering.v_return AS r
      JOIN ordering.v_return_line AS l ON l.order_id = r.order_id AND l.return_id = r.return_id
     WHERE l.received_each > 0
     GROUP BY r.order_id, l.sku, r.node
), counted AS (
    SELECT r.document, l.sku, r.node, sum(l.received_each) AS received
      FROM warehouse.v_receipt AS r
      JOIN warehouse.v_receipt_line AS l ON l.receipt_id = r.receipt_id
     WHERE starts_with(r.receipt_id, 'return/') AND l.received_each > 0
     GROUP BY r.document, l.sku, r.node
), entered AS (
    SELECT document, sku, node, sum(quantity_each) AS received
      FROM inventory.v_entry
     WHERE cause = 'customer_return' AND quantity_each > 0
     GROUP BY document, sku, node
), told AS (
    SELECT document, sku, node, coalesce(r.received, 0)::bigint AS returned,
           coalesce(c.received, 0)::bigint AS counted, coalesce(e.received, 0)::bigint AS entered
      FROM returned AS r
      FULL JOIN counted AS c USING (document, sku, node)
      FULL JOIN entered AS e USING (document, sku, node)
)
SELECT document, sku, node, returned, counted, entered
  FROM told
 WHERE (returned <> counted OR returned <> entered)
   AND NOT EXISTS (SELECT 1 FROM ordering.v_return AS r
                    WHERE r.order_id = told.document AND r.received_at < %(since)s)
 ORDER BY document, sku, node
 LIMIT %(limit)s
