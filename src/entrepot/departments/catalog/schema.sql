-- Items and the GTINs in use.

CREATE SCHEMA catalog;

-- distributed by (sku)
CREATE TABLE catalog.item (
    sku            text    NOT NULL PRIMARY KEY,
    name           text    NOT NULL,
    category       text    NOT NULL,
    mass_g         integer NOT NULL CHECK (mass_g > 0),
    length_mm      integer NOT NULL CHECK (length_mm > 0),
    width_mm       integer NOT NULL CHECK (width_mm > 0),
    height_mm      integer NOT NULL CHECK (height_mm > 0),
    handling       text    NOT NULL CHECK (handling IN ('standard', 'fragile', 'bulky',
                                                        'dangerous', 'chilled', 'frozen')),
    backorderable  boolean NOT NULL,
    gtin           text,
    inner_each     integer CHECK (inner_each > 1),
    case_each      integer CHECK (case_each > 1),
    pallet_each    integer CHECK (pallet_each > 1),
    status         text    NOT NULL CHECK (status IN ('active', 'retired'))
);

-- Which SKU a GTIN names, in its 14-digit form: a GTIN names one.
-- distributed by (gtin)
CREATE TABLE catalog.gtin (
    gtin  text NOT NULL PRIMARY KEY CHECK (length(gtin) = 14),
    sku   text NOT NULL
);

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW catalog.v_item AS
SELECT sku, name, category, mass_g, length_mm, width_mm, height_mm, handling, backorderable, gtin,
       inner_each, case_each, pallet_each, status
  FROM catalog.item;
