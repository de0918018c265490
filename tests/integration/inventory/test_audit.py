"""The audit of stock: silent over a day's work, and loud over every corruption planted here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import (
    Held,
    Move,
    OpeningStock,
    PlaceHold,
    Quarantine,
    ReservationState,
    Reserve,
)
from entrepot.ground.clock import SystemClock
from entrepot.ground.database import Database, Tx
from tests.postgres import Server, fresh_database

MUG = {"command_id": "c", "actor": "ann", "sku": "MUG", "node": "DC1"}


@pytest.fixture(scope="module")
def stock(server: Server, template_database: str) -> Iterator[psycopg.Connection]:
    """20 mugs: 1 held, 2 reserved, 3 allocated, 4 in quarantine; 5 cups at two nodes."""
    with fresh_database(server, template_database) as url:
        with Database(url) as database, database.transaction() as tx:
            inventory.record_opening(
                tx,
                [
                    OpeningStock(**MUG, quantity_each=20),
                    OpeningStock(**{**MUG, "sku": "CUP"}, quantity_each=2),
                    OpeningStock(**{**MUG, "sku": "CUP", "node": "DC2"}, quantity_each=3),
                ],
            )
            inventory.quarantine(tx, [Quarantine(**MUG, quantity_each=4, document="d")])
            ends = tx.now + timedelta(hours=1)
            commitments.hold(tx, [PlaceHold(**MUG, cart="c", quantity_each=1, expires_at=ends)])
            answers = commitments.reserve(
                tx,
                [
                    Reserve(**MUG, order_id="O-1", line_no=n, quantity_each=each)
                    for n, each in enumerate((2, 3), start=1)
                ],
            )
            allocated = answers[1]
            assert isinstance(allocated, Held)
            commitments.move(
                tx,
                [
                    Move(
                        **MUG,
                        reservation_id=allocated.reservation.reservation_id,
                        to_state=ReservationState.allocated,
                        document="O-1",
                    )
                ],
            )
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


@contextmanager
def planted(stock: psycopg.Connection, *statements: str) -> Iterator[Tx]:
    """Rows changed past every guard, as a broken disk or a careless person might; undone after."""
    with stock.transaction(force_rollback=True):
        for check in ("stock_covers_commitments", "stock_held_check", "stock_on_hand_check"):
            stock.execute(f"ALTER TABLE inventory.stock DROP CONSTRAINT {check}")
        for statement in statements:
            assert stock.execute(statement).rowcount > 0, statement
        yield Tx(stock, SystemClock())


def findings(stock: psycopg.Connection, *statements: str) -> list[str]:
    with planted(stock, *statements) as tx:
        return inventory.audit(tx)[0]


STANDS = "stock of MUG at DC1: balance {%s}, ledger {%s}, committed {%s}"
LEDGER = "16,1,2,3,4"
COMMITTED = "1,2,3"


def test_a_day_is_in_order(stock: psycopg.Connection) -> None:
    with planted(stock) as tx:
        found, looked_at = inventory.audit(tx)
    assert found == []
    assert looked_at == {"movements": 8, "balances": 3, "reservations": 2}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE inventory.stock SET held = 2 WHERE sku = 'MUG'",
            {STANDS % ("16,2,2,3,4", LEDGER, COMMITTED)},
        ),
        (
            "UPDATE inventory.stock SET reserved = 0 WHERE sku = 'MUG'",
            {STANDS % ("16,1,0,3,4", LEDGER, COMMITTED)},
        ),
        (
            "UPDATE inventory.stock SET allocated = 4 WHERE sku = 'MUG'",
            {STANDS % ("16,1,2,4,4", LEDGER, COMMITTED)},
        ),
        (
            "UPDATE inventory.stock SET on_hand = 15 WHERE sku = 'MUG'",
            {
                STANDS % ("15,1,2,3,4", LEDGER, COMMITTED),
                "stock of MUG: 19 units there, but 20 came in less what went out",
            },
        ),
        (
            "UPDATE inventory.stock SET quarantined = 5 WHERE sku = 'MUG'",
            {
                STANDS % ("16,1,2,3,5", LEDGER, COMMITTED),
                "stock of MUG: 21 units there, but 20 came in less what went out",
            },
        ),
        (
            "UPDATE inventory.stock SET on_hand = 17, quarantined = 3 WHERE sku = 'MUG'",
            {STANDS % ("17,1,2,3,3", LEDGER, COMMITTED)},
        ),
        (
            "UPDATE inventory.stock SET on_hand = -1 WHERE sku = 'CUP' AND node = 'DC1'",
            {
                "stock of CUP at DC1: balance {-1,0,0,0,0}, ledger {2,0,0,0,0}, committed {0,0,0}",
                "stock of CUP: 2 units there, but 5 came in less what went out",
            },
        ),
        (
            "DELETE FROM inventory.stock WHERE sku = 'MUG'",
            {
                STANDS % ("NULL,NULL,NULL,NULL,NULL", LEDGER, COMMITTED),
                "stock of MUG: 0 units there, but 20 came in less what went out",
            },
        ),
        (
            "INSERT INTO inventory.stock VALUES ('JUG', 'DC1', 7)",
            {
                "stock of JUG at DC1: balance {7,0,0,0,0}, ledger {0,0,0,0,0}, committed {0,0,0}",
                "stock of JUG: 7 units there, but 0 came in less what went out",
            },
        ),
        (
            "UPDATE inventory.stock SET node = 'DC3' WHERE sku = 'CUP' AND node = 'DC2'",
            {
                "stock of CUP at DC2: balance {NULL,NULL,NULL,NULL,NULL}, ledger {3,0,0,0,0}, "
                "committed {0,0,0}",
                "stock of CUP at DC3: balance {3,0,0,0,0}, ledger {0,0,0,0,0}, committed {0,0,0}",
            },
        ),
    ],
)
def test_a_balance_that_is_not_its_ledger_is_found(
    stock: psycopg.Connection, statement: str, found: set[str]
) -> None:
    assert set(findings(stock, statement)) == found


@pytest.mark.parametrize(
    ("statement", "ledger", "net"),
    [
        (
            "DELETE FROM inventory.movement WHERE sku = 'MUG' AND cause = 'opening'",
            "-4,1,2,3,4",
            "20 units there, but 0 came",
        ),
        ("DELETE FROM inventory.movement WHERE cause = 'hold'", "16,0,2,3,4", None),
        (
            "UPDATE inventory.movement SET quantity_each = 5 WHERE cause = 'release'",
            "16,1,0,5,4",
            None,
        ),
        (
            "UPDATE inventory.movement SET to_account = 'scrap' WHERE cause = 'quality_check'",
            "16,1,2,3,0",
            "20 units there, but 16 came",
        ),
        (
            "INSERT INTO inventory.movement VALUES ('MUG', gen_random_uuid(), 'DC1', 'supplier', "
            "'free', 1, 'receipt', 'd', '2026-01-05Z', 'c', 'eve')",
            "17,1,2,3,4",
            "20 units there, but 21 came",
        ),
    ],
)
def test_a_movement_that_was_changed_is_found(
    stock: psycopg.Connection, statement: str, ledger: str, net: str | None
) -> None:
    found = set(findings(stock, statement))
    assert STANDS % (LEDGER, ledger, COMMITTED) in found
    assert [f for f in found if net and net in f] == [f for f in found if "units there" in f]
    opened = {f for f in found if "opened with" in f}
    assert len(opened) == ("opening" in statement)
    assert len(found - opened) == (2 if net else 1)


@pytest.mark.parametrize(
    ("statement", "committed"),
    [
        ("DELETE FROM inventory.hold", "0,2,3"),
        ("UPDATE inventory.hold SET quantity_each = 9", "9,2,3"),
        ("DELETE FROM inventory.reservation WHERE state = 'reserved'", "1,0,3"),
        ("UPDATE inventory.reservation SET state = 'shipped' WHERE line_no = 2", "1,2,0"),
        ("UPDATE inventory.reservation SET state = 'reserved' WHERE line_no = 2", "1,5,0"),
        ("UPDATE inventory.reservation SET quantity_each = 4 WHERE line_no = 2", "1,2,4"),
    ],
)
def test_a_commitment_that_does_not_stand_behind_its_balance_is_found(
    stock: psycopg.Connection, statement: str, committed: str
) -> None:
    assert findings(stock, statement) == [STANDS % (LEDGER, LEDGER, committed)]


def test_a_commitment_at_another_node_is_found_at_both(stock: psycopg.Connection) -> None:
    moved = "UPDATE inventory.reservation SET node = 'DC9' WHERE line_no = 1"
    assert sorted(findings(stock, moved)) == [
        STANDS % (LEDGER, LEDGER, "1,0,3"),
        "stock of MUG at DC9: balance {NULL,NULL,NULL,NULL,NULL}, ledger {0,0,0,0,0}, "
        "committed {0,2,0}",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory.stock SET on_hand = 5 WHERE sku = 'MUG'",
        "UPDATE inventory.stock SET held = -1",
        "UPDATE inventory.stock SET quarantined = -1",
        "UPDATE inventory.movement SET quantity_each = 0",
        "UPDATE inventory.movement SET to_account = from_account",
        "UPDATE inventory.movement SET to_account = 'pocket'",
        "UPDATE inventory.reservation SET node = NULL",
        "UPDATE inventory.reservation SET state = 'forgotten'",
        "UPDATE inventory.hold SET quantity_each = 0",
    ],
)
def test_what_the_tables_refuse_by_themselves(stock: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        stock.execute(statement)
