"""Years of orders in a database, as the house leaves them, written by PostgreSQL itself.

Ten million orders over twelve years. The rows of the orders, and the reservations behind them, are
all there. What is written once and kept for 400 days (ledger, events, facts, decisions, answers of
commands) is there for that long; older months are as the archive leaves them: carried forward. Each
row has every column, filled with what the flows write. A month is a step: a run that is killed goes
on with the month it was in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from benchmarks import retailer
from entrepot.ground import partitions
from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.ground.migrate import migrate, own_schemas

MONTHS = 144
# The present month and those before it whose records are still in the database: 400 days and more.
LIVE = 15
HANDS = 2
FACTS = 14
UNHURRIED = "SET statement_timeout = 0; SET transaction_timeout = 0; SET synchronous_commit = off"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Connection = psycopg.Connection[Any]
Tell = Callable[[str, float], None]
"""Called with what is being done, in words, and the share of the work that is done."""

# Rows of a month's orders with what the tables below need, kept beside them meanwhile. Orders lie
# evenly in time; their lines are of one class of items, which share six centers.
MONTH = """
CREATE UNLOGGED TABLE aged.{month} AS
WITH numbered AS (
    SELECT n, {since} + ((n - {first}) * ({until} - {since}) / {count}) AS ms,
           md5(n::text) AS noise,
           CASE WHEN h.x < 50 THEN 1 WHEN h.x < 72 THEN 2 WHEN h.x < 86 THEN 3
                WHEN h.x < 94 THEN 4 ELSE 5 END AS lines,
           (h.x * 7 + n) % 10 AS class, (h.x + n / 7) % 6 AS site
      FROM generate_series({first}, {first} + {count} - 1) AS n
     CROSS JOIN LATERAL (
         SELECT ('x' || substr(md5(n::text), 1, 7))::bit(28)::integer % 100) AS h (x)
), spelled AS (
    SELECT n, ms, noise, lines, class, site,
           (SELECT string_agg(substr({crockford}, 1 + ((ms >> 1) >> (45 - 5 * i) & 31)::integer, 1),
                              '' ORDER BY i) FROM generate_series(0, 9) AS i) AS time
      FROM numbered
)
SELECT n, ms, noise, lines, class,
       'DC-' || (7 * (site - 7 * (class + 1)) % 10 + 19) % 10 AS node,
       'O-' || substr(time, 1, 5) || '-' || substr(time, 6) || '-' || upper(substr(noise, 1, 5))
           || '-' || upper(substr(noise, 6, 5)) || '-' || upper(substr(noise, 11, 5)) AS order_id,
       to_timestamp(ms / 1000.0) AS at,
       'webshop:' || noise::uuid AS command_id,
       lpad(to_hex(ms), 12, '0') || '7' || substr(noise, 1, 3) || '8'
           || substr(noise, 4, 15) AS id
  FROM spelled
"""

LINES = """
CREATE UNLOGGED TABLE aged.{lines} AS
SELECT o.n, o.order_id, l.line_no, o.node, o.at, o.ms, o.command_id,
       'SKU-' || lpad((10 * ((o.n * 31 + l.line_no * 577) % 1000) + o.class)::text, 5, '0') AS sku,
       1 + (o.n + l.line_no) % 5 / 4 AS each,
       (lpad(to_hex(o.ms), 12, '0') || '7' || substr(o.noise, 1, 3) || '9' || substr(o.noise, 4, 13)
           || to_hex(16 + l.line_no)) AS id
  FROM aged.{month} AS o
 CROSS JOIN LATERAL generate_series(1, o.lines) AS l (line_no)
"""

# What an order leaves in the tables of its state: (table, statement).
STATE: tuple[tuple[str, str], ...] = (
    (
        "ordering.orders",
        """
INSERT INTO ordering.orders (order_id, state, channel, person_id, address_id, country, postal_area,
                             currency, service, items_minor, shipping_minor, cost_mills, offer_id,
                             placed_at, payment_due_at, paid_at, ended_at, cancel_reason,
                             promise_version, command_id, actor)
SELECT order_id, 'completed', 'web', md5(noise)::uuid, md5(order_id)::uuid, 'DE',
       lpad((n % 100)::text, 2, '0'), 'EUR', 'parcel', 1500 + n % 9000, 490, 412557,
       md5(command_id)::uuid::text, at, NULL, NULL, at + interval '4 days', NULL, 1, command_id,
       'webshop'
  FROM aged.{month}
""",
    ),
    (
        "ordering.line",
        """
INSERT INTO ordering.line (order_id, line_no, sku, quantity_each, unit_price_minor, price_version)
SELECT order_id, line_no, sku, each, 500 + n % 9500, md5(sku)::uuid::text FROM aged.{lines}
""",
    ),
    (
        "ordering.part",
        """
INSERT INTO ordering.part (order_id, part_no, state, node, service, since)
SELECT order_id, 1, 'delivered', node, 'parcel', at + interval '4 days' FROM aged.{month}
""",
    ),
    (
        "ordering.part_line",
        """
INSERT INTO ordering.part_line (order_id, part_no, line_no, quantity_each, reservation_id)
SELECT order_id, 1, line_no, each, id::uuid FROM aged.{lines}
""",
    ),
    (
        "ordering.expectation",
        """
INSERT INTO ordering.expectation (order_id, version, part_no, expected_date, latest_date,
                                  probability_ppm, reason, at)
SELECT o.order_id, 1, p.part_no, (o.at + interval '3 days')::date, (o.at + interval '4 days')::date,
       950000, 'as offered', o.at
  FROM aged.{month} AS o CROSS JOIN (VALUES (0), (1)) AS p (part_no)
""",
    ),
    (
        "inventory.reservation",
        """
INSERT INTO inventory.reservation (sku, reservation_id, order_id, line_no, node, quantity_each,
                                   priority, state, promised_at, since)
SELECT sku, id::uuid, order_id, line_no, node, each, 100, 'shipped', at + interval '7 hours', at
  FROM aged.{lines}
""",
    ),
)

# What it leaves in the tables that are kept for 400 days.
RECORDS: tuple[tuple[str, str], ...] = (
    (
        "inventory.movement",
        """
INSERT INTO inventory.movement (sku, movement_id, node, from_account, to_account, quantity_each,
                                cause, document, at, command_id, actor)
SELECT l.sku, (left(l.id, 16) || m.digit || substr(l.id, 18))::uuid, l.node, m.from_account,
       m.to_account, l.each, m.cause, l.order_id, l.at, m.command || l.command_id, 'webshop'
  FROM aged.{lines} AS l
 CROSS JOIN (VALUES ('a', 'free', 'reserved', 'order', ''),
                    ('b', 'reserved', 'allocated', 'release', 'release:'),
                    ('9', 'allocated', 'customer', 'shipment', 'ship:'))
            AS m (digit, from_account, to_account, cause, command)
""",
    ),
    (
        "ordering.event",
        """
INSERT INTO ordering.event (order_id, event_id, at, kind, detail, command_id, actor)
SELECT o.order_id, (left(o.id, 16) || 'b' || substr(o.id, 18, 14) || e.nth)::uuid, o.at, e.kind,
       e.detail || o.node, e.kind || ':' || o.order_id || ':1', 'webshop'
  FROM aged.{month} AS o
 CROSS JOIN (VALUES ('1', 'placed', ''), ('2', 'released', 'part 1: released to '),
                    ('3', 'picked', 'part 1: picked at '), ('4', 'packed', 'part 1: packed at '),
                    ('5', 'shipped', 'part 1: shipped from '),
                    ('6', 'delivered', 'part 1: delivered from '), ('7', 'completed', ''))
            AS e (nth, kind, detail)
""",
    ),
    (
        "decisions.decision",
        """
INSERT INTO decisions.decision (subject, decision_id, kind, policy, policy_version, at, inputs,
                                inputs_hash, outcome, reason)
SELECT 'order/' || order_id, (left(id, 16) || 'a' || substr(id, 18))::uuid, 'sourcing', 'cheapest',
       1, at, decode(repeat(noise || md5(order_id) || md5(command_id) || md5(id), 6), 'hex'),
       sha256(noise::bytea), decode(repeat(noise || md5(id), 4), 'hex'),
       'one box from ' || node || ' by parcel: 4.12 EUR; next best ' || node
           || ' by express 9.66 EUR'
  FROM aged.{month}
""",
    ),
    (
        "events.log",
        """
INSERT INTO events.log (position, subject, fact_id, name, version, occurred_at, command_id,
                        caused_by, actor, traceparent, body)
SELECT (o.n - 1) * 14 + f.nth, f.about || o.order_id || f.rest,
       (left(o.id, 16) || 'b' || substr(o.id, 18, 13) || '0' || to_hex(f.nth))::uuid, f.name, 1,
       o.at, f.name || ':' || o.order_id || ':1', NULL, 'webshop',
       CASE f.nth WHEN 1 THEN '00-' || o.noise || '-' || left(o.noise, 16) || '-01' END,
       CASE f.nth WHEN 1
            THEN jsonb_build_object('order_id', o.order_id, 'channel', 'web', 'country', 'DE',
                     'currency', 'EUR', 'items_minor', 1500 + o.n % 9000, 'shipping_minor', 490,
                     'placed_at', o.at, 'state', 'open', 'parts', jsonb_build_array(
                         jsonb_build_object('part_no', 1, 'node', o.node, 'service', 'parcel',
                                            'state', 'reserved', 'lines', jsonb_build_array(
                             jsonb_build_object('line_no', 1, 'quantity_each', 1, 'sku', 'SKU'),
                             jsonb_build_object('line_no', 2, 'quantity_each', 1, 'sku', 'SKU')))))
            ELSE jsonb_build_object('order_id', o.order_id, 'part_no', 1, 'node', o.node,
                     'from_state', 'reserved', 'to_state', 'released', 'at', o.at, 'units', 2)
       END
  FROM aged.{month} AS o
 CROSS JOIN (VALUES (1, 'order/', '', 'OrderPlaced'), (2, 'order/', '', 'PartMoved'),
                    (3, 'work/', '/1', 'WorkReleased'), (4, 'order/', '', 'PartMoved'),
                    (5, 'work/', '/1', 'WorkPacked'), (6, 'order/', '', 'PartMoved'),
                    (7, 'shipment/', '/1/1', 'ShipmentBooked'), (8, 'order/', '', 'PartMoved'),
                    (9, 'work/', '/1', 'HandedOver'),
                    (10, 'shipment/', '/1/1', 'ShipmentHandedOver'),
                    (11, 'order/', '', 'PartMoved'),
                    (12, 'shipment/', '/1/1', 'ShipmentDelivered'),
                    (13, 'order/', '', 'PartMoved'), (14, 'order/', '', 'OrderCompleted'))
            AS f (nth, about, rest, name)
""",
    ),
    (
        "ground.command",
        """
INSERT INTO ground.command (command_id, content_hash, answer, at)
SELECT command_id, sha256(command_id::bytea), decode(repeat(noise || md5(id), 12), 'hex'), at
  FROM aged.{month}
""",
    ),
)

# The ledger without the months that are in the archive, and with what was received for all of them.
CARRIED = """
INSERT INTO inventory.carried (sku, node, account, quantity_each)
SELECT r.sku, r.node, a.account, sum(a.sign * r.quantity_each)::bigint
  FROM (SELECT sku, node, sum(quantity_each) AS quantity_each,
               reservation_id < {live}::uuid AS is_old
          FROM inventory.reservation
         GROUP BY sku, node, is_old) AS r
  JOIN (VALUES ('supplier', -1, true), ('customer', 1, true), ('supplier', -1, false),
               ('free', 1, false)) AS a (account, sign, is_old) ON a.is_old = r.is_old
 GROUP BY r.sku, r.node, a.account
"""

# Made without indexes first: (table, constraint or index).
BARE = (
    "ordering.orders",
    "ordering.line",
    "ordering.part",
    "ordering.part_line",
    "ordering.expectation",
    "inventory.reservation_first",
)

INDEXES = """
SELECT c.relname, pg_get_indexdef(i.indexrelid), k.conname, pg_get_constraintdef(k.oid)
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indexrelid
  LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
 WHERE i.indrelid = %s::regclass
   AND NOT EXISTS (SELECT 1 FROM pg_constraint AS f
                    WHERE f.contype = 'f' AND f.conindid = i.indexrelid)
"""


RELATIONS = """
SELECT n.nspname || '.' || c.relname
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname = ANY(%s)
 ORDER BY c.relpages DESC
"""


class Month(NamedTuple):
    """One month of orders; keys are milliseconds since 1970.

    first, count  the numbers of its orders
    is_live       whether its records are still in the database
    """

    number: int
    since: int
    until: int
    first: int
    count: int
    is_live: bool


class History(NamedTuple):
    """What is to be written.

    now  the orders end at this instant
    """

    orders: int
    now: datetime

    def months(self) -> list[Month]:
        """The months, the oldest first; the present one ends now."""
        present = partitions.month_key(self.now)
        starts = [partitions.after_months(present, n - MONTHS + 1) >> 80 for n in range(MONTHS)]
        ends = [*starts[1:], int(self.now.timestamp() * 1_000)]
        share = self.orders // MONTHS
        return [
            Month(
                n,
                starts[n],
                ends[n],
                n * share + 1,
                share if n < MONTHS - 1 else self.orders - n * share,
                n >= MONTHS - LIVE,
            )
            for n in range(MONTHS)
        ]


def fill(url: str, history: History, tell: Tell) -> None:
    """Write the history into the database at `url`, or go on with it.

    Raises: ValueError when another history was begun there.
    """
    months = history.months()
    live = next(m for m in months if m.is_live)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(UNHURRIED)
        _prepare(connection, url, history, live)
        undone = [m for m in months if not _is_done(connection, f"month {m.number}")]
    done = len(months) - len(undone)
    with ThreadPoolExecutor(HANDS) as pool:
        for number, _ in enumerate(pool.map(lambda m: _month(url, m), undone), start=done + 1):
            tell(f"month {number} of {MONTHS}", 0.8 * number / MONTHS)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(UNHURRIED)
        _finish(connection, url, live, tell)


def _prepare(connection: Connection, url: str, history: History, live: Month) -> None:
    """A retailer whose tables are cut since its records go to the archive; no indexes yet."""
    made = connection.execute("SELECT to_regnamespace('aged') IS NOT NULL").fetchone()
    if not (made and made[0]):
        begun = datetime.fromtimestamp(live.since / 1_000, UTC)
        # The first partition ends where the records begin.
        migrate(url, clock=VirtualClock(_months_before(begun, partitions.MONTHS), seed=1))
        retailer.fill(url)
        connection.execute("CREATE SCHEMA aged")
        connection.execute("CREATE TABLE aged.step (name text PRIMARY KEY, said text)")
        _note(connection, "history", f"{history.orders} orders")
    (said,) = connection.execute(
        "SELECT said FROM aged.step WHERE name = 'history'"
    ).fetchone() or (None,)
    if said != f"{history.orders} orders":
        raise ValueError(f"found a history of {said}, expected {history.orders} orders")
    if not _is_done(connection, "partitions"):
        position = (live.first - 1) * FACTS
        connection.execute("UPDATE events.head SET position = %s", (history.orders * FACTS,))
        partitions.keep_ahead(connection, own_schemas(), SystemClock())
        (log,) = [t for t in partitions.tables(connection, ["events"]) if t.name == "log"]
        for part in partitions.partitions(connection, log):
            if part.until <= position:
                connection.execute(sql.SQL("DROP TABLE {}").format(_id(f"events.{part.name}")))
        with connection.transaction():
            _bare(connection)
            _note(connection, "partitions")


def _months_before(at: datetime, months: int) -> datetime:
    return partitions.time_of(partitions.after_months(partitions.month_key(at), -months))


def _bare(connection: Connection) -> None:
    """Take indexes away, and keep how they are made."""
    connection.execute(
        "CREATE TABLE aged.index (relation text, name text, made text, named text, PRIMARY KEY "
        "(relation, name))"
    )
    connection.execute(
        "ALTER TABLE inventory.reservation DETACH PARTITION inventory.reservation_first"
    )
    for relation in BARE:
        for name, made, constraint, defined in connection.execute(INDEXES, (relation,)):
            connection.execute(
                "INSERT INTO aged.index VALUES (%s, %s, %s, %s)",
                (relation, name, defined if constraint else made, constraint),
            )
            schema = relation.partition(".")[0]
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                    _id(relation), sql.Identifier(constraint)
                )
                if constraint
                else sql.SQL("DROP INDEX {}").format(sql.Identifier(schema, name))
            )


def _month(url: str, month: Month) -> None:
    """All rows of a month, in one transaction."""
    names = {"month": sql.Identifier(f"month_{month.number}"),
             "lines": sql.Identifier(f"lines_{month.number}")}  # fmt: skip
    values = {
        name: sql.Literal(getattr(month, name)) for name in ("since", "until", "first", "count")
    }
    with psycopg.connect(url) as connection:
        connection.execute(UNHURRIED)
        connection.execute("SET work_mem = '256MB'")
        for text in (MONTH, LINES):
            connection.execute(
                sql.SQL(text).format(**names, **values, crockford=sql.Literal(CROCKFORD))
            )
        state = STATE if month.is_live else _into_first(STATE)
        for _, text in [*state, *(RECORDS if month.is_live else ())]:
            connection.execute(sql.SQL(text).format(**names))
        connection.execute(sql.SQL("DROP TABLE aged.{lines}, aged.{month}").format(**names))
        _note(connection, f"month {month.number}")


def _into_first(statements: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Reservations of old months go to their first partition, which is apart meanwhile."""
    name = "inventory.reservation"
    return [
        (t, s.replace(f"{name} (", f"{name}_first (") if t == name else s) for t, s in statements
    ]


def _finish(connection: Connection, url: str, live: Month, tell: Tell) -> None:
    """Indexes, the ledger's sums, statistics."""
    connection.execute("SET maintenance_work_mem = '512MB'")
    rows = connection.execute("SELECT relation, name, made, named FROM aged.index").fetchall()
    for number, (relation, name, made, constraint) in enumerate(rows):
        if not _is_done(connection, f"index {name}"):
            tell(f"index {name}", 0.8 + 0.15 * number / len(rows))
            with connection.transaction():
                connection.execute(
                    sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                        _id(relation), sql.Identifier(constraint), sql.SQL(made)
                    )
                    if constraint
                    else sql.SQL(made)
                )
                _note(connection, f"index {name}")
    if not _is_done(connection, "attached"):
        with connection.transaction():
            connection.execute(
                sql.SQL(
                    "ALTER TABLE inventory.reservation ATTACH PARTITION "
                    "inventory.reservation_first FOR VALUES FROM (MINVALUE) TO ({})"
                ).format(sql.Literal(_least(live)))
            )
            _note(connection, "attached")
    if not _is_done(connection, "carried"):
        tell("the ledger's sums", 0.96)
        with connection.transaction():
            connection.execute(sql.SQL(CARRIED).format(live=sql.Literal(_least(live))))
            _note(connection, "carried")
    if not _is_done(connection, "settled"):
        tell("vacuum and statistics", 0.97)
        rows = connection.execute(RELATIONS, (own_schemas(),)).fetchall()
        with ThreadPoolExecutor(HANDS) as pool:
            list(pool.map(lambda row: _settle(url, row[0]), rows))
        connection.execute("CHECKPOINT")
        _note(connection, "settled")


def _settle(url: str, relation: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(UNHURRIED)
        connection.execute(sql.SQL("VACUUM (FREEZE, ANALYZE) {}").format(_id(relation)))


def _least(month: Month) -> str:
    return str(partitions.least_id(datetime.fromtimestamp(month.since / 1_000, UTC)))


def _id(relation: str) -> sql.Identifier:
    return sql.Identifier(*relation.split("."))


def _is_done(connection: Connection, step: str) -> bool:
    row = connection.execute("SELECT 1 FROM aged.step WHERE name = %s", (step,)).fetchone()
    return row is not None


def _note(connection: Connection, step: str, said: str = "") -> None:
    connection.execute("INSERT INTO aged.step VALUES (%s, %s)", (step, said))
