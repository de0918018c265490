-- Persons, their encrypted data, references to them, erasures.

CREATE SCHEMA customers;

-- An id and a region; nothing here tells who it is. records counts the personal data ever added:
-- its update is the guard that no data are added to someone who is being erased.
-- distributed by (person_id)
CREATE TABLE customers.person (
    person_id    uuid        NOT NULL PRIMARY KEY,
    country      text,
    postal_area  text,
    records      integer     NOT NULL CHECK (records >= 0),
    created_at   timestamptz NOT NULL,
    erased_at    timestamptz
) WITH (fillfactor = 80);

-- Personal data, encrypted with the person's key; every version is kept until the erasure.
-- The indexes and the content hash are keyed hashes.
-- distributed by (person_id)
CREATE TABLE customers.person_data (
    person_id     uuid        NOT NULL REFERENCES customers.person (person_id),
    record_id     uuid        NOT NULL,
    version       integer     NOT NULL CHECK (version > 0),
    kind          text        NOT NULL CHECK (kind IN ('contact', 'address')),
    ciphertext    bytea       NOT NULL,
    content_hash  bytea       NOT NULL CHECK (length(content_hash) = 32),
    email_index   bytea       CHECK (length(email_index) = 32),
    phone_index   bytea       CHECK (length(phone_index) = 32),
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (person_id, record_id),
    UNIQUE (person_id, version)
);

CREATE INDEX person_data_email ON customers.person_data (email_index)
    WHERE email_index IS NOT NULL;
CREATE INDEX person_data_phone ON customers.person_data (phone_index)
    WHERE phone_index IS NOT NULL;

-- The shop's own id of a person. Kept after an erasure, so that an import brings nobody back.
-- distributed by (customer_ref)
CREATE TABLE customers.reference (
    customer_ref  text NOT NULL PRIMARY KEY,
    person_id     uuid NOT NULL
);

CREATE INDEX reference_person ON customers.reference (person_id);

-- Who asked to be forgotten; complete once the key is destroyed and the data are deleted.
-- distributed by (person_id)
CREATE TABLE customers.erasure (
    person_id     uuid        NOT NULL PRIMARY KEY,
    requested_at  timestamptz NOT NULL,
    completed_at  timestamptz,
    command_id    text        NOT NULL,
    actor         text        NOT NULL
);

CREATE INDEX erasure_pending ON customers.erasure (requested_at) WHERE completed_at IS NULL;

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW customers.v_person AS
SELECT person_id, country, postal_area, created_at, erased_at
  FROM customers.person;

CREATE VIEW customers.v_erasure AS
SELECT person_id, requested_at, completed_at
  FROM customers.erasure;
