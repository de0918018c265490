"""Where the rows of the history went, in words."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.simulation.history import History
from entrepot.simulation.history_rows import Kind
from entrepot.simulation.report.figures import HistoryRows, Went
from entrepot.simulation.store import Run

WENT = {
    Kind.sale: "lines of sales",
    Kind.credit: "came back: returns of earlier sales, or corrections where no sale covers them",
    Kind.write_off: "negative lines of no credit: stock damaged, lost or given away",
    Kind.found: "notes without a price: stock found",
    Kind.without_price: "goods without a price: given away, left out",
    Kind.refused_country: "to countries that are refused",
    Kind.no_item: "codes that were never sold and have no name",
    Kind.not_goods: "postage, fees, vouchers, samples and tests",
    Kind.second_arrival: "invoices that stand in the file a second time, left out",
}
assert set(WENT) == set(Kind), "every kind of row is told"


def history_rows(history: History, run: Run) -> HistoryRows:
    """What the history's report says, and how much of it the run plays."""
    said = history.report
    return HistoryRows(
        rows=said.rows_read,
        invoices=said.invoices_read,
        went=tuple(Went(kind.value, why, said.rows.get(kind, 0)) for kind, why in WENT.items()),
        not_goods=_went(said.not_goods),
        refused=_went(said.refused),
        credits_tied=said.credits.tied,
        credits_tied_in_part=said.credits.tied_in_part,
        credits_untied=said.credits.untied,
        sales=said.sales,
        refused_sales=said.refused_sales,
        span_sales=history.counts(run.starts_at, run.ends_at)[0],
    )


def _went(counted: Mapping[str, tuple[int, str]]) -> tuple[Went, ...]:
    return tuple(Went(what, why, rows) for what, (rows, why) in sorted(counted.items()))
