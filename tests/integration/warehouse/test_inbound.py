"""Goods come in, are counted, and are put away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from entrepot.departments.warehouse import service_inbound as inbound
from entrepot.departments.warehouse.model import (
    GoodsReceived,
    InboundReceipt,
    PutAway,
    ReceiptLine,
    ReceiptState,
    ReceivedGoods,
    ReceivedLine,
    StoredGoods,
)
from entrepot.ground.clock import Clock
from entrepot.ground.database import Database
from entrepot.ground.events import drain, facts_of
from entrepot.words.outcome import RefusalCode
from tests.integration.warehouse.parts import ME, NOON, clock, code, told
from tests.integration.warehouse.test_repeats import at_once

LINES = (
    ReceiptLine(1, "MUG", 100, 100),
    ReceiptLine(2, "BOWL", 50, 53, 2),
    ReceiptLine(3, "TRAY", 20, 12),
    ReceiptLine(4, "CUP", 10, 0),
    ReceiptLine(5, "JUG", 0, 6, 6),
)


def receipt(receipt_id: str = "R-1", **changes: Any) -> InboundReceipt:
    """One line as announced, one over and damaged, two short, one not announced and broken."""
    wanted: dict[str, Any] = {
        "command_id": f"receive:{receipt_id}",
        "actor": ME,
        "receipt_id": receipt_id,
        "node": "LDS",
        "document": "PO-7",
        "lines": LINES,
    }
    return InboundReceipt(**{**wanted, **changes})


def receive(database: Database, *commands: InboundReceipt) -> list[Any]:
    return database.run(lambda tx: inbound.receive(tx, commands))


def put_away(database: Database, *commands: PutAway) -> list[Any]:
    return database.run(lambda tx: inbound.put_away(tx, commands))


def test_goods_are_counted_line_by_line(database: Database) -> None:
    (answer,) = receive(database, receipt())
    assert isinstance(answer, ReceivedGoods) and answer.lines == LINES
    found = {x.sku: (x.over_each, x.short_each, x.damaged_each, x.good_each) for x in answer.lines}
    assert found == {
        "MUG": (0, 0, 0, 100),
        "BOWL": (3, 0, 2, 51),
        "TRAY": (0, 8, 0, 12),
        "CUP": (0, 10, 0, 0),
        "JUG": (6, 0, 6, 0),
    }
    drain(database)
    ((_, name, _, actor, body),) = database.run(lambda tx: facts_of(tx, "receipt/R-1"))
    assert (name, actor) == ("GoodsReceived", ME)
    fact = msgspec.json.decode(body, type=GoodsReceived)
    assert (fact.node, fact.document, len(fact.lines)) == ("LDS", "PO-7", 5)
    assert fact.lines[1] == ReceivedLine(2, "BOWL", 50, 53, 2, over_each=3, short_each=0)
    rows = database.run(lambda tx: inbound.receipts_of(tx, ["PO-7", "PO-8"]))
    assert [(r.receipt_id, r.state) for r in rows] == [("R-1", ReceiptState.received)]


def test_a_receipt_is_entered_once(database: Database) -> None:
    first, again, other, fresh = receive(
        database,
        receipt(),
        receipt(),
        receipt(command_id="another hand", lines=LINES[:1]),
        receipt("R-2"),
    )
    assert first == again and code(fresh) is None
    assert code(other) is RefusalCode.already_counted and "R-1 was received at LDS" in other.message
    later = receive(database, receipt(), receipt(command_id="another hand"))
    assert later[0] == first and code(later[1]) is RefusalCode.already_counted
    assert told(database, "receipt/R-1") == ["GoodsReceived"]


def test_goods_wait_until_they_are_put_away(
    database_on: Callable[[Clock], Database],
) -> None:
    at = clock()
    database = database_on(at)
    receive(database, receipt("R-1"))
    at.sleep(60)
    receive(database, receipt("R-2", node="BHM"), receipt("R-3"))

    def waiting(*nodes: str, limit: int = 10) -> list[str]:
        found = database.run(lambda tx: inbound.waiting(tx, nodes, at.now(), limit))
        return [r.receipt_id for r in found]

    assert waiting("LDS", "BHM") == ["R-1", "R-2", "R-3"]
    assert waiting("LDS", "BHM", limit=1) == ["R-1"]
    assert waiting("BHM") == ["R-2"] and waiting() == []
    before = database.run(lambda tx: inbound.waiting(tx, ["LDS", "BHM"], NOON))
    assert [r.receipt_id for r in before] == ["R-1"]
    done, again = put_away(database, PutAway("p", ME, "R-1"), PutAway("p", ME, "R-1"))
    assert done == again == StoredGoods("R-1", "LDS", NOON + timedelta(minutes=1))
    at.sleep(60)
    (later, other, none) = put_away(
        database, PutAway("p", ME, "R-1"), PutAway("q", ME, "R-1"), PutAway("p", ME, "R-9")
    )
    assert later == done
    assert code(other) is RefusalCode.wrong_state and code(none) is RefusalCode.not_found
    assert waiting("LDS", "BHM") == ["R-2", "R-3"]
    assert told(database, "receipt/R-1") == ["GoodsReceived", "GoodsPutAway"]


def test_one_receipt_entered_by_many_at_once(database: Database) -> None:
    answers = at_once(lambda n: receive(database, receipt(command_id=f"hand {n}"))[0])
    assert [code(a) for a in answers].count(None) == 1
    assert told(database, "receipt/R-1") == ["GoodsReceived"]
    stored = at_once(lambda n: put_away(database, PutAway(f"hand {n}", ME, "R-1"))[0])
    assert [code(a) for a in stored].count(None) == 1
    assert told(database, "receipt/R-1") == ["GoodsReceived", "GoodsPutAway"]


def test_what_was_counted_stays(database: Database) -> None:
    receive(database, receipt())
    with database.session() as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("UPDATE warehouse.receipt_line SET received_each = 1")
