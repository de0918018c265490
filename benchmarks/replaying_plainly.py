"""The plain script beside a replay: the same orders by hand, a transaction for each step of each.

An order takes its units from the center nearest to its buyer and is inserted with its lines; then
it is released, picked, packed, shipped and delivered, each by an UPDATE of its own. Nothing else of
what the house does is done.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import psycopg

from benchmarks.replay import Request, Written
from entrepot.doors.folder.reader import read_folder
from entrepot.flows.onboarding.check import check_folder
from entrepot.simulation import retailer
from entrepot.simulation.addresses import Address, address_of, buyer_of
from entrepot.simulation.history import Invoice
from entrepot.simulation.places import Point, nearest
from entrepot.simulation.retailer import Window

STATES = ("placed", "released", "picked", "packed", "shipped", "delivered")

TABLES = """
CREATE SCHEMA plain;
CREATE TABLE plain.stock (
    sku       text   NOT NULL,
    node      text   NOT NULL,
    on_hand   bigint NOT NULL CHECK (on_hand >= 0),
    PRIMARY KEY (sku, node)
) WITH (fillfactor = 70);
CREATE TABLE plain.orders (
    order_id     text        NOT NULL PRIMARY KEY,
    node         text        NOT NULL,
    name         text        NOT NULL,
    street       text        NOT NULL,
    city         text        NOT NULL,
    country      text        NOT NULL,
    postal_code  text        NOT NULL,
    state        text        NOT NULL,
    placed_at    timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE plain.line (
    order_id          text    NOT NULL REFERENCES plain.orders (order_id),
    line_no           integer NOT NULL,
    sku               text    NOT NULL,
    quantity_each     bigint  NOT NULL,
    unit_price_minor  bigint  NOT NULL,
    PRIMARY KEY (order_id, line_no)
);
"""
FILL = """
INSERT INTO plain.stock (sku, node, on_hand)
SELECT s.sku, n.node, 1000000000
  FROM unnest(%s::text[]) AS s (sku) CROSS JOIN unnest(%s::text[]) AS n (node)
"""


def write(request: Request) -> Written:
    """Write the orders of the days into an empty database; the time is that of the orders alone."""
    scenario = Path(request.scenario)
    past = retailer.read_retailer(scenario, request.seed)
    asked = Window(*request.days) if request.days else Window(None, None)
    since, until = retailer.window(past, asked, everything=request.everything)
    known = check_folder(None, read_folder(scenario), lambda _row: None, lambda _step: None)
    points = {
        node.node_id: Point(node.latitude_microdeg, node.longitude_microdeg)
        for node in known.plan.network.nodes.values()
    }
    near = nearest(past.places, points)
    wanted = [
        (invoice, address_of(past.places, request.seed, buyer, invoice.country))
        for invoice in past.history.invoices(since, until)
        if isinstance(invoice.country, str)
        for buyer in [buyer_of(invoice.customer, invoice.invoice)]
    ]
    with psycopg.connect(request.url, autocommit=True) as connection:
        connection.execute(TABLES)
        connection.execute(FILL, (list(past.history.sales.sku_values), sorted(points)))
        connection.execute("VACUUM (ANALYZE) plain.stock")
        begun = perf_counter()
        for invoice, address in wanted:
            _order(connection, invoice, address, near[address.place])
        for before, after in pairwise(STATES):
            for invoice, _ in wanted:
                _step(connection, invoice.invoice, before, after)
        seconds = perf_counter() - begun
    return Written(seconds, len(wanted), sum(len(invoice.lines) for invoice, _ in wanted))


def _order(
    connection: psycopg.Connection[Any], invoice: Invoice, address: Address, node: str
) -> None:
    with connection.transaction():
        for line in sorted(invoice.lines, key=lambda line: line.sku):
            taken = connection.execute(
                "UPDATE plain.stock SET on_hand = on_hand - %s "
                "WHERE sku = %s AND node = %s AND on_hand >= %s",
                (line.quantity_each, line.sku, node, line.quantity_each),
            )
            assert taken.rowcount == 1, "there is plenty of everything"
        connection.execute(
            "INSERT INTO plain.orders VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                *(invoice.invoice, node, address.name, address.street, address.city),
                *(address.country, address.postal_code, STATES[0], invoice.at),
            ),
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO plain.line VALUES (%s, %s, %s, %s, %s)",
                [
                    (invoice.invoice, n.line_no, n.sku, n.quantity_each, n.unit_price_minor)
                    for n in invoice.lines
                ],
            )


def _step(connection: psycopg.Connection[Any], order_id: str, before: str, after: str) -> None:
    with connection.transaction():
        moved = connection.execute(
            "UPDATE plain.orders SET state = %s WHERE order_id = %s AND state = %s",
            (after, order_id, before),
        )
        assert moved.rowcount == 1, f"{order_id} was {before}"


if __name__ == "__main__":
    answer = write(msgspec.json.decode(sys.argv[1], type=Request))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
