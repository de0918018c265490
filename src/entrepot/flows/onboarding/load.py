"""Loading a folder: what the check let through is written in batches, one transaction each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import ItemChange, Registered
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import OpeningStock, Recorded
from entrepot.departments.network import service as network
from entrepot.departments.network.model import Change, Changed
from entrepot.departments.ordering import service_carts as ordering
from entrepot.departments.ordering.carts import ChannelChange, ChannelSaid
from entrepot.departments.pricing import service as pricing
from entrepot.departments.pricing.model import Priced, SetPrice
from entrepot.departments.purchasing import service as purchasing
from entrepot.departments.purchasing.model import Agreed, SupplierChange, TermsChange
from entrepot.departments.purchasing.model import Registered as SupplierRegistered
from entrepot.flows.onboarding.cells import read_row
from entrepot.flows.onboarding.check import GOODS, RETAILER, Checked, Known, check_folder
from entrepot.flows.onboarding.columns import FORMATS
from entrepot.flows.onboarding.network_check import Entry
from entrepot.flows.onboarding.rows import (
    FileReport,
    FolderRows,
    Progress,
    Refuse,
    RefusedRow,
    Report,
    Row,
    Step,
)
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Refusal

Run = Callable[[Callable[[Tx], Any]], Any]

WRITING = "writing"
WRITTEN = (Changed, Registered, Priced, SupplierRegistered, Agreed, Recorded, ChannelSaid)


class Command(NamedTuple):
    """What a row asks for: its value, and the id and actor every command carries."""

    command_id: str
    actor: str
    value: Any


def _register(tx: Tx, commands: Sequence[Command]) -> Sequence[Any]:
    return catalog.register(tx, [ItemChange(*c) for c in commands])


def _set_prices(tx: Tx, commands: Sequence[Command]) -> Sequence[Any]:
    return pricing.set_prices(tx, [SetPrice(*c) for c in commands])


def _register_suppliers(tx: Tx, commands: Sequence[Command]) -> Sequence[Any]:
    return purchasing.register_suppliers(tx, [SupplierChange(*c) for c in commands])


def _agree_terms(tx: Tx, commands: Sequence[Command]) -> Sequence[Any]:
    return purchasing.agree_terms(tx, [TermsChange(*c) for c in commands])


def _record_opening(tx: Tx, commands: Sequence[Command]) -> Sequence[Any]:
    return inventory.record_opening(tx, [OpeningStock(c[0], c[1], *c.value) for c in commands])


def _set_channels(tx: Tx, commands: Sequence[Command]) -> Sequence[Any]:
    return ordering.set_channels(tx, [ChannelChange(*c) for c in commands])


NETWORK_VERBS: Mapping[str, Callable[[Tx, Any], Sequence[Any]]] = {
    RETAILER: network.set_retailer,
    "calendars": network.set_calendars,
    "nodes": network.open_nodes,
    "carriers": network.set_carriers,
    "services": network.set_services,
    "service_nodes": network.offer_services,
    "zones": network.set_zones,
    "transits": network.set_transits,
    "rates": network.set_rates,
    "carbon": network.set_footprints,
    "areas": network.set_areas,
}
GOODS_VERBS: Mapping[str, Callable[[Tx, Sequence[Command]], Sequence[Any]]] = {
    "items": _register,
    "prices": _set_prices,
    "suppliers": _register_suppliers,
    "terms": _agree_terms,
    "stock": _record_opening,
    "channels": _set_channels,
}


def load_folder(
    database: Database,
    folder: FolderRows,
    *,
    actor: str,
    dry_run: bool = False,
    strict: bool = False,
    refuse: Refuse = lambda _row: None,
    progress: Progress = lambda _step: None,
) -> Report:
    """Check a folder whole, then write what is right in it; safe to repeat.

    The network is written in one transaction, so that nobody sees half of it; everything else in
    batches, each of which stands when the load is interrupted. A later load repeats what is there
    and goes on.

    actor     who loads
    dry_run   write everything in one transaction and roll it back: the report is exact
    strict    write nothing when a row is refused by the check; its rows are then counted as
              accepted or refused, none as repeated
    refuse    told every refused row
    progress  told how far it is; an exception raised there stops the load between batches
    Raises: UnusableFolder before anything is written.
    """
    checked = check_folder(database, folder, refuse, progress)
    tally = _Tally(checked, refuse)
    stopped = strict and checked.refused() > 0
    if not stopped:
        with _runner(database, dry_run) as run:
            _write_network(run, checked, tally, actor)
            for table in GOODS:
                if table in folder.tables:
                    _write_goods(run, folder, table, checked, tally, actor, progress)
    notes = (*folder.notes, *checked.plan.notes)
    return Report(
        files=tuple(
            tally.report(form.name, folder.tables[form.name].file, stopped)
            for form in FORMATS
            if form.name in folder.tables
        ),
        notes=notes,
        written=not (stopped or dry_run),
    )


class _Undo(Exception):
    """Raised at the end of a dry run so that its transaction is rolled back."""


@contextmanager
def _runner(database: Database, dry_run: bool) -> Iterator[Run]:
    """What does a piece of work in a transaction: its own, or in a dry run the one of all."""
    if not dry_run:
        yield database.run
        return
    try:
        with database.transaction() as tx:
            yield lambda work: work(tx)
            raise _Undo
    except _Undo:
        pass


class _Tally:
    """How many rows of each table were accepted, repeated and refused."""

    def __init__(self, checked: Checked, refuse: Refuse) -> None:
        self._read = checked.rows
        self._refused = Counter({t: len(lines) for t, lines in checked.refused_lines.items()})
        self._accepted: Counter[str] = Counter()
        self._repeated: Counter[str] = Counter()
        self._refuse = refuse

    def count(self, table: str, rows: Sequence[Row], answer: Any) -> None:
        if isinstance(answer, Refusal):
            self._refused[table] += len(rows)
            for row in rows:
                self._refuse(RefusedRow(row, answer))
        elif isinstance(answer, WRITTEN):
            self._accepted[table] += len(rows)
        else:
            self._repeated[table] += len(rows)

    def report(self, table: str, file: str, stopped: bool) -> FileReport:
        read, refused = self._read[table], self._refused[table]
        accepted = read - refused if stopped else self._accepted[table]
        return FileReport(file, read, accepted, self._repeated[table], refused)


def _write_network(run: Run, checked: Checked, tally: _Tally, actor: str) -> None:
    row = checked.retailer_row
    entries = {RETAILER: [Entry(checked.known.retailer, (row,))] if row else []}
    entries.update(checked.plan.entries)

    def write(tx: Tx) -> dict[str, Sequence[Any]]:
        return {
            table: NETWORK_VERBS[table](
                tx, [Change(command_id(e.rows[0]), actor, e.value) for e in found]
            )
            for table, found in entries.items()
            if found
        }

    for table, answers in run(write).items():
        for entry, answer in zip(entries[table], answers, strict=True):
            tally.count(table, entry.rows, answer)


def _write_goods(
    run: Run,
    folder: FolderRows,
    table: str,
    checked: Checked,
    tally: _Tally,
    actor: str,
    progress: Progress,
) -> None:
    done = 0
    for batch in folder.tables[table].batches():
        rows = [row for row in batch if row.line not in checked.refused_lines[table]]
        commands = [_command(table, row, checked.known, actor) for row in rows]
        answers = run(partial(_write_batch, table, commands))
        for row, answer in zip(rows, answers, strict=True):
            tally.count(table, [row], answer)
        done += len(batch)
        progress(Step(WRITING, folder.tables[table].file, done, checked.rows[table]))


def _write_batch(table: str, commands: Sequence[Command], tx: Tx) -> Sequence[Any]:
    return GOODS_VERBS[table](tx, commands)


def _command(table: str, row: Row, known: Known, actor: str) -> Command:
    value = read_row(row, lambda cells: GOODS[table].read(cells, known))
    assert not isinstance(value, Refusal), f"{row.file}:{row.line} was accepted by the check"
    return Command(command_id(row), actor, value)


def command_id(row: Row) -> str:
    """The id of the command a row gives."""
    return f"load:{row.file}:{row.line}"
