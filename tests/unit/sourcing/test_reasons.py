"""Prices of boxes, weights of a policy, reasons in words and records."""

from __future__ import annotations

import msgspec
import pytest

from entrepot.departments.sourcing.decisions import (
    best_split,
    candidates,
    explain,
    step_price,
    tariff,
    weighed,
)
from entrepot.departments.sourcing.model import (
    Box,
    Candidate,
    Demand,
    Outcome,
    Plan,
    Policy,
    Site,
    Sites,
)
from entrepot.departments.sourcing.records import decision_inputs, decision_outcome, replay
from entrepot.words.outcome import Refusal, RefusalCode

STEPS = ((1000, 320), (5000, 480), (20000, 990))
DEMAND = [Demand(1, "SHIRT", 2), Demand(2, "SHOES", 1)]
LEEDS = Site("LEEDS", "royal-48", 3000, (50, 100), (5, 5))
BRISTOL = Site("BRISTOL", "royal-48", 3700, (75, 100), (5, 5))
YORK = Site("YORK", "dpd", 100, (1, 1), (5, 0))

PINNED_FIRST_INPUTS = (
    "9601929301a55348495254029302a553484f4553019295a54c45454453a8726f79616c2d3438cd0b"
    "b892326492050595a4594f524ba364706464920101920500920909c2c0"
)
PINNED_OUTCOME = (
    "93949193a54c45454453a8726f79616c2d343892920102920201cd0c8090c3c09193a54c45454453"
    "a8726f79616c2d3438cd0c80"
)


@pytest.mark.parametrize(("mass_g", "price"), [(1, 320), (1000, 320), (1001, 480), (20000, 990)])
def test_a_box_costs_the_first_step_that_holds_it(mass_g: int, price: int) -> None:
    assert step_price(mass_g, STEPS) == price


def test_a_box_beyond_the_last_step_is_refused() -> None:
    refused = step_price(20001, STEPS)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.too_large
    assert refused.facts == {"mass_g": 20001, "max_mass_g": 20000}
    assert isinstance(step_price(1, ()), Refusal)


def test_every_box_of_a_plan_is_weighed_on_its_own_card() -> None:
    plan = Plan((Box("LEEDS", "royal-48", ((1, 2),)), Box("YORK", "dpd", ((2, 3), (1, 1)))), 0)
    cards = {("LEEDS", "royal-48"): STEPS, ("YORK", "dpd"): ((4000, 700),)}
    assert tariff(plan, {1: 400, 2: 1200}, cards) == (320, 700)
    refused = tariff(plan, {1: 401, 2: 1200}, cards)
    assert isinstance(refused, Refusal)
    assert refused.facts == {"mass_g": 4001, "max_mass_g": 4000}


def test_weights_enter_costs_rounded_up() -> None:
    policy = Policy("standard", 3, stock_price_ppm=500_000, carbon_mills_per_kg=90)
    assert weighed(LEEDS, policy, (7, 0), 250) == Site(
        "LEEDS", "royal-48", 3000 + 23, (50 + 4, 100), (5, 5)
    )
    assert weighed(LEEDS, Policy("plain", 1, stock_price_ppm=0), (7, 9), 250) == LEEDS


def test_candidates_hold_everything_cheapest_first() -> None:
    assert candidates(DEMAND, [BRISTOL, YORK, LEEDS]) == (
        Candidate("LEEDS", "royal-48", 3200),
        Candidate("BRISTOL", "royal-48", 3950),
    )


def test_reasons_in_words() -> None:
    sites = [BRISTOL, LEEDS]
    able = candidates(DEMAND, sites)
    plan = best_split(DEMAND, sites)
    assert explain(plan, able, "JPY") == (
        "one box from LEEDS by royal-48: 3 JPY; next best BRISTOL by royal-48 4 JPY"
    )
    dear = [msgspec.structs.replace(s, box_mills=s.box_mills * 100) for s in sites]
    assert explain(best_split(DEMAND, dear), candidates(DEMAND, dear), "GBP") == (
        "one box from LEEDS by royal-48: 3.00 GBP; next best BRISTOL by royal-48 3.70 GBP"
    )
    assert explain(best_split(DEMAND, [LEEDS]), candidates(DEMAND, [LEEDS]), "GBP") == (
        "one box from LEEDS by royal-48: 0.03 GBP; no other site has everything"
    )


def test_reasons_of_several_boxes_and_of_what_is_left() -> None:
    two = Plan(
        (Box("LEEDS", "royal-48", ((1, 2),)), Box("YORK", "dpd", ((2, 1),))),
        520_000,
        ((2, 4),),
        False,
    )
    able = (Candidate("BRISTOL", "royal-48", 900_000),)
    assert explain(two, able, "EUR") == (
        "2 boxes from LEEDS by royal-48 and YORK by dpd: 5.20 EUR; "
        "in one box BRISTOL by royal-48 9.00 EUR; 4 of line 2 unfilled; "
        "best found before the search limit, not proven best"
    )
    assert explain(two, (), "EUR").startswith(
        "2 boxes from LEEDS by royal-48 and YORK by dpd: 5.20 EUR; no site has everything"
    )
    nothing = Plan((), 0, ((1, 2),))
    assert explain(nothing, (), "EUR") == (
        "no box: no node can send anything; no site has everything; 2 of line 1 unfilled"
    )
    refused = best_split(DEMAND, [YORK])
    assert isinstance(refused, Refusal)
    assert explain(refused, (), "EUR") == refused.message


def test_a_record_holds_the_choice_and_can_be_replayed() -> None:
    sites = [LEEDS, BRISTOL, YORK]
    able = candidates(DEMAND, sites)
    inputs = decision_inputs(DEMAND, Sites.of(sites, 2), max_boxes=2)
    outcome = decision_outcome(best_split(DEMAND, sites, max_boxes=2), able)
    assert replay(inputs) == outcome
    read = msgspec.msgpack.decode(outcome, type=Outcome)
    assert read.plan == best_split(DEMAND, sites)
    assert read.candidates == able
    refused = msgspec.msgpack.decode(
        replay(decision_inputs(DEMAND, Sites.of([YORK], 2))), type=Outcome
    )
    assert refused.plan is None
    assert refused.refusal == best_split(DEMAND, [YORK])


def test_the_bytes_of_a_record_do_not_change_with_the_release() -> None:
    inputs = decision_inputs(DEMAND, Sites.of([LEEDS, YORK], 2), unfilled_mills=(9, 9))
    assert inputs.hex() == (
        "9902929301a55348495254029302a553484f4553019292a54c45454453a8726f79616c2d343892a4594f524ba3"
        "64706492cd0bb864929232649201019292050592050092"
        "0909c2c0"
    )
    assert replay(inputs).hex() == PINNED_OUTCOME


def test_records_of_the_first_form_come_out_the_same() -> None:
    assert replay(bytes.fromhex(PINNED_FIRST_INPUTS)).hex() == PINNED_OUTCOME


def test_bytes_that_are_no_record_are_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        replay(b"\x93\x01\x02\x03")
