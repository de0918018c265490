import pytest

from entrepot.words.money import (
    EXPONENTS,
    MAX_AMOUNT_MINOR,
    MILLS_PER_MINOR,
    Money,
    divide_half_even,
    format_amount,
    format_money,
    minor_of_mills,
    parse_currency,
    parse_money,
    split,
)
from entrepot.words.outcome import Refusal, RefusalCode


def test_the_currency_table_holds_the_money_of_iso_4217():
    assert len(EXPONENTS) == 165
    assert all(len(code) == 3 and code.isupper() for code in EXPONENTS)
    sample = {c: EXPONENTS[c] for c in ("JPY", "EUR", "USD", "GBP", "KWD", "CLF")}
    assert sample == {"JPY": 0, "EUR": 2, "USD": 2, "GBP": 2, "KWD": 3, "CLF": 4}
    assert "XAU" not in EXPONENTS


@pytest.mark.parametrize(
    ("value", "currency", "amount_minor"),
    [
        ("12.34", "GBP", 1_234),
        ("12.3", "eur", 1_230),
        ("12", "EUR", 1_200),
        ("12.3400", "EUR", 1_234),
        (" 0.01 ", "USD", 1),
        (3, "USD", 300),
        ("1500", "JPY", 1_500),
        ("1500.00", "JPY", 1_500),
        ("1.234", "KWD", 1_234),
        ("0.0001", "CLF", 1),
        ("-0", "EUR", 0),
        ("10000000000000", "EUR", MAX_AMOUNT_MINOR),
    ],
)
def test_amounts_are_read_exactly(value, currency, amount_minor):
    money = parse_money(value, currency, "price")
    assert money == Money(amount_minor, currency.upper())


@pytest.mark.parametrize(
    ("value", "currency", "words"),
    [
        ("12.345", "EUR", "at most 2 decimals; round it first"),
        ("1.5", "JPY", "at most 0 decimals; round it first"),
        (1.5, "EUR", "send digits"),
        (True, "EUR", "send digits"),
        (None, "EUR", "send digits"),
        ("", "EUR", "send digits"),
        ("1,50", "EUR", "send digits"),
        ("€5", "EUR", "send digits"),
        ("1e2", "EUR", "send digits"),
        (".5", "EUR", "send digits"),
        pytest.param("9" * 5_000, "EUR", "send digits", id="long"),
        ("-1", "EUR", "send an amount in that range"),
        ("10000000000000.01", "EUR", "send an amount in that range"),
    ],
)
def test_other_amounts_are_refused(value, currency, words):
    refusal = parse_money(value, currency, "lines[0].price")
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == (RefusalCode.bad_price, "lines[0].price")
    assert words in refusal.message


def test_negative_amounts_are_read_where_allowed():
    assert parse_money("-1.50", "EUR", "refund", minimum_minor=-500) == Money(-150, "EUR")


@pytest.mark.parametrize("currency", ["XAU", "EURO", "", "XXX", 5, None])
def test_an_unknown_currency_is_refused(currency):
    refusal = parse_currency(currency, "currency")
    assert isinstance(refusal, Refusal)
    assert refusal.code == RefusalCode.bad_value


def test_the_currency_is_checked_with_the_amount():
    refusal = parse_money("1", "XAU", "price")
    assert isinstance(refusal, Refusal)
    assert refusal.field == "price.currency"


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(1_230, "EUR"), "12.30"),
        (Money(-5, "KWD"), "-0.005"),
        (Money(0, "EUR"), "0.00"),
        (Money(7, "JPY"), "7"),
        (Money(12_345, "CLF"), "1.2345"),
    ],
)
def test_amounts_are_written_with_all_decimals(money, text):
    assert format_amount(money) == text
    assert format_money(money) == f"{text} {money.currency}"


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (10, [3, 7], [3, 7]),
        (5, [0, 1], [0, 5]),
        (5, [0, 0], [3, 2]),
        (0, [1, 2], [0, 0]),
        (1, [1, 2], [0, 1]),
    ],
)
def test_split(amount, weights, parts):
    assert split(amount, weights) == parts


@pytest.mark.parametrize("weights", [[], [1, -1]])
def test_a_split_needs_weights(weights):
    with pytest.raises(AssertionError):
        split(5, weights)


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (8, 3, 3), (7, 3, 2), (-8, 3, -3), (0, 9, 0)],
)
def test_halves_go_to_the_even_number(numerator, denominator, quotient):
    assert divide_half_even(numerator, denominator) == quotient


def test_mills_are_rounded_to_minor_units():
    assert minor_of_mills(12 * MILLS_PER_MINOR + 501) == 13
    assert minor_of_mills(12 * MILLS_PER_MINOR + 500) == 12
