-- Principals, roles, API keys, and the audit log.

CREATE SCHEMA access;

-- Who can act. Ids are opaque: they name no natural person.
-- reference
CREATE TABLE access.principal (
    principal_id  text        NOT NULL PRIMARY KEY CHECK (length(principal_id) BETWEEN 1 AND 100),
    kind          text        NOT NULL CHECK (kind IN ('person', 'service', 'supplier',
                                                       'customer_agent')),
    created_at    timestamptz NOT NULL
);

-- reference
CREATE TABLE access.role (
    role     text NOT NULL PRIMARY KEY,
    purpose  text NOT NULL
);

-- What a role permits; whatever is not here is denied.
-- reference
CREATE TABLE access.role_permission (
    role        text NOT NULL REFERENCES access.role (role),
    permission  text NOT NULL,
    PRIMARY KEY (role, permission)
);

-- Who holds which role now; the history stands in the audit log.
-- reference
CREATE TABLE access.role_grant (
    principal_id  text        NOT NULL REFERENCES access.principal (principal_id),
    role          text        NOT NULL REFERENCES access.role (role),
    granted_at    timestamptz NOT NULL,
    PRIMARY KEY (principal_id, role)
);

-- API keys: found by the public prefix, proven by the hash of the whole key.
-- reference
CREATE TABLE access.api_key (
    prefix        text        NOT NULL PRIMARY KEY,
    principal_id  text        NOT NULL REFERENCES access.principal (principal_id),
    secret_hash   bytea       NOT NULL CHECK (length(secret_hash) = 32),
    scopes        text[],
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    last_used_at  timestamptz,
    revoked_at    timestamptz
) WITH (fillfactor = 80);

CREATE INDEX api_key_principal ON access.api_key (principal_id);

-- Has its one row once the first admin was made: there is never a second first one.
-- local
CREATE TABLE access.first_admin (
    one         boolean     NOT NULL PRIMARY KEY CHECK (one),
    created_at  timestamptz NOT NULL
);

-- The end of each chain; an update of its row is what puts writers in line.
-- distributed by (stream)
CREATE TABLE access.audit_head (
    stream    text   NOT NULL PRIMARY KEY,
    position  bigint NOT NULL CHECK (position > 0),
    hash      bytea  NOT NULL CHECK (length(hash) = 32)
) WITH (fillfactor = 50);

-- Who did what. Positions have no gaps; each hash covers the entry and the hash before it.
-- details is json and not jsonb: its text is kept as it was hashed.
-- distributed by (stream)
CREATE TABLE access.audit (
    stream      text        NOT NULL,
    position    bigint      NOT NULL CHECK (position > 0),
    at          timestamptz NOT NULL,
    actor       text        NOT NULL,
    action      text        NOT NULL,
    subject     text        NOT NULL,
    command_id  text        NOT NULL,
    details     json        NOT NULL,
    hash        bytea       NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (stream, position)
);
COMMENT ON TABLE access.audit IS 'append only';

INSERT INTO access.role (role, purpose)
VALUES ('admin', 'everything, for whoever runs the installation'),
       ('auditor', 'reads everything that is no personal data, changes nothing'),
       ('buyer', 'suppliers and what is ordered from them'),
       ('care', 'helps customers: their orders and their data'),
       ('planner', 'prices, the network, and what to stock where'),
       ('service', 'another system of the house: catalog, prices, stock, orders'),
       ('storefront', 'a shop: quotes, places and shows orders'),
       ('warehouse', 'receives, counts and ships goods');

INSERT INTO access.role_permission (role, permission)
VALUES ('admin', 'orders:quote'), ('admin', 'orders:place'), ('admin', 'orders:read'),
       ('admin', 'orders:cancel'), ('admin', 'orders:pay'), ('admin', 'stock:read'),
       ('admin', 'stock:adjust'), ('admin', 'stock:receive'), ('admin', 'catalog:write'),
       ('admin', 'network:write'), ('admin', 'prices:write'), ('admin', 'suppliers:write'),
       ('admin', 'customers:read'), ('admin', 'customers:erase'), ('admin', 'access:manage'),
       ('admin', 'audit:read'), ('admin', 'operations:read'), ('admin', 'operations:manage'),
       ('admin', 'load:write'), ('admin', 'carts:read'), ('admin', 'carts:write'),
       ('auditor', 'orders:read'), ('auditor', 'stock:read'), ('auditor', 'audit:read'),
       ('auditor', 'operations:read'), ('auditor', 'carts:read'),
       ('buyer', 'suppliers:write'), ('buyer', 'stock:read'), ('buyer', 'orders:read'),
       ('care', 'orders:quote'), ('care', 'orders:place'), ('care', 'orders:read'),
       ('care', 'orders:cancel'), ('care', 'stock:read'), ('care', 'customers:read'),
       ('care', 'customers:erase'), ('care', 'carts:read'), ('care', 'carts:write'),
       ('planner', 'stock:read'), ('planner', 'orders:read'), ('planner', 'network:write'),
       ('planner', 'prices:write'), ('planner', 'operations:read'),
       ('service', 'orders:quote'), ('service', 'orders:place'), ('service', 'orders:read'),
       ('service', 'orders:cancel'), ('service', 'orders:pay'), ('service', 'stock:read'),
       ('service', 'stock:receive'), ('service', 'catalog:write'), ('service', 'prices:write'),
       ('service', 'load:write'), ('service', 'carts:read'), ('service', 'carts:write'),
       ('storefront', 'orders:quote'), ('storefront', 'orders:place'),
       ('storefront', 'orders:read'), ('storefront', 'orders:cancel'),
       ('storefront', 'stock:read'), ('storefront', 'carts:read'), ('storefront', 'carts:write'),
       ('warehouse', 'stock:read'), ('warehouse', 'stock:adjust'), ('warehouse', 'stock:receive'),
       ('warehouse', 'orders:read');

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW access.v_principal AS
SELECT principal_id, kind, created_at
  FROM access.principal;

CREATE VIEW access.v_role_grant AS
SELECT principal_id, role, granted_at
  FROM access.role_grant;

CREATE VIEW access.v_api_key AS
SELECT prefix, principal_id, scopes, created_at, expires_at, last_used_at, revoked_at
  FROM access.api_key;

CREATE VIEW access.v_audit AS
SELECT stream, position, at, actor, action, subject, command_id, details
  FROM access.audit;
