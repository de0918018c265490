import pytest

from entrepot.words.outcome import Refusal, RefusalCode
from entrepot.words.quantity import (
    MAX_EACH,
    MAX_LENGTH_MM,
    MAX_MASS_G,
    Pack,
    PackLevel,
    check_packs,
    into_packs,
    parse_each,
    parse_length_mm,
    parse_mass_g,
    round_up_to_multiple,
)

EACH = Pack(PackLevel.each, 1)
INNER = Pack(PackLevel.inner, 6)
CASE = Pack(PackLevel.case, 24)
PALLET = Pack(PackLevel.pallet, 960)


@pytest.mark.parametrize(
    ("value", "each"),
    [(1, 1), ("12", 12), (" 7 ", 7), ("12.000", 12), ("+3", 3), (MAX_EACH, MAX_EACH)],
)
def test_whole_numbers_are_read(value, each):
    assert parse_each(value, "quantity") == each


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("1.5", "pieces cannot be divided"),
        (1.5, "without a decimal point"),
        (1.0, "without a decimal point"),
        (0, "leave the line out"),
        (-3, "leave the line out"),
        ("-3", "leave the line out"),
        (MAX_EACH + 1, "split it over several documents"),
        pytest.param(10**5_000, "whole number in that range", id="huge"),
        pytest.param("9" * 5_000, "digits only", id="long"),
        (True, "digits only"),
        (None, "digits only"),
        ("", "digits only"),
        ("1,000", "digits only"),
        ("1e3", "digits only"),
        ("\u0663", "digits only"),
        ("0x10", "digits only"),
        ("1_000", "digits only"),
        ("nan", "digits only"),
        ([1], "digits only"),
    ],
)
def test_anything_else_is_refused_with_words(value, advice):
    refusal = parse_each(value, "lines[2].quantity")
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == (RefusalCode.bad_quantity, "lines[2].quantity")
    assert "lines[2].quantity: found " in refusal.message
    assert "expected a whole number of pieces from 1 to" in refusal.message
    assert advice in refusal.message


def test_the_minimum_is_the_callers():
    assert parse_each(0, "counted", minimum=0) == 0
    assert isinstance(parse_each(-1, "counted", minimum=0), Refusal)
    assert parse_each("-4", "adjustment", minimum=-10) == -4


@pytest.mark.parametrize(
    ("wanted", "multiple", "minimum", "ordered"),
    [(13, 12, 0, 24), (12, 12, 0, 12), (5, 12, 30, 36), (0, 12, 30, 0), (-4, 12, 30, 0)],
)
def test_orders_are_rounded_up(wanted, multiple, minimum, ordered):
    assert round_up_to_multiple(wanted, multiple, minimum_each=minimum) == ordered


def test_a_multiple_below_one_is_a_bug():
    with pytest.raises(AssertionError):
        round_up_to_multiple(5, 0)


@pytest.mark.parametrize(
    "packs", [(EACH,), (EACH, CASE), (EACH, INNER, CASE), (EACH, INNER, CASE, PALLET)]
)
def test_a_hierarchy_is_accepted(packs):
    assert check_packs(packs, "packs") is None


@pytest.mark.parametrize(
    ("packs", "code", "words"),
    [
        ((), RefusalCode.bad_value, "begin the hierarchy"),
        ((CASE,), RefusalCode.bad_value, "begin the hierarchy"),
        ((EACH, CASE, INNER), RefusalCode.bad_value, "sort the levels"),
        ((EACH, CASE, CASE), RefusalCode.bad_value, "sort the levels"),
        ((EACH, INNER, Pack(PackLevel.case, 20)), RefusalCode.bad_value, "larger multiple"),
        ((EACH, INNER, Pack(PackLevel.case, 6)), RefusalCode.bad_value, "larger multiple"),
        ((EACH, Pack(PackLevel.inner, 1)), RefusalCode.bad_value, "larger multiple"),
        ((EACH, Pack(PackLevel.case, 0)), RefusalCode.bad_quantity, "packs.case"),
    ],
)
def test_a_broken_hierarchy_is_refused(packs, code, words):
    refusal = check_packs(packs, "packs")
    assert refusal is not None
    assert refusal.code == code
    assert words in refusal.message


def test_pieces_are_packed_largest_first():
    packs = (EACH, INNER, CASE, PALLET)
    assert into_packs(1_000, packs) == [
        (PackLevel.pallet, 1),
        (PackLevel.case, 1),
        (PackLevel.inner, 2),
        (PackLevel.each, 4),
    ]
    assert into_packs(0, packs) == []


@pytest.mark.parametrize(
    ("value", "unit", "mass_g"),
    [
        (250, "g", 250),
        ("1.5", "kg", 1_500),
        ("0.0001", "kg", 1),
        (1, "lb", 454),
        ("16", "oz", 454),
        (1, "T", 1_000_000),
        (0, "g", 0),
    ],
)
def test_masses_are_rounded_up_to_grams(value, unit, mass_g):
    assert parse_mass_g(value, unit, "mass") == mass_g


@pytest.mark.parametrize(
    ("value", "unit", "length_mm"),
    [(10, "mm", 10), ("2.5", "cm", 25), (1, "in", 26), (5, "in", 127), ("0.3", "m", 300)],
)
def test_lengths_are_rounded_up_to_millimeters(value, unit, length_mm):
    assert parse_length_mm(value, unit, "length") == length_mm


@pytest.mark.parametrize(
    ("value", "unit"),
    [(1, "stone"), (1.5, "kg"), ("1,5", "kg"), (-1, "g"), (True, "g"), (MAX_MASS_G + 1, "g")],
)
def test_a_bad_mass_is_refused(value, unit):
    refusal = parse_mass_g(value, unit, "mass")
    assert isinstance(refusal, Refusal)
    assert refusal.code == RefusalCode.bad_value


def test_a_length_beyond_the_largest_is_refused():
    assert parse_length_mm(MAX_LENGTH_MM, "mm", "length") == MAX_LENGTH_MM
    assert isinstance(parse_length_mm(MAX_LENGTH_MM + 1, "mm", "length"), Refusal)
