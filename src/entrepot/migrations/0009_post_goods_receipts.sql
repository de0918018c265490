-- The warehouse gets the receipts of goods that came before it counted them itself, as the rooms
-- that expected them have them: put away at once when a supplier brought them, when graded else.

INSERT INTO warehouse.receipt (receipt_id, node, document, state, received_at, put_away_at,
                               receive_command, put_away_command, actor)
SELECT 'purchase/' || r.po_id || '/' || r.receipt_id, o.node, r.po_id, 'put_away', min(r.at),
       min(r.at), min(r.command_id), min(r.command_id), min(r.actor)
  FROM purchasing.po_receipt AS r
  JOIN purchasing.purchase_order AS o ON o.po_id = r.po_id
 WHERE length(r.po_id) + length(r.receipt_id) <= 190
 GROUP BY r.po_id, r.receipt_id, o.node
 ORDER BY 1
ON CONFLICT (receipt_id) DO NOTHING;

INSERT INTO warehouse.receipt_line (receipt_id, line_no, sku, expected_each, received_each,
                                    damaged_each)
SELECT 'purchase/' || r.po_id || '/' || r.receipt_id, r.line_no, l.sku,
       r.received_each - r.over_each, r.received_each, r.damaged_each
  FROM purchasing.po_receipt AS r
  JOIN purchasing.po_line AS l ON l.po_id = r.po_id AND l.line_no = r.line_no
 WHERE length(r.po_id) + length(r.receipt_id) <= 190
 ORDER BY 1, 2
ON CONFLICT (receipt_id, line_no) DO NOTHING;

INSERT INTO warehouse.receipt (receipt_id, node, document, state, received_at, put_away_at,
                               receive_command, put_away_command, actor)
SELECT 'return/' || r.order_id || '/' || r.return_id, r.node, r.order_id,
       CASE WHEN r.graded_at IS NULL THEN 'received' ELSE 'put_away' END, r.received_at,
       r.graded_at, r.command_id, CASE WHEN r.graded_at IS NOT NULL THEN r.command_id END, r.actor
  FROM ordering.return_order AS r
 WHERE r.received_at IS NOT NULL
 ORDER BY 1
ON CONFLICT (receipt_id) DO NOTHING;

INSERT INTO warehouse.receipt_line (receipt_id, line_no, sku, expected_each, received_each,
                                    damaged_each)
SELECT 'return/' || r.order_id || '/' || r.return_id, l.line_no, l.sku, l.quantity_each,
       l.received_each, 0
  FROM ordering.return_order AS r
  JOIN ordering.return_line AS l ON l.order_id = r.order_id AND l.return_id = r.return_id
 WHERE r.received_at IS NOT NULL
 ORDER BY 1, 2
ON CONFLICT (receipt_id, line_no) DO NOTHING;
