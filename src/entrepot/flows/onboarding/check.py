"""Checking a whole folder before anything is written."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from entrepot.departments.catalog import decisions as catalog_decisions
from entrepot.departments.catalog import service as catalog
from entrepot.departments.network import checks as network_checks
from entrepot.departments.network import service as network_service
from entrepot.departments.network.decisions import Parts, assemble
from entrepot.departments.network.model import Network, Retailer
from entrepot.departments.ordering import decisions_carts as cart_decisions
from entrepot.departments.pricing import decisions as pricing_decisions
from entrepot.departments.purchasing import decisions as purchasing_decisions
from entrepot.departments.purchasing import service as purchasing
from entrepot.flows.onboarding import goods_rows, network_check, network_rows
from entrepot.flows.onboarding.cells import Cells, read_row
from entrepot.flows.onboarding.network_check import NetworkPlan, given_twice
from entrepot.flows.onboarding.rows import (
    FolderRows,
    Progress,
    Refuse,
    RefusedRow,
    Row,
    Step,
    UnusableFolder,
)
from entrepot.ground.database import Database, Tx
from entrepot.words.identifiers import as_gtin14
from entrepot.words.outcome import Refusal, RefusalCode, shown

RETAILER = "retailer"
CHECKING = "checking"


class Known:
    """What rows may name: the folder's accepted rows, and what the database has of the others.

    currencies  by supplier
    """

    def __init__(self, retailer: Retailer, network: Network) -> None:
        self.retailer = retailer
        self.network = network
        self.skus: set[str] = set()
        self.gtins: dict[str, str] = {}
        self.currencies: dict[str, str] = {}

    def learn(self, tx: Tx, rows: Sequence[Row]) -> None:
        """Look up in the database what these rows name and the folder does not bring."""
        skus = _named(rows, "sku") - self.skus
        if skus:
            self.skus.update(catalog.read(tx, skus))
        ids = _named(rows, "supplier_id") - self.currencies.keys()
        if ids:
            found = purchasing.suppliers(tx, ids)
            self.currencies.update((i, supplier.currency) for i, supplier in found.items())


def _named(rows: Sequence[Row], column: str) -> set[str]:
    """What the cells of a column say, but for what no id can be."""
    texts = {row.cells.get(column, "") for row in rows}
    return {text for text in texts if text and text.isprintable()}


class Goods(NamedTuple):
    """How rows of one table are read, told apart, checked and remembered."""

    read: Callable[[Cells, Known], Any]
    key: Callable[[Any], Hashable]
    check: Callable[[Any, Known], Refusal | None]
    accept: Callable[[Any, Known], None] = lambda _value, _known: None


def _check_item(item: Any, known: Known) -> Refusal | None:
    if item.gtin is not None:
        owner = known.gtins.get(as_gtin14(item.gtin), item.sku)
        if owner != item.sku:
            return catalog_decisions.gtin_taken(item.gtin, owner)
    return catalog_decisions.check_item(item)


def _accept_item(item: Any, known: Known) -> None:
    known.skus.add(item.sku)
    if item.gtin is not None:
        known.gtins[as_gtin14(item.gtin)] = item.sku


def _check_sku(sku: str, known: Known) -> Refusal | None:
    return None if sku in known.skus else catalog_decisions.unknown_sku(sku)


def _check_supplier(supplier: Any, known: Known) -> Refusal | None:
    calendar_id = supplier.calendar_id
    if calendar_id is not None and calendar_id not in known.network.calendars:
        return _unknown(RefusalCode.bad_value, "calendar_id", calendar_id, "calendar")
    return purchasing_decisions.check_supplier(supplier)


def _accept_supplier(supplier: Any, known: Known) -> None:
    known.currencies[supplier.supplier_id] = supplier.currency


def _check_terms(terms: Any, known: Known) -> Refusal | None:
    if terms.supplier_id not in known.currencies:
        return purchasing_decisions.unknown_supplier(terms.supplier_id)
    return _check_sku(terms.sku, known) or purchasing_decisions.check_terms(terms)


def _check_stock(stock: Any, known: Known) -> Refusal | None:
    if stock.node_id not in known.network.nodes:
        return _unknown(RefusalCode.unknown_node, "node_id", stock.node_id, "node")
    return _check_sku(stock.sku, known)


def _unknown(code: RefusalCode, column: str, found: str, kind: str) -> Refusal:
    return Refusal(
        code,
        f"{column}: found {shown(found)}, expected the id of a known {kind}; "
        f"add the {kind} or correct the id",
        column,
    )


# In the order in which they depend on each other.
GOODS: Mapping[str, Goods] = {
    "items": Goods(
        lambda cells, _known: goods_rows.item(cells), lambda v: v.sku, _check_item, _accept_item
    ),
    "prices": Goods(
        lambda cells, known: goods_rows.price(cells, known.retailer),
        lambda v: v.key,
        lambda v, known: _check_sku(v.sku, known) or pricing_decisions.check_entry(v),
    ),
    "suppliers": Goods(
        lambda cells, known: goods_rows.supplier(cells, known.retailer),
        lambda v: v.supplier_id,
        _check_supplier,
        _accept_supplier,
    ),
    "terms": Goods(
        lambda cells, known: goods_rows.terms(cells, known.currencies, known.retailer),
        lambda v: (v.supplier_id, v.sku),
        _check_terms,
    ),
    "stock": Goods(
        lambda cells, _known: goods_rows.stock(cells), lambda v: (v.sku, v.node_id), _check_stock
    ),
    "channels": Goods(
        lambda cells, _known: goods_rows.channel(cells),
        lambda v: v.channel,
        lambda v, _known: cart_decisions.check_rule(v),
    ),
}


class Checked(NamedTuple):
    """What a check found.

    rows           rows read, by table
    refused_lines  lines refused, by table
    """

    known: Known
    plan: NetworkPlan
    retailer_row: Row | None
    rows: Counter[str]
    refused_lines: Mapping[str, set[int]]

    def refused(self) -> int:
        """Rows refused in all files."""
        return sum(map(len, self.refused_lines.values()))


def check_folder(
    database: Database | None, folder: FolderRows, refuse: Refuse, progress: Progress
) -> Checked:
    """Check every row alone and all together; writes nothing.

    database  None = a new one, to which the folder brings everything
    refuse    told every refused row, with the column as the file names it
    Raises: UnusableFolder when a file cannot be read, or nobody says who the retailer is.
    """
    before = assemble(0, b"", Parts())
    if database is not None:
        with database.transaction(read_only=True) as tx:
            before = network_service.snapshot(tx)
    rows: Counter[str] = Counter()
    refused_lines: dict[str, set[int]] = defaultdict(set)
    retailer_row, retailer = _retailer(folder, before)
    rows[RETAILER] = 1 if retailer_row is not None else 0
    tables = {}
    for table, _, _ in network_check.TABLES:
        if table in folder.tables:
            tables[table] = [row for batch in folder.tables[table].batches() for row in batch]
            rows[table] = len(tables[table])
            progress(Step(CHECKING, folder.tables[table].file, rows[table], None))
    plan = network_check.check_network(before, retailer, tables)
    for refused in plan.refused:
        refused_lines[refused.row.file.partition(".")[0]].add(refused.row.line)
        refuse(refused)
    known = Known(retailer, plan.network)
    for table in GOODS:
        if table in folder.tables:
            rows[table] = _check_table(
                database, folder, table, known, refused_lines[table], refuse, progress
            )
    return Checked(known, plan, retailer_row, rows, refused_lines)


def _retailer(folder: FolderRows, before: Network) -> tuple[Row | None, Retailer]:
    table = folder.tables.get(RETAILER)
    row = next((row for batch in table.batches() for row in batch), None) if table else None
    if row is None:
        if before.retailer is None:
            raise UnusableFolder(
                [
                    "retailer.toml: found none, expected the company's name, currency, country and "
                    "time_zone; `entrepot new FOLDER` writes an example"
                ]
            )
        return None, before.retailer
    retailer = read_row(row, network_rows.retailer)
    refusal = (
        retailer
        if isinstance(retailer, Refusal)
        else network_checks.check_retailer(before, retailer)
    )
    if isinstance(retailer, Refusal) or refusal is not None:
        assert refusal is not None
        raise UnusableFolder([f"{row.file}: {refusal.message}"])
    return row, retailer


def _check_table(
    database: Database | None,
    folder: FolderRows,
    table: str,
    known: Known,
    refused_lines: set[int],
    refuse: Refuse,
    progress: Progress,
) -> int:
    """Check the rows of one table a batch at a time; gives how many there are."""
    goods = GOODS[table]
    seen: dict[Hashable, tuple[int, bytes]] = {}
    count = 0
    for batch in folder.tables[table].batches():
        if database is not None:
            with database.transaction(read_only=True) as tx:
                known.learn(tx, batch)
        for row in batch:
            value = read_row(row, lambda cells: goods.read(cells, known))
            refusal = value if isinstance(value, Refusal) else goods.check(value, known)
            if refusal is None:
                digest = _digest(value)
                line, first = seen.setdefault(goods.key(value), (row.line, digest))
                if first != digest:
                    refusal = given_twice(goods.key(value), line)
            if refusal is None:
                goods.accept(value, known)
            else:
                refused_lines.add(row.line)
                refuse(RefusedRow(row, refusal))
        count += len(batch)
        progress(Step(CHECKING, folder.tables[table].file, count, None))
    return count


def _digest(value: Any) -> bytes:
    """Tells equal values from others without keeping them: a file may have a million."""
    return hashlib.blake2b(msgspec.msgpack.encode(value), digest_size=16).digest()
