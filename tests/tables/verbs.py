"""The movements that a ledger scenario may name, each one call of the inventory room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import (
    Account,
    Adjustment,
    Count,
    Expect,
    Held,
    Hold,
    Move,
    OpeningStock,
    PlaceHold,
    Quarantine,
    Receipt,
    Repeated,
    ReservationState,
    Reserve,
    Shorten,
)
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Refusal
from tests.tables.ledger import Row

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
HOLD_MINUTES = 30
NOWHERE = UUID(int=0)

STEPS = {
    "fill": ReservationState.reserved,
    "allocate": ReservationState.allocated,
    "undo": ReservationState.reserved,
    "ship": ReservationState.shipped,
    "cancel": ReservationState.cancelled,
}


class Story:
    """One scenario at work: the names its lines have given to reservations and holds."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.database = database
        self.clock = clock
        self._reservations: dict[str, UUID] = {}

    def do(self, row: Row) -> str | None:
        """Carry a line out; gives how it ended: `refused <code>`, `repeated`, or None."""
        verb, *words = row.movement
        if verb == "later":
            self.clock.advance_to(self.clock.now() + _span(words[0]))
            return None
        with self.database.transaction() as tx:
            answer = VERBS[verb](self, tx, row, words)
        if isinstance(answer, Refusal):
            return f"refused {answer.code}"
        return "repeated" if isinstance(answer, Repeated) else None

    def counts(self, sku: str, node: str) -> dict[str, int]:
        """What stands at a node now, by column name."""
        with self.database.transaction() as tx:
            found = [b for b in inventory.balances(tx, [sku]) if b.node == node]
        if not found:
            return dict.fromkeys(("on_hand", "held", "reserved", "allocated", "quarantined"), 0) | {
                "atp": 0
            }
        (balance,) = found
        return {**balance._asdict(), "atp": balance.available}

    def available_in(self, sku: str, days: int) -> int:
        """What may be promised of a SKU for an instant some days ahead."""
        at = self.clock.now() + timedelta(days=days)
        with self.database.transaction() as tx:
            steps = inventory.available_by_date(tx, [sku])[sku]
        return [step.available_each for step in steps if step.since <= at][-1]

    def audit(self) -> list[str]:
        """What the room finds wrong with itself."""
        with self.database.transaction() as tx:
            return inventory.audit(tx)[0]

    def _ids(self, row: Row) -> dict[str, Any]:
        return {"command_id": f"line {row.line}", "actor": "table", "sku": row.sku}

    def open(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        command = OpeningStock(**self._ids(row), node=row.node, quantity_each=_each(row))
        return inventory.record_opening(tx, [command])[0]

    def receive(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        named = [w for w in words if w not in ("quarantine", "return", "closing")]
        command = Receipt(
            **self._ids(row),
            node=row.node,
            quantity_each=_each(row),
            document=f"receipt {row.line}",
            expected_id=named[0] if named else None,
            closes_expected="closing" in words,
            quarantine="quarantine" in words,
            from_account=Account.customer if "return" in words else Account.supplier,
        )
        return inventory.receive(tx, [command])[0]

    def expect(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        command = Expect(
            **self._ids(row),
            expected_id=words[0],
            node=row.node,
            quantity_each=_each(row),
            due_at=tx.now + _span(words[1]),
            document=f"order {words[0]}",
        )
        return inventory.expect(tx, [command])[0]

    def adjust(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        command = Adjustment(
            **self._ids(row), node=row.node, change_each=_each(row), reason=words[0]
        )
        return inventory.adjust(tx, [command])[0]

    def count(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        command = Count(**self._ids(row), node=row.node, counted_each=_each(row), document="count")
        return inventory.count(tx, [command])[0]

    def quarantine(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        command = Quarantine(
            **self._ids(row),
            node=row.node,
            quantity_each=_each(row),
            document="check",
            release=row.movement[0] == "requalify",
            scrap=row.movement[0] == "scrap",
        )
        return inventory.quarantine(tx, [command])[0]

    def hold(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        span = _span(words[1]) if len(words) > 1 else timedelta(minutes=HOLD_MINUTES)
        command = PlaceHold(
            **self._ids(row),
            cart=words[0],
            node=row.node,
            quantity_each=_each(row),
            expires_at=tx.now + span,
        )
        return commitments.hold(tx, [command])[0]

    def extend(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        living = commitments.extend_holds(tx, {words[0]: tx.now + _span(words[1])})
        return _as_told(row, living)

    def drop(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        dropped = commitments.release_holds(tx, words, command_id="drop", actor="table")
        return _as_told(row, _units(dropped))

    def expire(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        return _as_told(row, _units(commitments.expire_holds(tx)))

    def reserve(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        options = dict(zip(words[1::2], words[2::2], strict=True))
        command = Reserve(
            **self._ids(row),
            order_id=f"order {words[0]}",
            line_no=1,
            node=None if row.node == "-" else row.node,
            quantity_each=_each(row),
            promised_at=tx.now + _span(options["by"]) if "by" in options else None,
            priority=int(options.get("priority", 100)),
        )
        (answer,) = commitments.reserve(tx, [command])
        if isinstance(answer, Held):
            self._reservations[words[0]] = answer.reservation.reservation_id
        return answer

    def step(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        verb = row.movement[0]
        command = Move(
            **self._ids(row),
            reservation_id=self._reservations.get(words[0], NOWHERE),
            to_state=STEPS[verb],
            document=f"order {words[0]}",
            node=row.node if verb == "fill" else None,
        )
        (answer,) = commitments.move(tx, [command])
        if not isinstance(answer, Refusal):
            assert answer.state is STEPS[verb], f"line {row.line}: {answer}"
        return answer

    def short(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        command = Shorten(
            **self._ids(row),
            reservation_id=self._reservations.get(words[0], NOWHERE),
            short_each=_each(row),
            reason=words[1] if len(words) > 1 else "lost",
            document=f"pick {words[0]}",
        )
        return commitments.shorten(tx, [command])[0]

    def next_served(self, tx: Tx, row: Row, words: Sequence[str]) -> Any:
        names = {identifier: name for name, identifier in self._reservations.items()}
        found = [names[r.reservation_id] for r in commitments.waiting(tx, [row.sku])]
        assert found == list(words), f"line {row.line}: waiting are {found}, expected {words}"


def _each(row: Row) -> int:
    assert row.each is not None, f"line {row.line}: this movement needs a number of units"
    return row.each


def _units(holds: Sequence[Hold]) -> int:
    return sum(h.quantity_each for h in holds)


def _as_told(row: Row, found: int) -> None:
    """What a sweep gave back, or how many holds live, is the line's own number."""
    assert row.each in (None, found), f"line {row.line}: found {found}, expected {row.each}"


def _span(word: str) -> timedelta:
    unit = {"m": "minutes", "h": "hours", "d": "days"}[word[-1]]
    return timedelta(**{unit: int(word[:-1])})


VERBS: Mapping[str, Callable[[Story, Tx, Row, Sequence[str]], Any]] = {
    "open": Story.open,
    "receive": Story.receive,
    "expect": Story.expect,
    "adjust": Story.adjust,
    "count": Story.count,
    "quarantine": Story.quarantine,
    "requalify": Story.quarantine,
    "scrap": Story.quarantine,
    "hold": Story.hold,
    "extend": Story.extend,
    "drop": Story.drop,
    "expire": Story.expire,
    "reserve": Story.reserve,
    "wait": Story.reserve,
    "waiting": Story.next_served,
    "short": Story.short,
    **dict.fromkeys(STEPS, Story.step),
}
