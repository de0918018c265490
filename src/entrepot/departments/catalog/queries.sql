-- name: read_items
SELECT sku, name, category, mass_g, length_mm, width_mm, height_mm, handling, backorderable, gtin,
       inner_each, case_each, pallet_each, status
  FROM catalog.item
 WHERE sku = ANY(%(skus)s::text[])

-- name: insert_items
-- A SKU that someone else registered meanwhile is a conflict: the change is decided again.
INSERT INTO catalog.item (sku, name, category, mass_g, length_mm, width_mm, height_mm, handling,
                          backorderable, gtin, inner_each, case_each, pallet_each, status)
SELECT i.sku, i.name, i.category, i.mass_g, i.length_mm, i.width_mm, i.height_mm, i.handling,
       i.backorderable, i.gtin, i.inner_each, i.case_each, i.pallet_each, i.status
  FROM unnest(%(skus)s::text[], %(names)s::text[], %(categories)s::text[], %(masses)s::integer[],
              %(lengths)s::integer[], %(widths)s::integer[], %(heights)s::integer[],
              %(handlings)s::text[], %(backorderables)s::boolean[], %(gtins)s::text[],
              %(inners)s::integer[], %(cases)s::integer[], %(pallets)s::integer[],
              %(statuses)s::text[])
       AS i (sku, name, category, mass_g, length_mm, width_mm, height_mm, handling, backorderable,
             gtin, inner_each, case_each, pallet_each, status)
 ORDER BY i.sku

-- name: update_items
UPDATE catalog.item AS t
   SET name = i.name, category = i.category, mass_g = i.mass_g, length_mm = i.length_mm,
       width_mm = i.width_mm, height_mm = i.height_mm, handling = i.handling,
       backorderable = i.backorderable, gtin = i.gtin, inner_each = i.inner_each,
       case_each = i.case_each, pallet_each = i.pallet_each, status = i.status
  FROM (SELECT u.sku, u.name, u.category, u.mass_g, u.length_mm, u.width_mm, u.height_mm,
               u.handling, u.backorderable, u.gtin, u.inner_each, u.case_each, u.pallet_each,
               u.status
          FROM unnest(%(skus)s::text[], %(names)s::text[], %(categories)s::text[],
                      %(masses)s::integer[], %(lengths)s::integer[], %(widths)s::integer[],
                      %(heights)s::integer[], %(handlings)s::text[], %(backorderables)s::boolean[],
                      %(gtins)s::text[], %(inners)s::integer[], %(cases)s::integer[],
                      %(pallets)s::integer[], %(statuses)s::text[])
               AS u (sku, name, category, mass_g, length_mm, width_mm, height_mm, handling,
                     backorderable, gtin, inner_each, case_each, pallet_each, status)
         ORDER BY u.sku) AS i
 WHERE t.sku = i.sku

-- name: gtin_owners
SELECT gtin, sku FROM catalog.gtin WHERE gtin = ANY(%(gtins)s::text[])

-- name: give_up_gtins
DELETE FROM catalog.gtin AS g
 USING (SELECT u.gtin, u.sku
          FROM unnest(%(gtins)s::text[], %(skus)s::text[]) AS u (gtin, sku)
         ORDER BY u.gtin) AS k
 WHERE g.gtin = k.gtin AND g.sku = k.sku

-- name: take_gtins
-- A GTIN that someone else took meanwhile is a conflict: the change is decided again.
INSERT INTO catalog.gtin (gtin, sku)
SELECT k.gtin, k.sku
  FROM unnest(%(gtins)s::text[], %(skus)s::text[]) AS k (gtin, sku)
 ORDER BY k.gtin
