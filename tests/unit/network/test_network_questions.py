"""Questions to the network: zones, services, rates, transit times."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.network import decisions
from entrepot.departments.network.checks import check_node, check_rate_card, check_transit
from entrepot.departments.network.decisions import Parts, assemble
from entrepot.departments.network.model import (
    NEVER_CHANGED,
    Area,
    Carrier,
    DayShare,
    Footprint,
    Network,
    Node,
    NodeKind,
    NodeStatus,
    Offering,
    RateCard,
    RateStep,
    Service,
    SpeedClass,
    Transit,
    WorkCalendar,
    ZoneRule,
)
from entrepot.words.outcome import RefusalCode

WEEK = (((480, 1_080),),) * 5 + ((), ())
LON = Node(
    "LON",
    "London",
    NodeKind.fulfillment_center,
    "GB",
    "E16 2AA",
    51_500_000,
    0,
    "Europe/London",
    "work",
    60,
)
LEE = msgspec.structs.replace(LON, node_id="LEE", name="Leeds", postal_code="LS10 1AA")
ROAD = Service("road", "c", "Road", SpeedClass.standard, 1_020, (0, 2), (0, 1, 2, 3, 4), 30_000)
AIR = Service("air", "c", "Air", SpeedClass.express, 1_140, (0,), (0,), 5_000, 5_000)


def a_transit(service_id: str, zone: int, weekday: int = 7, days: int = 1) -> Transit:
    return Transit(service_id, zone, weekday, (DayShare(days, 1_000_000),))


def a_card(service_id: str, zone: int, currency: str = "GBP") -> RateCard:
    steps = (RateStep(1_000, 300, 200), RateStep(5_000, 500, 350), RateStep(30_000, 900, 700))
    return RateCard(service_id, zone, currency, steps)


PARTS = Parts(
    calendars=[WorkCalendar("work", "Work", WEEK)],
    nodes=[LON, LEE],
    carriers=[Carrier("c", "C")],
    services=[AIR, ROAD],
    offerings=[
        Offering("road", "any"),
        Offering("air", "LON", 1_200),
        Offering("road", "LEE", 900),
    ],
    zones=[
        ZoneRule("any", "GB", "", 1),
        ZoneRule("any", "GB", "L", 2),
        ZoneRule("any", "GB", "LS1", 3),
        ZoneRule("LEE", "GB", "LS1", 4),
        ZoneRule("LON", "GB", "LS", 5),
        ZoneRule("any", "FR", "20", 6),
    ],
    transits=[a_transit("road", 1), a_transit("road", 1, 2, 3), a_transit("air", 1)],
    rates=[a_card("road", 1), a_card("air", 1), a_card("air", 2)],
    footprints=[Footprint("road", 1, 150, 40)],
    areas=[Area("GB", "L", "Liverpool", 53_400_000, -2_990_000), Area("GB", "", "Britain", 0, 0)],
)
NETWORK = assemble(7, NEVER_CHANGED, PARTS)


@pytest.mark.parametrize(
    ("node", "country", "postal_code", "zone"),
    [
        ("LON", "GB", "M1 1AA", 1),
        ("LON", "GB", "", 1),
        ("LON", "GB", "L1 1AA", 2),
        ("LON", "GB", "l11aa", 2),
        ("LON", "GB", "LE1 1AA", 1),  # Leicester is not in the area of Liverpool
        ("LON", "GB", "LS1 4AP", 3),  # the longest prefix, though LS is the node's own rule
        ("LON", "GB", "LS9 4AP", 5),
        ("LEE", "GB", "LS1 4AP", 4),  # equal length: the node's own rule
        ("LEE", "GB", "LS9 4AP", 1),
        ("LON", "FR", "20000", 6),
        ("LON", "FR", "2", None),
        ("LON", "FR", "75001", None),
        ("LON", "DE", "10115", None),
    ],
)
def test_the_longest_prefix_decides_the_zone(
    node: str, country: str, postal_code: str, zone: int | None
) -> None:
    assert decisions.zone_for(NETWORK, node, country, postal_code) == zone


@given(st.text("ABL1290 -", max_size=8))
def test_prefixes_are_prefixes_longest_first(postal_code: str) -> None:
    code = decisions.compact(postal_code)
    for country in ("GB", "NL"):
        found = list(decisions.prefixes(country, postal_code))
        assert found == sorted(set(found), key=len, reverse=True) and found[-1] == ""
        assert all(code.startswith(prefix) for prefix in found)
    assert next(decisions.prefixes("NL", postal_code)) == code


def test_an_area_is_found_by_its_prefix() -> None:
    names = [decisions.area_for(NETWORK, "GB", code) for code in ("L2 2AA", "LE2 2AA")]
    assert [area.name for area in names if area] == ["Liverpool", "Britain"]
    assert decisions.area_for(NETWORK, "FR", "75001") is None


def test_a_service_serves_where_it_is_offered_and_has_rate_and_transit() -> None:
    assert decisions.services_for(NETWORK, "LON", 1) == (AIR, ROAD)
    assert decisions.services_for(NETWORK, "LEE", 1) == (ROAD,)
    assert decisions.services_for(NETWORK, "LON", 2) == ()  # a rate, but no transit time
    assert decisions.services_for(NETWORK, "NONE", 1) == ()


def test_a_closed_node_is_served_by_nothing() -> None:
    closed = msgspec.structs.replace(LEE, status=NodeStatus.closed)
    network = assemble(8, NEVER_CHANGED, PARTS._replace(nodes=[LON, closed]))
    assert decisions.services_for(network, "LEE", 1) == ()
    assert decisions.services_for(network, "LON", 1) == (AIR, ROAD)


def test_the_cut_off_of_the_node_comes_before_that_of_the_service() -> None:
    found = [
        decisions.cut_off_minute(NETWORK, *key)
        for key in itertools.product(("road", "air"), ("LON", "LEE"))
    ]
    assert found == [1_020, 900, 1_200, 1_140]


@pytest.mark.parametrize(
    ("mass_g", "price_minor"),
    [(0, 300), (1, 300), (1_000, 300), (1_001, 500), (30_000, 900), (30_001, None)],
)
def test_the_first_step_that_reaches_the_mass_is_the_rate(
    mass_g: int, price_minor: int | None
) -> None:
    step = decisions.rate(NETWORK, "road", 1, mass_g, "GBP")
    assert (step.price_minor if step else None) == price_minor
    assert decisions.rate(NETWORK, "road", 1, mass_g, "EUR") is None
    assert decisions.rate(NETWORK, "road", 9, mass_g, "GBP") is None


def test_a_weekday_of_its_own_comes_before_any() -> None:
    assert decisions.transit(NETWORK, "road", 1, 2) == (DayShare(3, 1_000_000),)
    assert decisions.transit(NETWORK, "road", 1, 0) == (DayShare(1, 1_000_000),)
    assert decisions.transit(NETWORK, "road", 2, 0) is None


def test_a_light_large_parcel_is_charged_by_its_volume() -> None:
    assert decisions.billable_mass_g(AIR, 900, 400 * 300 * 200) == 4_800
    assert decisions.billable_mass_g(AIR, 900, 4_999) == 900
    assert decisions.billable_mass_g(AIR, 0, 5_001) == 2
    assert decisions.billable_mass_g(ROAD, 900, 400 * 300 * 200) == 900


def test_carbon_is_by_mass_and_by_box() -> None:
    assert decisions.co2e_g(NETWORK, "road", 1, 1_001, boxes=2) == 151 + 80
    assert decisions.co2e_g(NETWORK, "air", 1, 1_000) is None


def test_node_calendars_are_in_the_zone_of_the_node() -> None:
    calendar = NETWORK.node_calendars["LON"]
    assert (calendar.zone, calendar.opening) == ("Europe/London", WEEK)


def refused(network: Network, check: Any, value: Any, **changes: Any) -> tuple[str, str | None]:
    refusal = check(network, msgspec.structs.replace(value, **changes))
    assert refusal is not None
    assert "expected" in refusal.message
    return refusal.code.value, refusal.field


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"node_id": "any"}, RefusalCode.bad_identifier, "node_id"),
        ({"name": ""}, RefusalCode.missing_value, "name"),
        ({"name": "x" * 201}, RefusalCode.bad_value, "name"),
        ({"country": "UK"}, RefusalCode.bad_country, "country"),
        ({"postal_code": "12345"}, RefusalCode.bad_postal_code, "postal_code"),
        ({"latitude_microdeg": 90_000_001}, RefusalCode.bad_value, "latitude"),
        ({"zone": "Europe/Londinium"}, RefusalCode.bad_value, "time_zone"),
        ({"calendar_id": "none"}, RefusalCode.bad_value, "calendar_id"),
        ({"gln": "123"}, RefusalCode.bad_identifier, "gln"),
        ({"handling_minutes": -1}, RefusalCode.bad_value, "handling_minutes"),
        ({"box_cost_mills": -1}, RefusalCode.bad_value, "box_cost"),
        ({"orders_per_day": 0}, RefusalCode.bad_value, "orders_per_day"),
    ],
)
def test_a_node_that_makes_no_sense_is_refused(
    changes: dict[str, Any], code: RefusalCode, field: str
) -> None:
    assert check_node(NETWORK, LON) is None
    assert refused(NETWORK, check_node, LON, **changes) == (code, field)


@pytest.mark.parametrize(
    "shares",
    [
        (),
        (DayShare(1, 999_999),),
        (DayShare(1, 500_001), DayShare(2, 500_000)),
        (DayShare(2, 500_000), DayShare(1, 500_000)),
        (DayShare(1, 1_000_000), DayShare(2, 0)),
        (DayShare(-1, 1_000_000),),
        (DayShare(91, 1_000_000),),
    ],
)
def test_a_distribution_that_is_none_is_refused(shares: tuple[DayShare, ...]) -> None:
    found = refused(NETWORK, check_transit, a_transit("road", 1), shares=shares)
    assert found == (RefusalCode.bad_value, "distribution")


def test_a_rate_card_must_reach_the_heaviest_parcel() -> None:
    card = a_card("road", 1)
    assert check_rate_card(NETWORK, card) is None
    for steps in ((), card.steps[:2], card.steps[::-1], (RateStep(0, 1, 1), *card.steps)):
        assert refused(NETWORK, check_rate_card, card, steps=steps)[1] == "up_to_mass_g"
    negative = (RateStep(30_000, -1, 0),)
    assert refused(NETWORK, check_rate_card, card, steps=negative) == ("bad_price", "price")
    assert refused(NETWORK, check_rate_card, card, service_id="x")[0] == "unknown_service"
