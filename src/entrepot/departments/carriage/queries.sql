-- name: claim_tracking_numbers
-- A number that is taken is not written: the rows given back tell.
INSERT INTO carriage.tracking_number (tracking_no, order_id, part_no, shipment_no)
SELECT k.tracking_no, k.order_id, k.part_no, k.shipment_no
  FROM unnest(%(tracking_nos)s::text[], %(order_ids)s::text[], %(part_nos)s::integer[],
              %(shipment_nos)s::integer[])
       AS k (tracking_no, order_id, part_no, shipment_no)
 ORDER BY k.tracking_no, k.order_id, k.part_no, k.shipment_no
ON CONFLICT (tracking_no) DO NOTHING
RETURNING order_id, part_no, shipment_no

-- name: insert_shipments
INSERT INTO carriage.shipment (order_id, part_no, shipment_no, node, service, sscc, tracking_no,
                               mass_g, cost_minor, currency, state, latest_date, booked_at,
                               last_event_at, book_command, version)
SELECT k.order_id, k.part_no, k.shipment_no, k.node, k.service, k.sscc, k.tracking_no, k.mass_g,
       k.cost_minor, k.currency, 'booked', k.latest_date, %(at)s, %(at)s, k.command_id, 1
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(shipment_nos)s::integer[],
              %(nodes)s::text[], %(services)s::text[], %(ssccs)s::text[],
              %(tracking_nos)s::text[], %(masses)s::bigint[], %(costs)s::bigint[],
              %(currencies)s::text[], %(latest)s::date[], %(command_ids)s::text[])
       AS k (order_id, part_no, shipment_no, node, service, sscc, tracking_no, mass_g, cost_minor,
             currency, latest_date, command_id)

-- name: shipments_of_orders
SELECT order_id, part_no, shipment_no, node, service, sscc, tracking_no, mass_g, cost_minor,
       currency, state, latest_date, booked_at, handed_over_at, delivered_at, voided_at,
       last_event_at, incident, book_command, hand_over_command, void_command,
       version
  FROM carriage.shipment
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, part_no, shipment_no

-- name: shipments_by_number
SELECT t.tracking_no, s.order_id, s.part_no, s.shipment_no, s.node, s.service, s.sscc,
       s.tracking_no, s.mass_g, s.cost_minor, s.currency, s.state, s.latest_date, s.booked_at,
       s.handed_over_at, s.delivered_at, s.voided_at, s.last_event_at, s.incident,
       s.book_command, s.hand_over_command, s.void_command, s.version
  FROM carriage.tracking_number AS t
  JOIN carriage.shipment AS s ON s.order_id = t.order_id AND s.part_no = t.part_no
                             AND s.shipment_no = t.shipment_no
 WHERE t.tracking_no = ANY(%(tracking_nos)s::text[])

-- name: moving_shipments
SELECT order_id, part_no, shipment_no, node, service, sscc, tracking_no, mass_g, cost_minor,
       currency, state, latest_date, booked_at, handed_over_at, delivered_at, voided_at,
       last_event_at, incident, book_command, hand_over_command, void_command,
       version
  FROM carriage.shipment
 WHERE state IN ('handed_over', 'in_transit', 'out_for_delivery', 'exception')
   AND last_event_at < %(before)s
 ORDER BY last_event_at, order_id, part_no, shipment_no
 LIMIT %(limit)s

-- name: move_shipments
UPDATE carriage.shipment AS s
   SET state = m.state, handed_over_at = m.handed_over_at, delivered_at = m.delivered_at,
       voided_at = m.voided_at, last_event_at = m.last_event_at, incident = m.incident,
       hand_over_command = m.hand_over_command, void_command = m.void_command,
       version = m.version + 1
  FROM (SELECT k.order_id, k.part_no, k.shipment_no, k.version, k.state, k.handed_over_at,
               k.delivered_at, k.voided_at, k.last_event_at, k.incident, k.hand_over_command,
               k.void_command
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(shipment_nos)s::integer[],
                      %(versions)s::integer[], %(states)s::text[], %(handed_over)s::timestamptz[],
                      %(delivered)s::timestamptz[], %(voided)s::timestamptz[],
                      %(last_events)s::timestamptz[], %(incidents)s::text[],
                      %(hand_over_commands)s::text[], %(void_commands)s::text[])
               AS k (order_id, part_no, shipment_no, version, state, handed_over_at, delivered_at,
                     voided_at, last_event_at, incident, hand_over_command, void_command)
         ORDER BY k.order_id, k.part_no, k.shipment_no) AS m
 WHERE s.order_id = m.order_id AND s.part_no = m.part_no AND s.shipment_no = m.shipment_no
   AND s.version = m.version

-- name: insert_events
-- An event that was told before is not written: the count tells.
INSERT INTO carriage.tracking_event (order_id, part_no, shipment_no, event_id, at, heard_at, kind,
                                     incident, place, detail, to_state)
SELECT k.order_id, k.part_no, k.shipment_no, k.event_id, k.at, %(heard_at)s, k.kind, k.incident,
       k.place, k.detail, k.to_state
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(shipment_nos)s::integer[],
              %(event_ids)s::text[], %(ats)s::timestamptz[], %(kinds)s::text[],
              %(incidents)s::text[], %(places)s::text[], %(details)s::text[],
              %(to_states)s::text[])
       AS k (order_id, part_no, shipment_no, event_id, at, kind, incident, place, detail, to_state)
 ORDER BY k.order_id, k.part_no, k.shipment_no, k.event_id
ON CONFLICT (order_id, part_no, shipment_no, event_id) DO NOTHING

-- name: told_before
SELECT e.order_id, e.part_no, e.shipment_no, e.event_id, e.to_state
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(shipment_nos)s::integer[],
              %(event_ids)s::text[])
       AS k (order_id, part_no, shipment_no, event_id)
  JOIN carriage.tracking_event AS e ON e.order_id = k.order_id AND e.part_no = k.part_no
                                   AND e.shipment_no = k.shipment_no AND e.event_id = k.event_id

-- name: events_of_orders
SELECT order_id, part_no, shipment_no, event_id, at, heard_at, kind, incident, place, detail,
       to_state
  FROM carriage.tracking_event
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, part_no, shipment_no, at, heard_at, event_id

-- name: audit_shipments
-- Shipments whose state no hand-over, cancellation or event explains, or whose number is not
-- theirs.
SELECT s.order_id, s.part_no, s.shipment_no, f.finding
  FROM carriage.shipment AS s
  JOIN LATERAL (
      SELECT 'is ' || s.state || ' without an event that says so' AS finding
       WHERE s.state NOT IN ('booked', 'handed_over', 'voided')
         AND NOT EXISTS (SELECT 1 FROM carriage.tracking_event AS e
                          WHERE e.order_id = s.order_id AND e.part_no = s.part_no
                            AND e.shipment_no = s.shipment_no AND e.to_state = s.state
                            AND e.at = s.last_event_at)
      UNION ALL
      SELECT 'has a tracking number that leads elsewhere'
       WHERE NOT EXISTS (SELECT 1 FROM carriage.tracking_number AS t
                          WHERE t.tracking_no = s.tracking_no AND t.order_id = s.order_id
                            AND t.part_no = s.part_no AND t.shipment_no = s.shipment_no)
  ) AS f ON true
 LIMIT %(limit)s

-- name: audit_counts
SELECT (SELECT count(*) FROM carriage.shipment), (SELECT count(*) FROM carriage.tracking_event)
