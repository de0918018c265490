"""What holds of the words for every value: round trips, exact sums, order, bounded time."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from entrepot.words.calendar import (
    Calendar,
    NeverOpens,
    add_business_days,
    add_working_minutes,
    check_calendar,
    instant_of,
    is_business_day,
    is_open,
    local_date,
    next_cut_off,
    next_opening,
)
from entrepot.words.identifiers import (
    COUNTRIES,
    GTIN_LENGTHS,
    as_gtin14,
    check_digit,
    make_gtin,
    make_sscc,
    order_number,
    parse_command_id,
    parse_country,
    parse_gtin,
    parse_order_number,
    parse_postal_code,
    parse_sku,
    parse_sscc,
    postal_area,
    unix_ms_of,
    uuid7,
)
from entrepot.words.money import (
    EXPONENTS,
    MAX_AMOUNT_MINOR,
    Money,
    divide_half_even,
    format_amount,
    parse_money,
    split,
)
from entrepot.words.outcome import Refusal
from entrepot.words.quantity import (
    MAX_EACH,
    Pack,
    PackLevel,
    check_packs,
    into_packs,
    parse_each,
    parse_length_mm,
    parse_mass_g,
    round_up_to_multiple,
)

anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=60),
    st.text("0123456789.-+eE ,", max_size=30),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=3),
)
digits = st.characters(codec="ascii", categories=["Nd"])

# --- quantities ----------------------------------------------------------------------------------


@given(st.integers(1, MAX_EACH), st.integers(0, 6))
def test_whole_numbers_are_read_in_every_spelling(each, zeros):
    spelled = f"{each}.{'0' * zeros}" if zeros else str(each)
    assert parse_each(each, "q") == parse_each(spelled, "q") == each


@given(anything)
def test_every_value_is_read_or_refused(value):
    parsers = (
        lambda v: parse_each(v, "f"),
        lambda v: parse_money(v, "EUR", "f"),
        lambda v: parse_mass_g(v, "kg", "f"),
        lambda v: parse_length_mm(v, "cm", "f"),
        parse_sku,
        parse_gtin,
        parse_sscc,
        parse_command_id,
        parse_country,
        parse_order_number,
        lambda v: parse_postal_code(v, "GB"),
        lambda v: parse_postal_code(v, "BR"),
    )
    for parse in parsers:
        answer = parse(value)
        if isinstance(answer, Refusal):
            assert answer.field
            assert "\n" not in answer.message
            assert len(answer.message) < 320
        else:
            assert isinstance(answer, int | str | Money | UUID)


@given(st.integers(0, MAX_EACH), st.integers(1, 10_000), st.integers(0, 10_000))
def test_rounding_up_covers_with_the_fewest_multiples(wanted, multiple, minimum):
    ordered = round_up_to_multiple(wanted, multiple, minimum_each=minimum)
    assert ordered % multiple == 0
    needed = max(wanted, minimum) if wanted else 0
    assert needed <= ordered < needed + multiple


@given(st.lists(st.integers(2, 50), min_size=0, max_size=3), st.integers(0, 10**6))
def test_packs_hold_exactly_what_goes_in(factors, quantity):
    packs = [Pack(PackLevel.each, 1)]
    for level, factor in zip(list(PackLevel)[1:], factors, strict=False):
        packs.append(Pack(level, packs[-1].quantity_each * factor))
    assert check_packs(packs, "packs") is None
    held = {pack.level: pack.quantity_each for pack in packs}
    filled = into_packs(quantity, packs)
    assert sum(held[level] * number for level, number in filled) == quantity
    for (level, _), (smaller, number) in pairwise(filled):
        assert number * held[smaller] < held[level]


# --- money ---------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(-MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR))
def test_money_written_is_money_read(currency, amount_minor):
    money = Money(amount_minor, currency)
    assert (
        parse_money(format_amount(money), currency, "f", minimum_minor=-MAX_AMOUNT_MINOR) == money
    )


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(0, 10**9), st.text(digits, max_size=6))
def test_money_is_read_exactly_or_refused(currency, whole, decimals):
    text = f"{whole}.{decimals}" if decimals else str(whole)
    exact = Fraction(text) * 10 ** EXPONENTS[currency]
    money = parse_money(text, currency, "f")
    if exact.denominator == 1:
        assert money == Money(int(exact), currency)
    else:
        assert isinstance(money, Refusal)


@given(
    st.integers(-MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=30),
)
def test_a_split_is_exact_and_fair(amount, weights):
    parts = split(amount, weights)
    assert sum(parts) == amount
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        exact = Fraction(amount * weight, total) if total else Fraction(amount, len(weights))
        assert abs(part - exact) < 1
        if total and weight == 0:
            assert part == 0


@given(
    st.integers(0, MAX_AMOUNT_MINOR),
    st.lists(st.integers(0, 1_000), min_size=2, max_size=10),
)
def test_a_larger_weight_never_gets_less(amount, weights):
    parts = split(amount, weights)
    by_weight = sorted(zip(weights, parts, strict=True))
    for (light, less), (heavy, more) in pairwise(by_weight):
        assert light == heavy or less <= more


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**9))
def test_division_rounds_as_fractions_do(numerator, denominator):
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


# --- identifiers ---------------------------------------------------------------------------------


@given(
    st.sampled_from(GTIN_LENGTHS).flatmap(lambda n: st.text(digits, min_size=n - 1, max_size=n - 1))
)
def test_gtins_made_are_gtins_read(body):
    gtin = make_gtin(body)
    assert parse_gtin(gtin) == gtin
    assert parse_gtin(as_gtin14(gtin)) == as_gtin14(gtin)


@given(st.text(digits, min_size=7, max_size=17), st.data())
def test_a_check_digit_finds_every_single_wrong_digit(body, data):
    number = body + check_digit(body)
    place = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(digits.filter(lambda d: d != number[place]))
    mistyped = number[:place] + wrong + number[place + 1 :]
    assert mistyped[-1] != check_digit(mistyped[:-1])


@given(st.integers(0, 9), st.text(digits, min_size=7, max_size=10), st.data())
def test_ssccs_made_are_ssccs_read(extension, prefix, data):
    serial = data.draw(st.integers(0, 10 ** (16 - len(prefix)) - 1))
    sscc = make_sscc(extension, prefix, serial)
    assert parse_sscc(sscc) == sscc
    assert sscc.startswith(f"{extension}{prefix}")


milliseconds = st.integers(0, (1 << 48) - 1)
ids = st.builds(uuid7, milliseconds, st.binary(min_size=10, max_size=16))


@given(milliseconds, milliseconds, st.binary(min_size=10), st.binary(min_size=10))
def test_ids_sort_by_time(earlier, later, rand, other):
    assume(earlier < later)
    first, second = uuid7(earlier, rand), uuid7(later, other)
    assert first < second
    assert str(first) < str(second)
    assert (unix_ms_of(first), first.version, first.variant) == (earlier, 7, second.variant)


@given(milliseconds, st.integers(0, (1 << 74) - 1), st.integers(0, (1 << 74) - 1))
def test_no_random_bit_of_an_id_is_lost(unix_ms, rand, other):
    first, second = (uuid7(unix_ms, bits.to_bytes(10)) for bits in (rand, other))
    assert (first < second) == (rand < other)
    assert (first == second) == (rand == other)


@given(ids, ids)
def test_order_numbers_sort_and_return_as_ids_do(first, second):
    assert (order_number(first) < order_number(second)) == (first < second)
    assert parse_order_number(order_number(first)) == first
    assert parse_order_number(order_number(first).lower().replace("-", " ")) == first


@given(
    st.sampled_from(sorted(COUNTRIES)),
    st.one_of(st.text(max_size=20), st.text("AB19 -", max_size=12)),
)
def test_areas_are_short_and_stable(country, postal_code):
    area = postal_area(country, postal_code)
    assert len(area) <= 4
    assert postal_area(country, area) == area
    assert area or not "".join(postal_code.replace("-", "").split())


# --- calendars -----------------------------------------------------------------------------------

zones = st.sampled_from(
    [
        "Europe/London",
        "America/New_York",
        "Australia/Lord_Howe",  # a change of half an hour
        "America/Santiago",  # changes at midnight
        "Asia/Kathmandu",  # three quarters of an hour beside the others
        "Africa/Casablanca",  # negative summer time
        "UTC",
    ]
)
instants = st.datetimes(
    datetime(2020, 1, 1),
    datetime(2030, 1, 1),
    timezones=st.just(UTC),
)
changes = st.sampled_from(
    [
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
        datetime(2026, 3, 8, 7, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
        datetime(2026, 9, 6, 4, tzinfo=UTC),
        datetime(2026, 4, 5, 3, tzinfo=UTC),
    ]
)
near_changes = st.builds(lambda at, m: at + timedelta(minutes=m), changes, st.integers(-180, 180))
some_instant = st.one_of(instants, near_changes)


@st.composite
def windows(draw):
    edges = sorted(draw(st.sets(st.integers(0, 1_440), max_size=6)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


calendars = st.builds(
    Calendar,
    zones,
    st.tuples(*[windows() for _ in range(7)]),
    st.frozensets(st.dates(date(2026, 3, 1), date(2026, 11, 30)), max_size=5),
).filter(lambda c: any(c.opening))


@given(zones, some_instant)
def test_wall_time_gives_the_first_instant_that_shows_it(zone, at):
    at = at.replace(second=0, microsecond=0)
    calendar = Calendar(zone, ((),) * 7)
    wall = at.astimezone(ZoneInfo(zone))
    found = instant_of(calendar, wall.date(), wall.hour * 60 + wall.minute)
    if wall.fold:
        assert found < at
    else:
        assert found == at


@given(zones, some_instant, st.integers(0, 1_440), st.integers(0, 1_440))
def test_wall_times_of_a_date_keep_their_order(zone, at, one, other):
    calendar = Calendar(zone, ((),) * 7)
    on = local_date(calendar, at)
    early, late = (instant_of(calendar, on, minute) for minute in sorted((one, other)))
    assert early <= late
    assert instant_of(calendar, on, 1_440) == instant_of(calendar, on + timedelta(days=1), 0)


@given(calendars, some_instant)
def test_the_next_opening_is_open_and_nothing_before_it_is(calendar, at):
    assert check_calendar(calendar, "c") is None
    opening = next_opening(calendar, at)
    assert opening >= at
    assert is_open(calendar, opening)
    assert (opening == at) == is_open(calendar, at)
    for share in (0, 0.3, 0.7, 0.999):
        between = at + (opening - at) * share
        assert between == opening or not is_open(calendar, between)


@given(calendars, some_instant, st.integers(0, 2_000), st.integers(0, 2_000))
@settings(deadline=None)
def test_working_time_adds_up_and_passes_only_while_open(calendar, at, first, second):
    halfway = add_working_minutes(calendar, at, first)
    assert halfway >= at + timedelta(minutes=first)
    if first and second:
        done = add_working_minutes(calendar, at, first + second)
        assert add_working_minutes(calendar, halfway, second) == done
    if first:
        assert is_open(calendar, halfway - timedelta(microseconds=1))


@given(calendars, st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(1, 40))
def test_business_days_are_counted_one_by_one(calendar, on, days):
    last = add_business_days(calendar, on, days)
    span = (last - on).days
    counted = [d for n in range(1, span + 1) if is_business_day(calendar, d := on + timedelta(n))]
    assert len(counted) == days
    assert counted[-1] == last


@given(calendars, st.integers(0, 1_440), st.frozensets(st.integers(0, 6), max_size=7), some_instant)
def test_a_cut_off_is_the_first_pickup(calendar, minute, pickup_days, at):
    try:
        pickup = next_cut_off(calendar, minute, pickup_days, at)
    except NeverOpens:
        assert not any(calendar.opening[day] for day in pickup_days)
        return
    assert pickup >= at
    on = local_date(calendar, at)
    while instant_of(calendar, on, minute) != pickup:
        callable_day = on.weekday() in pickup_days and is_business_day(calendar, on)
        assert not callable_day or instant_of(calendar, on, minute) < at
        on += timedelta(days=1)
    assert on.weekday() in pickup_days
