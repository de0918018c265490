"""Order histories as files, and importing them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from entrepot.doors.folder.history import open_history
from entrepot.flows.onboarding.import_orders import Imported, import_orders
from entrepot.flows.onboarding.order_map import OrderMap, read_map
from entrepot.ground.database import Database
from entrepot.words.outcome import RefusalCode

HEAD = ("Invoice", "StockCode", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country")
AT = "2010-12-01 08:26:00"


class Outcome(NamedTuple):
    """A report with its refused rows as (line, code, message)."""

    report: Imported
    refused: list[tuple[int, RefusalCode, str]]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Rows accepted, repeated, refused; their sum is what was read."""
        rows = self.report.rows
        assert rows.accepted + rows.repeated + rows.refused == rows.read
        assert len(self.refused) == rows.refused
        return rows.accepted, rows.repeated, rows.refused


def row(order_id: str, sku: str, quantity: object = 1, **changes: object) -> tuple[object, ...]:
    """A row in the order of HEAD."""
    values = {
        "at": AT,
        "price": "2.55",
        "customer": "17850",
        "country": "United Kingdom",
        **changes,
    }
    return (order_id, sku, quantity, *values.values())


def write(
    path: Path, rows: Iterable[Sequence[object]], *, head: Sequence[str] = HEAD, between: str = ","
) -> Path:
    """A CSV file of these rows."""
    lines = [between.join(map(str, cells)) for cells in (head, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(
    database: Database, path: Path, order_map: dict[str, Any] | None = None, **options: Any
) -> Outcome:
    """Import a file, in pounds unless said otherwise."""
    refused: list[tuple[int, RefusalCode, str]] = []
    report = import_orders(
        database,
        open_history(path),
        read_map(order_map, "map.toml") if order_map else OrderMap(),
        **{"currency": "GBP", **options},
        refuse=lambda r: refused.append((r.row.line, r.refusal.code, r.refusal.message)),
    )
    return Outcome(report, refused)


def history(database: Database) -> dict[str, tuple[Any, ...]]:
    """By order id: customer, country, currency, time, lines (SKU, each, price) in their order."""
    with database.transaction(read_only=True) as tx:
        rows = tx.rows(
            "SELECT o.order_id, o.customer_ref, o.country, o.currency, o.placed_at, l.sku,"
            " l.quantity_each, l.unit_price_minor"
            " FROM ordering.past_order AS o JOIN ordering.past_line AS l USING (order_id)"
            " ORDER BY o.order_id, l.line_no"
        )
    found: dict[str, tuple[Any, ...]] = {}
    for order_id, customer, country, currency, at, *line in rows:
        _, _, _, _, lines = found.setdefault(order_id, (customer, country, currency, at, []))
        lines.append(tuple(line))
    return found
