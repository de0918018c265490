-- Price lists: every version of every price.

CREATE SCHEMA pricing;

-- An entry holds from valid_from until before valid_to. A later revision at the same place (sku,
-- list, currency, valid_from) replaces an earlier one whole; where periods overlap, the entry
-- with the latest valid_from is in force.
-- distributed by (sku)
CREATE TABLE pricing.price (
    sku           text        NOT NULL,
    price_list    text        NOT NULL,
    currency      text        NOT NULL CHECK (length(currency) = 3),
    valid_from    timestamptz NOT NULL,
    revision      integer     NOT NULL CHECK (revision > 0),
    version_id    uuid        NOT NULL,
    valid_to      timestamptz,
    amount_minor  bigint      NOT NULL CHECK (amount_minor > 0),
    set_at        timestamptz NOT NULL,
    command_id    text        NOT NULL,
    actor         text        NOT NULL,
    PRIMARY KEY (sku, price_list, currency, valid_from, revision),
    UNIQUE (sku, version_id),
    CHECK (valid_to > valid_from)
);
COMMENT ON TABLE pricing.price IS 'append only';

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW pricing.v_price AS
SELECT DISTINCT ON (sku, price_list, currency, valid_from)
       sku, price_list, currency, valid_from, valid_to, amount_minor, version_id, revision
  FROM pricing.price
 ORDER BY sku, price_list, currency, valid_from, revision DESC;
