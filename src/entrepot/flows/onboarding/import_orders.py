"""Importing order history: every row is read, orders are told apart, then written in batches.

A row that is no sale is refused by itself; the rest of its order is imported. An order that arrives
again is repeated, whether in the same file (`arrivals`) or in a later one (its content hash);
equal lines inside one order are separate lines. An order id that comes with other content than
before is refused and changes nothing. Accepted + repeated + refused = rows read.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from entrepot.departments.catalog import service as catalog
from entrepot.departments.network import service as network
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import Line, PastOrder
from entrepot.flows.onboarding import arrivals
from entrepot.flows.onboarding.held_sales import HeldRow, Sales
from entrepot.flows.onboarding.order_map import OrderMap, choose_columns
from entrepot.flows.onboarding.rows import (
    FileReport,
    Progress,
    Refuse,
    RefusedRow,
    Row,
    Step,
    Table,
    UnusableFolder,
)
from entrepot.flows.onboarding.sale_rows import Buyer, Defaults, SaleReader, at_of
from entrepot.ground.database import Database, Tx
from entrepot.words.money import parse_currency
from entrepot.words.outcome import Conflict, Refusal, RefusalCode, shown

READING = "reading"
WRITING = "writing"
BATCH_LINES = 20_000
LINES_MAX = 10_000
# Rows of one order may differ by the minutes it took to write it; more is another order.
SPREAD_US = 24 * 3_600 * 1_000_000
HASH_FORM = 1


class SalesTable(Table, Protocol):
    """A file of sales; `columns` as it names them."""

    @property
    def columns(self) -> Sequence[str]:
        """The file's columns in its order."""
        ...


class Imported(NamedTuple):
    """What an import did, or in a dry run would have done.

    orders    orders accepted and repeated, and those whose id came with other content
    reasons   refused rows by the code of the refusal
    """

    rows: FileReport
    orders_accepted: int
    orders_repeated: int
    orders_refused: int
    reasons: Mapping[RefusalCode, int]
    written: bool


def import_orders(
    database: Database,
    table: SalesTable,
    order_map: OrderMap,
    *,
    currency: str | None = None,
    dry_run: bool = False,
    refuse: Refuse = lambda _row: None,
    progress: Progress = lambda _step: None,
) -> Imported:
    """Import a file of sales; safe to repeat.

    currency  of prices without one of their own; None = the map's, else the retailer's
    dry_run   write nothing; the report is what an import would give now
    refuse    told every refused row, those of whole orders last
    progress  told how far it is; an exception raised there stops the import between batches:
              what was written stands, and importing again goes on
    Raises: UnusableFolder before anything is written.
    """
    columns = choose_columns(order_map, table.columns, table.file)
    with database.transaction(read_only=True) as tx:
        defaults = _defaults(tx, order_map, currency, columns.currency is not None)
    reader = SaleReader(columns, order_map, defaults)
    tally = _Tally(refuse)
    sales = _read(database, table, reader, tally, progress)
    late = _write(database, table, sales, tally, progress, dry_run=dry_run)
    _refuse_late(table, late, tally)
    return tally.report(table.file, written=not dry_run)


def _defaults(tx: Tx, order_map: OrderMap, currency: str | None, has_currencies: bool) -> Defaults:
    retailer = network.snapshot(tx).retailer
    chosen = currency or order_map.fixed.currency or (retailer.currency if retailer else None)
    parsed = None if chosen is None else parse_currency(chosen, "--currency")
    if isinstance(parsed, Refusal):
        raise UnusableFolder([parsed.message])
    if parsed is None and not has_currencies:
        raise UnusableFolder(
            [
                "currency: found no column for it, none in the map and no retailer loaded; "
                "expected one: give --currency, such as --currency GBP"
            ]
        )
    zone = order_map.placed_at.zone or (retailer.zone if retailer else "UTC")
    return Defaults(zone, parsed, tx.now)


class _Tally:
    """How many rows and orders were accepted, repeated and refused."""

    def __init__(self, refuse: Refuse) -> None:
        self.read = 0
        self.rows: Counter[str] = Counter()
        self.orders: Counter[str] = Counter()
        self.reasons: Counter[RefusalCode] = Counter()
        self._refuse = refuse

    def refused(self, row: Row, refusal: Refusal) -> None:
        self.reasons[refusal.code] += 1
        self._refuse(RefusedRow(row, refusal))

    def report(self, file: str, *, written: bool) -> Imported:
        accepted, repeated = self.rows["accepted"], self.rows["repeated"]
        refused = self.reasons.total()
        assert accepted + repeated + refused == self.read, (
            f"{file}: {accepted} accepted, {repeated} repeated and {refused} refused rows are not "
            f"the {self.read} read"
        )
        return Imported(
            rows=FileReport(file, self.read, accepted, repeated, refused),
            orders_accepted=self.orders["accepted"],
            orders_repeated=self.orders["repeated"],
            orders_refused=self.orders["refused"],
            reasons=dict(self.reasons.most_common()),
            written=written,
        )


def _read(
    database: Database, table: SalesTable, reader: SaleReader, tally: _Tally, progress: Progress
) -> Sales:
    """Every row that names an order; those that are no sales are refused here."""
    sales = Sales()
    in_catalog: dict[str, bool] = {}
    for batch in table.batches():
        read = [(row, reader.order_id(row), reader.sale(row)) for row in batch]
        skus = {s.sku for _, _, s in read if not isinstance(s, Refusal)} - in_catalog.keys()
        if skus:
            with database.transaction(read_only=True) as tx:
                found = catalog.read(tx, skus)
            in_catalog.update({sku: sku in found for sku in skus})
        for row, order_id, sale in read:
            if isinstance(order_id, Refusal):
                tally.refused(row, order_id)
            elif isinstance(sale, Refusal):
                tally.refused(row, sale)
                sales.add(order_id, row.line, None, reader.fingerprint(row))
            elif not in_catalog[sale.sku]:
                tally.refused(row, _unknown_sku(sale.sku, reader.sku_column))
                sales.add(order_id, row.line, None, reader.fingerprint(row))
            else:
                sales.add(order_id, row.line, sale)
        tally.read += len(batch)
        progress(Step(READING, table.file, tally.read, None))
    return sales


def _unknown_sku(sku: str, column: str) -> Refusal:
    return Refusal(
        RefusalCode.unknown_sku,
        f"{column}: found {shown(sku)}, which is not in the catalog; load the catalog first "
        "(`entrepot load`), or mark the code as no goods in the map",
        column,
    )


class _Arrived(NamedTuple):
    """An order as the file tells it.

    past      the order, of its first arrival
    rows      the sales of all its arrivals
    accepted  how many of them are the first arrival's
    """

    past: PastOrder
    rows: list[HeldRow]
    accepted: int


def _write(
    database: Database,
    table: SalesTable,
    sales: Sales,
    tally: _Tally,
    progress: Progress,
    *,
    dry_run: bool,
) -> dict[int, Refusal]:
    """Write the orders, batch by batch; gives the refusals of whole orders by line."""
    late: dict[int, Refusal] = {}
    done = 0
    for batch in _batches(_arrived(sales, late)):
        orders = [arrived.past for arrived in batch]
        if dry_run:
            with database.transaction(read_only=True) as tx:
                known = ordering.known_ids(tx, (o.order_id for o in orders))
        else:
            known = database.run(partial(_record, orders=orders))
        for arrived in batch:
            _count(arrived, known, tally, late)
        done += sum(len(arrived.rows) for arrived in batch)
        progress(Step(WRITING, table.file, done, len(sales)))
    return late


def _record(tx: Tx, orders: Sequence[PastOrder]) -> dict[str, bytes | None]:
    """Write the orders that are new; gives those that were known before."""
    known = ordering.known_ids(tx, (o.order_id for o in orders))
    fresh = [o for o in orders if o.order_id not in known]
    if len(ordering.record_past(tx, fresh)) < len(fresh):
        raise Conflict("another import wrote one of these orders meanwhile", kind="import")
    return known


def _count(
    arrived: _Arrived,
    known: Mapping[str, bytes | None],
    tally: _Tally,
    late: dict[int, Refusal],
) -> None:
    past, rows, accepted = arrived
    if past.order_id not in known:
        tally.orders["accepted"] += 1
        tally.rows["accepted"] += accepted
        tally.rows["repeated"] += len(rows) - accepted
    elif known[past.order_id] == past.content_hash:
        tally.orders["repeated"] += 1
        tally.rows["repeated"] += len(rows)
    else:
        tally.orders["refused"] += 1
        living = known[past.order_id] is None
        late.update(dict.fromkeys((row.line for row in rows), _other_content(past, living)))


def _other_content(past: PastOrder, living: bool) -> Refusal:
    found = (
        "is the number of an order placed in this system"
        if living
        else "was imported before with other lines, customer, country or time"
    )
    return Refusal(
        RefusalCode.order_exists,
        f"order {past.order_id} {found}, and nothing was changed; expected a new order id, or the "
        "same content as before",
        facts={"order_id": past.order_id},
    )


def _batches(orders: Iterator[_Arrived]) -> Iterator[list[_Arrived]]:
    batch: list[_Arrived] = []
    lines = 0
    for arrived in orders:
        batch.append(arrived)
        lines += arrived.accepted
        if lines >= BATCH_LINES:
            yield batch
            batch, lines = [], 0
    if batch:
        yield batch


def _arrived(sales: Sales, late: dict[int, Refusal]) -> Iterator[_Arrived]:
    """Each order that has a sale; rows that belong to another order of its id are refused."""
    times = array("I")
    standings = (
        arrivals.standing([row.content for row in mine], [row.block for row in mine])
        for _, rows in sales.orders()
        for mine, _ in [_one_order(rows)]
    )
    times.extend(arrivals.settle(list(standings)))
    skus, buyers = sales.words()
    for (order_id, rows), arrived in zip(sales.orders(), times, strict=True):
        mine, others = _one_order(rows)
        late.update(dict.fromkeys((row.line for row in others), _two_orders(order_id)))
        read = [row for row in mine if row.is_read]
        kept = (
            read
            if arrived == 1
            else [read[n] for n in arrivals.first_arrival([r.content for r in read], arrived)]
        )
        if len(kept) > LINES_MAX:
            late.update(dict.fromkeys((row.line for row in read), _too_many(order_id, len(kept))))
        elif kept:
            yield _Arrived(_past(order_id, kept, skus, buyers), read, len(kept))


def _one_order(rows: Sequence[HeldRow]) -> tuple[list[HeldRow], list[HeldRow]]:
    """The rows of the order its first sale belongs to, and those of other orders of the same id."""
    first = next((row for row in rows if row.is_read), None)
    if first is None:
        return list(rows), []
    mine: list[HeldRow] = []
    others: list[HeldRow] = []
    for row in rows:
        same = row.buyer == first.buyer and abs(row.placed_us - first.placed_us) <= SPREAD_US
        (mine if same or not row.is_read else others).append(row)
    return mine, others


def _two_orders(order_id: str) -> Refusal:
    return Refusal(
        RefusalCode.order_exists,
        f"order {order_id} stands in this file with another customer, country or currency, or more "
        "than a day apart, and its first rows were taken; expected one order to an id",
        facts={"order_id": order_id},
    )


def _too_many(order_id: str, lines: int) -> Refusal:
    return Refusal(
        RefusalCode.too_many,
        f"order {order_id}: found {lines} lines, expected at most {LINES_MAX}; check that the "
        "column of the order id is the right one",
        facts={"order_id": order_id, "lines": lines},
    )


def _past(
    order_id: str, rows: Sequence[HeldRow], skus: Sequence[str], buyers: Sequence[Buyer]
) -> PastOrder:
    buyer = buyers[rows[0].buyer]
    placed_us = min(row.placed_us for row in rows)
    lines = [(skus[row.sku], row.quantity_each, row.unit_price_minor) for row in rows]
    # Independent of the order of the rows: exports of one order differ in it.
    content = msgspec.json.encode((HASH_FORM, buyer, placed_us, sorted(lines)))
    return PastOrder(
        order_id=order_id,
        content_hash=hashlib.sha256(content).digest(),
        customer_ref=buyer.customer,
        country=buyer.country,
        currency=buyer.currency,
        placed_at=at_of(placed_us),
        lines=tuple(Line(number, *line) for number, line in enumerate(lines, start=1)),
    )


def _refuse_late(table: SalesTable, late: Mapping[int, Refusal], tally: _Tally) -> None:
    """Refuse rows for their order's sake; their cells are read again."""
    if not late:
        return
    for batch in table.batches():
        for row in batch:
            if row.line in late:
                tally.refused(row, late[row.line])
