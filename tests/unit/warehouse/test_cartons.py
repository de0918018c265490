"""What goes into which carton: nothing is lost, nothing too heavy, few cartons, always the same."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.warehouse import decisions
from entrepot.departments.warehouse.cartons import by_mass
from entrepot.departments.warehouse.model import Contents, LineEach, WorkLine


def line(line_no: int, asked_each: int, unit_mass_g: int, short_each: int = 0) -> WorkLine:
    reason = "damaged" if short_each else None
    return WorkLine(line_no, f"SKU-{line_no}", asked_each, unit_mass_g, short_each, reason)


def test_what_fits_goes_in_one() -> None:
    assert by_mass([line(2, 2, 900), line(1, 3, 400)], 3_000) == [
        Contents((LineEach(1, 3), LineEach(2, 2)), 3_000)
    ]


def test_the_heaviest_first_and_gaps_are_filled() -> None:
    assert by_mass([line(1, 3, 400), line(2, 2, 900)], 1_300) == [
        Contents((LineEach(1, 1), LineEach(2, 1)), 1_300),
        Contents((LineEach(1, 1), LineEach(2, 1)), 1_300),
        Contents((LineEach(1, 1),), 400),
    ]


def test_what_is_too_heavy_alone_goes_alone() -> None:
    assert by_mass([line(1, 2, 40_000), line(2, 1, 100)], 30_000) == [
        Contents((LineEach(1, 1),), 40_000),
        Contents((LineEach(1, 1),), 40_000),
        Contents((LineEach(2, 1),), 100),
    ]


def test_what_is_short_is_not_packed() -> None:
    assert by_mass([line(1, 3, 400, short_each=3), line(2, 2, 900, short_each=1)], 5_000) == [
        Contents((LineEach(2, 1),), 900)
    ]


def test_things_without_mass_need_no_room() -> None:
    (carton,) = by_mass([line(1, 1_000_000, 0), line(2, 1, 5)], 5)
    assert carton == Contents((LineEach(1, 1_000_000), LineEach(2, 1)), 5)


def test_a_great_number_of_one_thing_is_packed_at_once() -> None:
    cartons = by_mass([line(1, 1_000_000, 3)], 1_000)
    assert len(cartons) == -(-1_000_000 // 333)
    assert cartons[0] == Contents((LineEach(1, 333),), 999)


LINES = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 3_000), st.integers(0, 40)), min_size=1, max_size=8
).map(
    lambda rows: [
        line(n, asked, mass, min(short, asked)) for n, (asked, mass, short) in enumerate(rows, 1)
    ]
)


@given(LINES, st.integers(1, 10_000))
def test_cartons_hold_what_was_picked(lines: list[WorkLine], max_mass_g: int) -> None:
    cartons = by_mass(lines, max_mass_g)
    assert decisions.packed_by_hand(lines, cartons) is None
    mass_of = {x.line_no: x.unit_mass_g for x in lines}
    held: Counter[int] = Counter()
    for carton in cartons:
        assert carton.lines, "no carton is empty"
        assert carton.mass_g == sum(n * mass_of[no] for no, n in carton.lines)
        alone = sum(n for no, n in carton.lines if mass_of[no]) == 1
        assert carton.mass_g <= max_mass_g or alone
        held.update(dict(carton.lines))
    total = sum(x.picked_each * x.unit_mass_g for x in lines)
    assert bool(cartons) == any(x.picked_each for x in lines), "at least one"
    if max(mass_of.values()) <= max_mass_g:
        assert len(cartons) <= max(1, 2 * total // max_mass_g + 1), "never twice too many"
    assert by_mass(lines[::-1], max_mass_g) == cartons, "whatever the order of the lines"
