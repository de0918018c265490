"""Parts of orders for tests of the warehouse: sensible commands, each changed by what matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from entrepot.departments.warehouse import service as warehouse
from entrepot.departments.warehouse.model import (
    AskedLine,
    Cancel,
    FullWork,
    HandOver,
    Pack,
    Pick,
    Release,
)
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database, Tx
from entrepot.ground.events import drain, facts_of
from entrepot.words.outcome import Refusal, RefusalCode

ME = "test"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PREFIX = "4006381"
LINES = (AskedLine(1, "MUG", 3, 400), AskedLine(2, "BOWL", 2, 900))
KILOS_30 = 30_000


def clock() -> VirtualClock:
    """Noon of a Monday."""
    return VirtualClock(NOON, seed=1)


def release(order_id: str = "O-1", **changes: Any) -> Release:
    """Five pieces of two lines, 3,000 g, to be picked in an hour and shipped in five."""
    wanted: dict[str, Any] = {
        "command_id": f"release:{order_id}",
        "actor": ME,
        "order_id": order_id,
        "part_no": 1,
        "node": "LDS",
        "lines": LINES,
        "pick_due_at": NOON + timedelta(hours=1),
        "ship_by": NOON + timedelta(hours=5),
    }
    return Release(**{**wanted, **changes})


def pick(order_id: str = "O-1", **changes: Any) -> Pick:
    """Everything was there."""
    wanted = {"command_id": f"pick:{order_id}", "actor": ME, "order_id": order_id, "part_no": 1}
    return Pick(**{**wanted, **changes})


def pack(order_id: str = "O-1", **changes: Any) -> Pack:
    """By the rule, 30 kg at most."""
    wanted: dict[str, Any] = {
        "command_id": f"pack:{order_id}",
        "actor": ME,
        "order_id": order_id,
        "part_no": 1,
        "max_mass_g": KILOS_30,
    }
    return Pack(**{**wanted, **changes})


def hand_over(order_id: str = "O-1", **changes: Any) -> HandOver:
    """Without scanning."""
    wanted = {"command_id": f"hand:{order_id}", "actor": ME, "order_id": order_id, "part_no": 1}
    return HandOver(**{**wanted, **changes})


def cancel(order_id: str = "O-1", **changes: Any) -> Cancel:
    """Because the release is undone."""
    wanted: dict[str, Any] = {
        "command_id": f"cancel:{order_id}",
        "actor": ME,
        "order_id": order_id,
        "part_no": 1,
        "reason": "release_undone",
    }
    return Cancel(**{**wanted, **changes})


def do(database: Database, command: Any) -> Any:
    """One command in a transaction of its own; gives its answer."""

    def work(tx: Tx) -> Any:
        answer: Any
        if isinstance(command, Release):
            (answer,) = warehouse.release(tx, [command])
        elif isinstance(command, Pick):
            (answer,) = warehouse.pick(tx, [command])
        elif isinstance(command, Pack):
            (answer,) = warehouse.pack(tx, [command], company_prefix=PREFIX)
        elif isinstance(command, HandOver):
            (answer,) = warehouse.hand_over(tx, [command])
        else:
            (answer,) = warehouse.cancel(tx, [command])
        return answer

    return database.run(work)


def done(database: Database, *commands: Any) -> None:
    """Commands one after the other, none of which may be refused."""
    for command in commands:
        answer = do(database, command)
        assert not isinstance(answer, Refusal), answer


def code(answer: Any) -> RefusalCode | None:
    """Why a command was refused."""
    return answer.code if isinstance(answer, Refusal) else None


def full(database: Database, order_id: str = "O-1") -> FullWork:
    """The one work of an order."""
    (found,) = database.run(lambda tx: warehouse.work_of(tx, [order_id]))
    return found


def told(database: Database, subject: str) -> list[str]:
    """The names of the facts about a subject, in order."""
    drain(database)
    return [fact[1] for fact in database.run(lambda tx: facts_of(tx, subject))]


def findings(database: Database) -> list[str]:
    """What the room's own audit finds."""
    return database.run(warehouse.audit)[0]
