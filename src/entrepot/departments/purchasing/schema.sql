-- Suppliers, their lead times, and the terms agreed with them.

CREATE SCHEMA purchasing;

-- reference
CREATE TABLE purchasing.supplier (
    supplier_id  text NOT NULL PRIMARY KEY,
    name         text NOT NULL,
    country      text NOT NULL CHECK (length(country) = 2),
    currency     text NOT NULL CHECK (length(currency) = 3),
    calendar_id  text,
    gln          text
);

-- One row per number of days; those of a supplier sum to 1,000,000.
-- reference
CREATE TABLE purchasing.lead_time (
    supplier_id  text    NOT NULL REFERENCES purchasing.supplier (supplier_id),
    days         integer NOT NULL CHECK (days >= 0),
    ppm          integer NOT NULL CHECK (ppm BETWEEN 1 AND 1000000),
    PRIMARY KEY (supplier_id, days)
);

-- distributed by (sku)
CREATE TABLE purchasing.terms (
    sku             text    NOT NULL,
    supplier_id     text    NOT NULL REFERENCES purchasing.supplier (supplier_id),
    currency        text    NOT NULL CHECK (length(currency) = 3),
    cost_minor      bigint  NOT NULL CHECK (cost_minor >= 0),
    moq_each        integer NOT NULL CHECK (moq_each > 0),
    multiple_each   integer NOT NULL CHECK (multiple_each > 0),
    lead_time_days  integer CHECK (lead_time_days >= 0),
    incoterm        text    CHECK (incoterm IN ('EXW', 'FCA', 'CPT', 'CIP', 'DAP', 'DPU', 'DDP',
                                                'FAS', 'FOB', 'CFR', 'CIF')),
    named_place     text,
    PRIMARY KEY (sku, supplier_id),
    CHECK ((incoterm IS NULL) = (named_place IS NULL))
);

-- distributed by (sku)
CREATE TABLE purchasing.price_break (
    sku          text    NOT NULL,
    supplier_id  text    NOT NULL,
    from_each    integer NOT NULL CHECK (from_each > 1),
    cost_minor   bigint  NOT NULL CHECK (cost_minor >= 0),
    PRIMARY KEY (sku, supplier_id, from_each),
    FOREIGN KEY (sku, supplier_id) REFERENCES purchasing.terms (sku, supplier_id)
);

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW purchasing.v_supplier AS
SELECT supplier_id, name, country, currency FROM purchasing.supplier;

CREATE VIEW purchasing.v_terms AS
SELECT sku, supplier_id, currency, cost_minor, moq_each, multiple_each, lead_time_days, incoterm,
       named_place
  FROM purchasing.terms;
