"""Pure decisions about carts: lines, versions, and how long they hold."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.ordering import decisions_carts as decisions
from entrepot.departments.ordering.carts import Cart, CartHead, CartLine, CartState, LineChange
from entrepot.departments.ordering.decisions_carts import HoldWindow, Unheld
from entrepot.departments.ordering.model import ChannelRule
from entrepot.words.outcome import Refusal, RefusalCode
from entrepot.words.quantity import MAX_EACH

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = ChannelRule("web", 10, 30)
HEAD = CartHead(
    cart_id="c",
    state=CartState.open,
    version=3,
    channel="web",
    currency="EUR",
    person_id=None,
    country=None,
    postal_area=None,
    opened_at=NOW,
    active_at=NOW,
    expires_at=NOW,
)
CUP, MUG = CartLine(1, "CUP", 2, 100), CartLine(2, "MUG", 1, 200, saved=True)
PRICES = {"CUP": 110, "MUG": 220, "JUG": 330}


def after(*changes: LineChange) -> tuple[CartLine, ...] | Refusal:
    return decisions.change_lines((CUP, MUG), changes, PRICES)


def test_what_is_not_given_stays() -> None:
    assert after() == (CUP, MUG)
    assert after(LineChange("CUP")) == (CUP, MUG)
    assert after(LineChange("CUP", 5)) == (CUP._replace(quantity_each=5), MUG)
    assert after(LineChange("MUG", saved=False)) == (CUP, MUG._replace(saved=False))
    assert after(LineChange("CUP", unit_price_minor=110)) == (
        CUP._replace(unit_price_minor=110),
        MUG,
    )


def test_lines_come_and_go_and_keep_their_numbers() -> None:
    jug = CartLine(3, "JUG", 4, 330)
    assert after(LineChange("JUG", 4)) == (CUP, MUG, jug)
    assert after(LineChange("CUP", 0), LineChange("JUG", 4)) == (MUG, jug)
    assert after(LineChange("NONE", 0)) == (CUP, MUG), "what is not there is out already"
    assert after(LineChange("JUG", 4, saved=True)) == (CUP, MUG, jug._replace(saved=True))


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ([LineChange("JUG")], RefusalCode.missing_value, "lines[1].quantity"),
        ([LineChange("JUG", saved=True)], RefusalCode.missing_value, "lines[1].quantity"),
        ([LineChange("CUP", -1)], RefusalCode.bad_quantity, "lines[1].quantity"),
        ([LineChange("CUP", MAX_EACH + 1)], RefusalCode.bad_quantity, "lines[1].quantity"),
        (
            [LineChange("CUP", 1), LineChange("CUP", 1)],
            RefusalCode.duplicate_value,
            "lines[2].sku",
        ),
    ],
)
def test_bad_changes(changes: list[LineChange], code: RefusalCode, field: str) -> None:
    found = after(*changes)
    assert isinstance(found, Refusal)
    assert (found.code, found.field) == (code, field)


def test_a_cart_is_full_at_its_limit() -> None:
    full = [LineChange(f"S{number}", 1) for number in range(decisions.LINES_MAX)]
    prices = {change.sku: 1 for change in full}
    assert len(decisions.change_lines((), full, prices)) == decisions.LINES_MAX
    found = decisions.change_lines((CUP,), full, prices)
    assert isinstance(found, Refusal) and found.code is RefusalCode.too_many


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        (LineChange("JUG", 1), True),
        (LineChange("CUP", 3), True),
        (LineChange("CUP", 2), False),
        (LineChange("CUP", 1), False),
        (LineChange("CUP", 0), False),
        (LineChange("CUP", saved=True), False),
        (LineChange("CUP", 1, 100), True),
    ],
)
def test_who_wants_more_is_asked_whether_it_is_sold(change: LineChange, needed: bool) -> None:
    assert decisions.needs_check((CUP, MUG), change) == needed


@pytest.mark.parametrize("state", CartState)
def test_only_what_has_not_ended_for_good_is_changed(state: CartState) -> None:
    found = decisions.cannot_change(HEAD._replace(state=state), "changed")
    assert (found is None) == (state in (CartState.open, CartState.expired))


def test_versions() -> None:
    assert decisions.other_version(HEAD, None) is None
    assert decisions.other_version(HEAD, 3) is None
    found = decisions.other_version(HEAD, 2)
    assert found is not None and found.facts == {"version": 3}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": ""}, "channel"),
        ({"channel": "x" * 41}, "channel"),
        ({"channel": "\n"}, "channel"),
        ({"hold_minutes": -1}, "hold_minutes"),
        ({"hold_minutes": 1_441, "hold_minutes_max": 1_441}, "hold_minutes"),
        ({"hold_minutes_max": 9}, "hold_minutes_max"),
        ({"hold_each_max": MAX_EACH + 1}, "hold_each_max"),
        ({"cart_days": 0}, "cart_days"),
        ({"cart_days": 401}, "cart_days"),
    ],
)
def test_rules_out_of_range(change: dict[str, object], field: str) -> None:
    assert decisions.check_rule(RULE) is None
    found = decisions.check_rule(msgspec.structs.replace(RULE, **change))
    assert found is not None and found.field == field


def test_a_span_of_holding() -> None:
    def window(since: int | None, until: int | None, at: int) -> HoldWindow | None:
        head = HEAD._replace(
            held_since=None if since is None else NOW + since * MINUTE,
            held_until=None if until is None else NOW + until * MINUTE,
        )
        return decisions.hold_window(RULE, head, NOW + at * MINUTE)

    def minutes(since: int, until: int) -> HoldWindow:
        return HoldWindow(NOW + since * MINUTE, NOW + until * MINUTE)

    assert window(None, None, 0) == minutes(0, 10)
    assert window(0, 10, 5) == minutes(0, 15)
    assert window(0, 30, 25) == minutes(0, 30)
    assert window(0, 30, 30) is None
    assert window(0, 30, 59) is None
    assert window(0, 30, 60) == minutes(60, 70)
    # Idle since minute 10: within the span it holds again, later as after a span.
    assert window(0, 10, 20) == minutes(0, 30)
    assert window(0, 10, 39) is None
    assert window(0, 10, 40) == minutes(40, 50)
    nothing = ChannelRule("web")
    assert decisions.hold_window(nothing, HEAD, NOW) is None


@given(touches=st.lists(st.integers(0, 25), max_size=30), ttl=st.integers(1, 20))
def test_nobody_holds_for_ever(touches: list[int], ttl: int) -> None:
    """However often a cart is touched, it holds for a span at most, and then rests as long."""
    rule = ChannelRule("web", ttl, ttl * 2)
    span = timedelta(minutes=rule.hold_minutes_max)
    head, at = HEAD, NOW
    since: list[datetime] = []
    for pause in touches:
        at += pause * MINUTE
        window = decisions.hold_window(rule, head, at)
        if window is not None:
            assert at < window.until <= window.since + span
            head = head._replace(held_since=window.since, held_until=window.until)
            if not since or since[-1] != window.since:
                since.append(window.since)
    for before, then in itertools.pairwise(since):
        assert then - before > span, "others had a turn"


@pytest.mark.parametrize(
    ("rule", "line", "held", "head", "tried", "why"),
    [
        (RULE, CUP, 2, HEAD, True, None),
        (RULE, MUG, 0, HEAD, True, Unheld.saved),
        (ChannelRule("web"), CUP, 0, HEAD, True, Unheld.channel),
        (ChannelRule("web", 10, 30, 1), CUP, 1, HEAD, True, Unheld.limit),
        (RULE, CUP, 1, HEAD, True, Unheld.stock),
        (RULE, CUP, 0, HEAD, False, Unheld.stock),
        (
            RULE,
            CUP,
            0,
            HEAD._replace(held_since=NOW - 30 * MINUTE, held_until=NOW),
            True,
            Unheld.time,
        ),
        (
            RULE,
            CUP,
            0,
            HEAD._replace(held_since=NOW - 10 * MINUTE, held_until=NOW),
            False,
            Unheld.time,
        ),
        (
            RULE,
            CUP,
            1,
            HEAD._replace(held_since=NOW, held_until=NOW + MINUTE, holds=True),
            False,
            Unheld.stock,
        ),
    ],
)
def test_why_units_are_not_held(
    rule: ChannelRule, line: CartLine, held: int, head: CartHead, tried: bool, why: Unheld | None
) -> None:
    assert decisions.why_unheld(rule, head, line, held, NOW, is_tried=tried) is why


def test_covered_is_who_holds_all_it_wants() -> None:
    cart = Cart(HEAD, (CUP, MUG))
    assert decisions.is_covered(cart, {"CUP": 2})
    assert not decisions.is_covered(cart, {"CUP": 1})
    assert decisions.target_each(ChannelRule("web", 10, 30, 1), CUP) == 1
    assert decisions.target_each(RULE, MUG) == 0
