"""Pure stock decisions: what each step moves, what each command is refused for."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from uuid import UUID

import pytest

from entrepot.departments.inventory import decisions
from entrepot.departments.inventory.decisions import STEPS, Ledger, moved
from entrepot.departments.inventory.model import (
    Account,
    Adjustment,
    Balance,
    Cause,
    Count,
    Movement,
    OpeningStock,
    PlaceHold,
    Quarantine,
    Receipt,
    Reservation,
    ReservationState,
    Reserve,
    Shorten,
)
from entrepot.words.outcome import Refusal, RefusalCode
from entrepot.words.quantity import MAX_EACH

AT = datetime(2026, 1, 5, tzinfo=UTC)
WHO = {"command_id": "c", "actor": "ann"}
MUG = {**WHO, "sku": "MUG", "node": "DC1"}
FULL = Balance("MUG", "DC1", on_hand=20, held=2, reserved=3, allocated=5, quarantined=4)

INSIDE = (Account.free, Account.held, Account.reserved, Account.allocated)

# The whole table, written again: (from, to) -> the accounts that units leave and enter.
ALLOWED = {
    ("waiting", "reserved"): ("free", "reserved", "backorder_filled"),
    ("waiting", "cancelled"): None,
    ("reserved", "allocated"): ("reserved", "allocated", "release"),
    ("reserved", "cancelled"): ("reserved", "free", "order_cancelled"),
    ("allocated", "reserved"): ("allocated", "reserved", "release_undone"),
    ("allocated", "shipped"): ("allocated", "customer", "shipment"),
    ("allocated", "cancelled"): ("allocated", "free", "order_cancelled"),
}


def reservation(state: ReservationState, each: int = 5) -> Reservation:
    node = None if state is ReservationState.waiting else "DC1"
    return Reservation("MUG", UUID(int=7), "O-1", 1, node, each, 100, state, None, AT)


@pytest.mark.parametrize(("start", "to"), list(product(ReservationState, repeat=2)))
def test_every_pair_of_states_is_allowed_or_refused_as_the_table_says(
    start: ReservationState, to: ReservationState
) -> None:
    found = decisions.step(reservation(start), to)
    if (start, to) not in ALLOWED:
        assert isinstance(found, Refusal)
        assert found.code is RefusalCode.wrong_state
        assert found.facts == {"state": start, "asked": to}
        onward = sorted(t for s, t in ALLOWED if s == start)
        assert found.message.endswith(f"become {', '.join(onward) or 'nothing'}")
    else:
        assert found == ALLOWED[start, to]


def test_no_step_makes_or_loses_units_inside_the_node() -> None:
    places = (*INSIDE, Account.customer)
    for taken in STEPS.values():
        assert taken is None or (taken[0] in places and taken[1] in places)


@pytest.mark.parametrize("account", list(Account))
def test_each_account_stands_in_its_column(account: Account) -> None:
    source = Account.supplier if account is not Account.supplier else Account.customer
    after = moved(FULL, Movement("MUG", "DC1", source, account, 1, Cause.correction, *"dca"))
    changes = {
        name: (getattr(after, name) - getattr(FULL, name))
        for name in ("on_hand", "held", "reserved", "allocated", "quarantined", "available")
        if getattr(after, name) != getattr(FULL, name)
    }
    assert changes == {
        Account.free: {"on_hand": 1, "available": 1},
        Account.held: {"on_hand": 1, "held": 1},
        Account.reserved: {"on_hand": 1, "reserved": 1},
        Account.allocated: {"on_hand": 1, "allocated": 1},
        Account.quarantine: {"quarantined": 1},
    }.get(account, {})


@pytest.mark.parametrize(
    ("source", "target"), [(a, b) for a, b in product(Account, repeat=2) if a is not b]
)
def test_a_movement_takes_from_one_account_what_it_gives_the_other(
    source: Account, target: Account
) -> None:
    movement = Movement("MUG", "DC1", source, target, 2, Cause.correction, "d", "c", "ann")
    after = moved(FULL, movement)
    there = {*INSIDE, Account.quarantine}
    gained = 2 * (target in there) - 2 * (source in there)
    assert after.on_hand + after.quarantined == FULL.on_hand + FULL.quarantined + gained
    back = movement._replace(from_account=target, to_account=source)
    assert moved(after, back) == FULL


def test_a_ledger_is_zero_where_nothing_was_booked_and_keeps_keys_apart() -> None:
    ledger = Ledger([FULL])
    assert ledger.balance("MUG", "DC2") == Balance("MUG", "DC2", 0)
    ledger.apply(Movement("MUG", "DC2", Account.supplier, Account.free, 3, Cause.receipt, *"dca"))
    assert ledger.balance("MUG", "DC1") == FULL
    assert ledger.balance("MUG", "DC2").available == 3


def test_a_ledger_sees_reservations_as_it_sees_their_movements() -> None:
    quickly, slowly = Ledger([FULL]), Ledger([FULL])
    for node in ("DC1", "DC2"):
        quickly.reserve("MUG", node, 2)
        slowly.apply(Movement("MUG", node, Account.free, Account.reserved, 2, Cause.order, *"dca"))
        assert quickly.balance("MUG", node) == slowly.balance("MUG", node)
        assert quickly.available("MUG", node) == slowly.balance("MUG", node).available


def test_what_is_available_is_free_of_every_commitment() -> None:
    assert FULL.available == 10


# What each command means.


def found_movement(found: object) -> tuple[Account, Account, int, Cause]:
    assert isinstance(found, Movement), found
    assert (found.sku, found.node, found.command_id, found.actor) == ("MUG", "DC1", "c", "ann")
    return found.from_account, found.to_account, found.quantity_each, found.cause


def test_opening_and_receiving() -> None:
    ledger = Ledger([FULL])
    opened = decisions.open_stock(ledger, OpeningStock(**MUG, quantity_each=7))
    assert found_movement(opened) == (Account.opening, Account.free, 7, Cause.opening)
    for changes, expected in (
        ({}, (Account.supplier, Account.free, 7, Cause.receipt)),
        ({"quarantine": True}, (Account.supplier, Account.quarantine, 7, Cause.receipt)),
        (
            {"from_account": Account.customer},
            (Account.customer, Account.free, 7, Cause.customer_return),
        ),
        ({"from_account": Account.transit}, (Account.transit, Account.free, 7, Cause.receipt)),
    ):
        receipt = Receipt(**MUG, quantity_each=7, document="d", **changes)
        assert found_movement(decisions.receive(ledger, receipt)) == expected


@pytest.mark.parametrize("reason", decisions.ADJUSTMENT_REASONS)
def test_adjusting_up_and_down(reason: Cause) -> None:
    ledger = Ledger([FULL])
    gain = decisions.adjust(ledger, Adjustment(**MUG, change_each=3, reason=reason))
    assert found_movement(gain) == (Account.adjustment, Account.free, 3, reason)
    assert isinstance(gain, Movement)
    assert gain.document == "c", "without a document the command stands for it"
    loss = decisions.adjust(ledger, Adjustment(**MUG, change_each=-10, reason=reason, document="d"))
    assert found_movement(loss) == (Account.free, Account.adjustment, 10, reason)
    assert isinstance(loss, Movement)
    assert loss.document == "d"


def test_counting() -> None:
    ledger = Ledger([FULL])

    def count(counted: int) -> object:
        return decisions.count(ledger, Count(**MUG, counted_each=counted, document="d"))

    assert count(20) is None
    assert found_movement(count(25)) == (Account.adjustment, Account.free, 5, Cause.cycle_count)
    assert found_movement(count(10)) == (Account.free, Account.adjustment, 10, Cause.cycle_count)
    refused = count(9)
    assert isinstance(refused, Refusal)
    assert "release 1 first" in refused.message
    assert refused.facts == {"counted_each": 9, "committed_each": 10}


def test_quarantine_and_back() -> None:
    ledger = Ledger([FULL])
    expected = {
        (False, False): (Account.free, Account.quarantine, 4, Cause.quality_check),
        (True, False): (Account.quarantine, Account.free, 4, Cause.quality_check),
        (False, True): (Account.quarantine, Account.scrap, 4, Cause.damaged),
    }
    for (release, scrap), movement in expected.items():
        command = Quarantine(**MUG, quantity_each=4, document="d", release=release, scrap=scrap)
        assert found_movement(decisions.quarantine(ledger, command)) == movement


def test_committing_units() -> None:
    ledger = Ledger([FULL])
    reserve = Reserve(**MUG, order_id="O-1", line_no=1, quantity_each=10)
    hold = PlaceHold(**MUG, cart="c-1", quantity_each=10, expires_at=AT)
    taken = decisions.commit_units(ledger, reserve, "DC1")
    assert found_movement(taken) == (Account.free, Account.reserved, 10, Cause.order)
    assert isinstance(taken, Movement)
    assert taken.document == "O-1"
    taken = decisions.commit_units(ledger, hold, "DC1")
    assert found_movement(taken) == (Account.free, Account.held, 10, Cause.hold)
    assert isinstance(taken, Movement)
    assert taken.document == "c-1"


def test_shortening() -> None:
    allocated = reservation(ReservationState.allocated)

    def shorten(found: Reservation | None, each: int, reason: str = "lost") -> object:
        command = Shorten(
            **WHO,
            sku="MUG",
            reservation_id=UUID(int=7),
            short_each=each,
            reason=reason,
            document="d",
        )
        return decisions.shorten(found, command)

    expected = (Account.allocated, Account.adjustment, 5, Cause.lost)
    assert found_movement(shorten(allocated, 5)) == expected
    assert code(shorten(None, 5)) is RefusalCode.unknown_reservation
    assert code(shorten(allocated, 0)) is RefusalCode.bad_quantity
    assert code(shorten(allocated, 6)) is RefusalCode.bad_quantity
    assert code(shorten(allocated, 5, "shipment")) is RefusalCode.bad_value
    for state in set(ReservationState) - {ReservationState.allocated}:
        assert code(shorten(reservation(state), 5)) is RefusalCode.wrong_state


# What each command is refused for.


def code(found: object) -> RefusalCode:
    assert isinstance(found, Refusal), found
    return found.code


@pytest.mark.parametrize("each", [0, -1, MAX_EACH + 1])
def test_a_quantity_out_of_range_is_refused_everywhere(each: int) -> None:
    ledger = Ledger([FULL])
    document = {"quantity_each": each, "document": "d"}
    reserve = Reserve(**MUG, order_id="O-1", line_no=1, quantity_each=each)
    hold = PlaceHold(**MUG, cart="c", quantity_each=each, expires_at=AT)
    found = [
        decisions.open_stock(ledger, OpeningStock(**MUG, quantity_each=each)),
        decisions.receive(ledger, Receipt(**MUG, **document)),
        decisions.quarantine(ledger, Quarantine(**MUG, **document)),
        decisions.quarantine(ledger, Quarantine(**MUG, **document, release=True)),
        decisions.commit_units(ledger, reserve, "DC1"),
        decisions.commit_units(ledger, hold, "DC1"),
    ]
    assert {code(one) for one in found} == {RefusalCode.bad_quantity}
    for one in found:
        assert isinstance(one, Refusal)
        assert (one.field, one.facts["found"]) == ("quantity_each", each)


@pytest.mark.parametrize("change", [0, MAX_EACH + 1, -MAX_EACH - 1])
def test_a_change_out_of_range_is_refused(change: int) -> None:
    command = Adjustment(**MUG, change_each=change, reason="lost")
    assert code(decisions.adjust(Ledger([FULL]), command)) is RefusalCode.bad_quantity


def test_books_that_could_not_be_counted_are_refused() -> None:
    ledger = Ledger([FULL._replace(on_hand=MAX_EACH, quarantined=MAX_EACH)])
    one = {"quantity_each": 1}
    found = [
        decisions.open_stock(ledger, OpeningStock(**MUG, **one)),
        decisions.receive(ledger, Receipt(**MUG, **one, document="d")),
        decisions.receive(ledger, Receipt(**MUG, **one, document="d", quarantine=True)),
        decisions.adjust(ledger, Adjustment(**MUG, change_each=1, reason="found")),
        decisions.quarantine(ledger, Quarantine(**MUG, **one, document="d")),
        decisions.quarantine(ledger, Quarantine(**MUG, **one, document="d", release=True)),
    ]
    assert {code(refused) for refused in found} == {RefusalCode.bad_quantity}


def test_more_than_there_is_is_refused_with_what_there_is() -> None:
    ledger = Ledger([FULL])
    reserve = Reserve(**MUG, order_id="O-1", line_no=1, quantity_each=11)
    found = [
        (decisions.commit_units(ledger, reserve, "DC1"), 10),
        (decisions.adjust(ledger, Adjustment(**MUG, change_each=-11, reason="lost")), 10),
        (decisions.quarantine(ledger, Quarantine(**MUG, quantity_each=11, document="d")), 10),
        (
            decisions.quarantine(
                ledger, Quarantine(**MUG, quantity_each=5, document="d", scrap=True)
            ),
            4,
        ),
    ]
    for refused, there in found:
        assert code(refused) is RefusalCode.not_enough_stock
        assert isinstance(refused, Refusal)
        assert refused.facts["available_each"] == there
        assert str(there) in refused.message
