-- name: read_version
SELECT number, fingerprint FROM network.version WHERE one

-- name: lock_version
-- Changes of the network come one after another.
SELECT number, fingerprint FROM network.version WHERE one FOR UPDATE

-- name: raise_version
UPDATE network.version SET number = %(number)s, fingerprint = %(fingerprint)s WHERE one

-- name: read_retailer
SELECT name, currency, country, zone, service_level_ppm FROM network.retailer WHERE one

-- name: read_calendars
SELECT calendar_id, name, opening::text, closed_dates FROM network.calendar ORDER BY calendar_id

-- name: read_nodes
SELECT node_id, name, kind, country, postal_code, latitude_microdeg, longitude_microdeg, zone,
       calendar_id, handling_minutes, box_cost_mills, item_cost_mills, orders_per_day, gln, status
  FROM network.node
 ORDER BY node_id

-- name: read_carriers
SELECT carrier_id, name FROM network.carrier ORDER BY carrier_id

-- name: read_services
SELECT service_id, carrier_id, name, speed, cut_off_minute, pickup_days, delivery_days, max_mass_g,
       volumetric_divisor
  FROM network.service
 ORDER BY service_id

-- name: read_offerings
SELECT service_id, node_id, cut_off_minute FROM network.offering ORDER BY service_id, node_id

-- name: read_zone_rules
SELECT node_id, country, postal_prefix, zone
  FROM network.zone_rule
 ORDER BY node_id, country, postal_prefix

-- name: read_transits
SELECT service_id, zone, weekday, days, ppm
  FROM network.transit
 ORDER BY service_id, zone, weekday, days

-- name: read_rates
SELECT service_id, zone, currency, up_to_mass_g, price_minor, cost_minor
  FROM network.rate
 ORDER BY service_id, zone, currency, up_to_mass_g

-- name: read_footprints
SELECT service_id, zone, co2e_g_per_kg, co2e_g_per_box FROM network.footprint
 ORDER BY service_id, zone

-- name: read_areas
SELECT country, postal_prefix, name, latitude_microdeg, longitude_microdeg, population
  FROM network.area
 ORDER BY country, postal_prefix

-- name: put_retailer
INSERT INTO network.retailer (one, name, currency, country, zone, service_level_ppm)
VALUES (true, %(name)s, %(currency)s, %(country)s, %(zone)s, %(service_level_ppm)s)
ON CONFLICT (one) DO UPDATE
   SET name = excluded.name, currency = excluded.currency, country = excluded.country,
       zone = excluded.zone, service_level_ppm = excluded.service_level_ppm

-- name: put_calendars
INSERT INTO network.calendar (calendar_id, name, opening, closed_dates)
SELECT c.calendar_id, c.name, c.opening, c.closed_dates::date[]
  FROM unnest(%(calendar_ids)s::text[], %(names)s::text[], %(openings)s::jsonb[],
              %(closed_dates)s::text[]) AS c (calendar_id, name, opening, closed_dates)
 ORDER BY c.calendar_id
ON CONFLICT (calendar_id) DO UPDATE
   SET name = excluded.name, opening = excluded.opening, closed_dates = excluded.closed_dates

-- name: put_nodes
INSERT INTO network.node (node_id, name, kind, country, postal_code, latitude_microdeg,
                          longitude_microdeg, zone, calendar_id, handling_minutes, box_cost_mills,
                          item_cost_mills, orders_per_day, gln, status)
SELECT n.node_id, n.name, n.kind, n.country, n.postal_code, n.latitude_microdeg,
       n.longitude_microdeg, n.zone, n.calendar_id, n.handling_minutes, n.box_cost_mills,
       n.item_cost_mills, n.orders_per_day, n.gln, n.status
  FROM unnest(%(node_ids)s::text[], %(names)s::text[], %(kinds)s::text[], %(countries)s::text[],
              %(postal_codes)s::text[], %(latitudes)s::integer[], %(longitudes)s::integer[],
              %(zones)s::text[], %(calendar_ids)s::text[], %(handling)s::integer[],
              %(box_costs)s::bigint[], %(item_costs)s::bigint[], %(orders_per_day)s::integer[],
              %(glns)s::text[], %(statuses)s::text[])
       AS n (node_id, name, kind, country, postal_code, latitude_microdeg, longitude_microdeg,
             zone, calendar_id, handling_minutes, box_cost_mills, item_cost_mills, orders_per_day,
             gln, status)
 ORDER BY n.node_id
ON CONFLICT (node_id) DO UPDATE
   SET name = excluded.name, kind = excluded.kind, country = excluded.country,
       postal_code = excluded.postal_code, latitude_microdeg = excluded.latitude_microdeg,
       longitude_microdeg = excluded.longitude_microdeg, zone = excluded.zone,
       calendar_id = excluded.calendar_id, handling_minutes = excluded.handling_minutes,
       box_cost_mills = excluded.box_cost_mills, item_cost_mills = excluded.item_cost_mills,
       orders_per_day = excluded.orders_per_day, gln = excluded.gln, status = excluded.status

-- name: put_carriers
INSERT INTO network.carrier (carrier_id, name)
SELECT c.carrier_id, c.name
  FROM unnest(%(carrier_ids)s::text[], %(names)s::text[]) AS c (carrier_id, name)
 ORDER BY c.carrier_id
ON CONFLICT (carrier_id) DO UPDATE SET name = excluded.name

-- name: put_services
INSERT INTO network.service (service_id, carrier_id, name, speed, cut_off_minute, pickup_days,
                             delivery_days, max_mass_g, volumetric_divisor)
SELECT s.service_id, s.carrier_id, s.name, s.speed, s.cut_off_minute, s.pickup_days::smallint[],
       s.delivery_days::smallint[], s.max_mass_g, s.volumetric_divisor
  FROM unnest(%(service_ids)s::text[], %(carrier_ids)s::text[], %(names)s::text[],
              %(speeds)s::text[], %(cut_offs)s::integer[], %(pickup_days)s::text[],
              %(delivery_days)s::text[], %(max_masses)s::integer[], %(divisors)s::integer[])
       AS s (service_id, carrier_id, name, speed, cut_off_minute, pickup_days, delivery_days,
             max_mass_g, volumetric_divisor)
 ORDER BY s.service_id
ON CONFLICT (service_id) DO UPDATE
   SET carrier_id = excluded.carrier_id, name = excluded.name, speed = excluded.speed,
       cut_off_minute = excluded.cut_off_minute, pickup_days = excluded.pickup_days,
       delivery_days = excluded.delivery_days, max_mass_g = excluded.max_mass_g,
       volumetric_divisor = excluded.volumetric_divisor

-- name: put_offerings
INSERT INTO network.offering (service_id, node_id, cut_off_minute)
SELECT o.service_id, o.node_id, o.cut_off_minute
  FROM unnest(%(service_ids)s::text[], %(node_ids)s::text[], %(cut_offs)s::integer[])
       AS o (service_id, node_id, cut_off_minute)
 ORDER BY o.service_id, o.node_id
ON CONFLICT (service_id, node_id) DO UPDATE SET cut_off_minute = excluded.cut_off_minute

-- name: put_zone_rules
INSERT INTO network.zone_rule (node_id, country, postal_prefix, zone)
SELECT z.node_id, z.country, z.postal_prefix, z.zone
  FROM unnest(%(node_ids)s::text[], %(countries)s::text[], %(postal_prefixes)s::text[],
              %(zones)s::smallint[]) AS z (node_id, country, postal_prefix, zone)
 ORDER BY z.node_id, z.country, z.postal_prefix
ON CONFLICT (node_id, country, postal_prefix) DO UPDATE SET zone = excluded.zone

-- name: clear_transits
DELETE FROM network.transit AS t
 USING (SELECT u.service_id, u.zone, u.weekday
          FROM unnest(%(service_ids)s::text[], %(zones)s::smallint[], %(weekdays)s::smallint[])
               AS u (service_id, zone, weekday)
         ORDER BY u.service_id, u.zone, u.weekday) AS k
 WHERE t.service_id = k.service_id AND t.zone = k.zone AND t.weekday = k.weekday

-- name: insert_transits
INSERT INTO network.transit (service_id, zone, weekday, days, ppm)
SELECT t.service_id, t.zone, t.weekday, t.days, t.ppm
  FROM unnest(%(service_ids)s::text[], %(zones)s::smallint[], %(weekdays)s::smallint[],
              %(days)s::smallint[], %(ppms)s::integer[])
       AS t (service_id, zone, weekday, days, ppm)
 ORDER BY t.service_id, t.zone, t.weekday, t.days

-- name: clear_rates
DELETE FROM network.rate AS r
 USING (SELECT u.service_id, u.zone, u.currency
          FROM unnest(%(service_ids)s::text[], %(zones)s::smallint[], %(currencies)s::text[])
               AS u (service_id, zone, currency)
         ORDER BY u.service_id, u.zone, u.currency) AS k
 WHERE r.service_id = k.service_id AND r.zone = k.zone AND r.currency = k.currency

-- name: insert_rates
INSERT INTO network.rate (service_id, zone, currency, up_to_mass_g, price_minor, cost_minor)
SELECT r.service_id, r.zone, r.currency, r.up_to_mass_g, r.price_minor, r.cost_minor
  FROM unnest(%(service_ids)s::text[], %(zones)s::smallint[], %(currencies)s::text[],
              %(up_to_masses)s::integer[], %(prices)s::bigint[], %(costs)s::bigint[])
       AS r (service_id, zone, currency, up_to_mass_g, price_minor, cost_minor)
 ORDER BY r.service_id, r.zone, r.currency, r.up_to_mass_g

-- name: put_footprints
INSERT INTO network.footprint (service_id, zone, co2e_g_per_kg, co2e_g_per_box)
SELECT f.service_id, f.zone, f.co2e_g_per_kg, f.co2e_g_per_box
  FROM unnest(%(service_ids)s::text[], %(zones)s::smallint[], %(per_kg)s::integer[],
              %(per_box)s::integer[]) AS f (service_id, zone, co2e_g_per_kg, co2e_g_per_box)
 ORDER BY f.service_id, f.zone
ON CONFLICT (service_id, zone) DO UPDATE
   SET co2e_g_per_kg = excluded.co2e_g_per_kg, co2e_g_per_box = excluded.co2e_g_per_box

-- name: put_areas
INSERT INTO network.area (country, postal_prefix, name, latitude_microdeg, longitude_microdeg,
                          population)
SELECT a.country, a.postal_prefix, a.name, a.latitude_microdeg, a.longitude_microdeg, a.population
  FROM unnest(%(countries)s::text[], %(postal_prefixes)s::text[], %(names)s::text[],
              %(latitudes)s::integer[], %(longitudes)s::integer[], %(populations)s::bigint[])
       AS a (country, postal_prefix, name, latitude_microdeg, longitude_microdeg, population)
 ORDER BY a.country, a.postal_prefix
ON CONFLICT (country, postal_prefix) DO UPDATE
   SET name = excluded.name, latitude_microdeg = excluded.latitude_microdeg,
       longitude_microdeg = excluded.longitude_microdeg, population = excluded.population
