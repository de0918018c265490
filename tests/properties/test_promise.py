"""Promises against exact enumeration, and what no token and no delay may ever do."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise, product
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.departments.promise.decisions import PPM, combine, estimate, pareto
from entrepot.departments.promise.model import (
    Estimate,
    Handling,
    Option,
    PlannedBox,
    Service,
)
from entrepot.departments.promise.offers import Offer, matches, open_offer, seal
from entrepot.words.calendar import Calendar
from entrepot.words.outcome import Refusal, RefusalCode

ZONES = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"]
WORKDAYS = ((540, 720), (780, 1020))
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))

instants = st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))
quantiles = st.integers(PPM // 2, PPM)
dates = st.integers(0, 700).map(lambda days: date(2026, 1, 1) + timedelta(days=days))
weekdays = st.frozensets(st.integers(0, 6), min_size=1)


@st.composite
def distributions(draw: st.DrawFn) -> tuple[int, ...]:
    cuts = draw(st.lists(st.integers(0, PPM), max_size=5).map(sorted))
    edges = [0, *cuts, PPM]
    return tuple(after - before for before, after in pairwise(edges))


@st.composite
def handlings(draw: st.DrawFn) -> Handling:
    week = tuple(WORKDAYS if day < draw(st.integers(1, 7)) else () for day in range(7))
    closed = draw(st.frozensets(dates, max_size=4))
    zone, hours = draw(st.sampled_from(ZONES)), (WORKDAYS, *week[1:])
    calendar = Calendar(zone, hours, closed)  # type: ignore[arg-type]
    return Handling(calendar, draw(st.integers(0, 5000)))


@st.composite
def services(draw: st.DrawFn) -> Service:
    return Service(
        "post",
        draw(st.integers(0, 1440)),
        frozenset({0}) | draw(weekdays),
        draw(weekdays),
        draw(st.frozensets(dates, max_size=4)),
    )


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    found = estimate(
        draw(instants),
        draw(handlings()),
        draw(services()),
        draw(distributions()),
        draw(st.sampled_from(ZONES)),
        draw(quantiles),
    )
    assert isinstance(found, Estimate)
    return found


@settings(deadline=None)
@given(instants, handlings(), services(), distributions(), st.sampled_from(ZONES), quantiles)
def test_an_estimate_is_the_quantile_of_its_own_distribution(
    at: datetime,
    handling: Handling,
    service: Service,
    transit_ppm: tuple[int, ...],
    zone: str,
    quantile_ppm: int,
) -> None:
    found = estimate(at, handling, service, transit_ppm, zone, quantile_ppm)
    assert isinstance(found, Estimate)
    assert at <= found.ready_at <= found.handover_at
    assert sum(ppm for _, ppm in found.arrivals) == PPM
    assert [on for on, _ in found.arrivals] == sorted({on for on, _ in found.arrivals})
    assert all(on.weekday() in service.delivery_days for on, _ in found.arrivals)
    assert not service.closed_dates & {on for on, _ in found.arrivals}
    kept = sum(ppm for on, ppm in found.arrivals if on <= found.latest_date)
    before = sum(ppm for on, ppm in found.arrivals if on < found.latest_date)
    assert before < quantile_ppm <= kept == found.probability_ppm
    assert found.expected_date <= found.latest_date


@settings(deadline=None)
@given(
    instants,
    handlings(),
    st.integers(0, 3000),
    services(),
    distributions(),
    st.sampled_from(ZONES),
    quantiles,
)
def test_more_handling_is_never_earlier(
    at: datetime,
    handling: Handling,
    more: int,
    service: Service,
    transit_ppm: tuple[int, ...],
    zone: str,
    quantile_ppm: int,
) -> None:
    slower = Handling(handling.calendar, handling.minutes + more)
    first = estimate(at, handling, service, transit_ppm, zone, quantile_ppm)
    second = estimate(at, slower, service, transit_ppm, zone, quantile_ppm)
    assert isinstance(first, Estimate)
    assert isinstance(second, Estimate)
    assert first.ready_at <= second.ready_at
    assert first.handover_at <= second.handover_at
    assert first.expected_date <= second.expected_date
    assert first.latest_date <= second.latest_date


@settings(deadline=None)
@given(estimates(), quantiles, quantiles)
def test_more_certainty_is_never_earlier(box: Estimate, one: int, other: int) -> None:
    surer, unsure = combine([box], max(one, other)), combine([box], min(one, other))
    assert isinstance(surer, Estimate)
    assert isinstance(unsure, Estimate)
    assert unsure.latest_date <= surer.latest_date
    assert unsure.expected_date == surer.expected_date == box.expected_date


@settings(deadline=None)
@given(st.lists(estimates(), min_size=1, max_size=4), quantiles)
def test_the_joint_date_is_the_quantile_over_all_ways_to_arrive(
    boxes: list[Estimate], quantile_ppm: int
) -> None:
    joint = combine(boxes, quantile_ppm)
    assert isinstance(joint, Estimate)
    complete: dict[date, Fraction] = {}
    for way in product(*(box.arrivals for box in boxes)):
        chance = Fraction(1)
        for _, ppm in way:
            chance *= Fraction(ppm, PPM)
        last = max(on for on, _ in way)
        complete[last] = complete.get(last, Fraction(0)) + chance
    assert sum(complete.values()) == 1

    def by(limit: date) -> Fraction:
        return sum((chance for on, chance in complete.items() if on <= limit), Fraction(0))

    quantile = Fraction(quantile_ppm, PPM)
    assert joint.latest_date == min(on for on in complete if by(on) >= quantile)
    assert joint.expected_date == min(on for on in complete if by(on) >= Fraction(1, 2))
    assert joint.probability_ppm == int(by(joint.latest_date) * PPM)
    for on, chance in complete.items():
        assert abs(dict(joint.arrivals).get(on, 0) - chance * PPM) < 1
    assert sum(ppm for _, ppm in joint.arrivals) == PPM
    assert joint.handover_at == max(box.handover_at for box in boxes)


@settings(deadline=None)
@given(st.lists(estimates(), min_size=2, max_size=4), quantiles)
def test_another_box_is_never_earlier(boxes: list[Estimate], quantile_ppm: int) -> None:
    fewer, more = combine(boxes[:-1], quantile_ppm), combine(boxes, quantile_ppm)
    assert isinstance(fewer, Estimate)
    assert isinstance(more, Estimate)
    assert fewer.latest_date <= more.latest_date
    assert more == combine(boxes[::-1], quantile_ppm)


options = st.builds(
    Option,
    label=st.sampled_from(["economy", "standard", "express", "next day"]),
    latest_date=st.integers(1, 5).map(lambda day: date(2026, 3, day)),
    expected_date=st.just(date(2026, 3, 1)),
    probability_ppm=st.sampled_from([950_000, 990_000]),
    price_minor=st.integers(0, 5),
    cost_mills=st.integers(0, 2),
    currency=st.just("EUR"),
    grams_co2e=st.just(200),
    boxes=st.just((PlannedBox("LEEDS", "post", ((1, 1),)),)),
)


@given(st.lists(options, max_size=8), st.randoms())
def test_what_is_shown_is_beaten_by_nothing(offered: list[Option], chance: object) -> None:
    shown = pareto(offered)
    shuffled = list(offered)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert pareto(shuffled) == shown

    def pair(option: Option) -> tuple[date, int]:
        return option.latest_date, option.price_minor

    undominated = {
        pair(one)
        for one in offered
        if not any(
            other.latest_date <= one.latest_date
            and other.price_minor <= one.price_minor
            and pair(other) != pair(one)
            for other in offered
        )
    }
    assert [pair(option) for option in shown] == sorted(undominated)
    for option in shown:
        assert option.cost_mills == min(o.cost_mills for o in offered if pair(o) == pair(option))
    if offered:
        assert shown[0].latest_date == min(option.latest_date for option in offered)
        assert shown[-1].price_minor == min(option.price_minor for option in offered)


amounts = st.integers(0, 10**12)


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    text = st.text(max_size=12)
    lines = draw(st.lists(st.tuples(text, st.integers(1, 10**9)), max_size=5))
    quoted_at = draw(instants)
    return Offer(
        offer_id=draw(st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number))),
        lines=tuple(lines),
        country=draw(text),
        region=draw(text),
        service=draw(text),
        boxes=tuple(
            PlannedBox(draw(text), draw(text), ((n + 1, draw(st.integers(1, 10**9))),))
            for n in range(len(lines))
        ),
        latest_date=draw(dates),
        expected_date=draw(dates),
        probability_ppm=draw(quantiles),
        items_minor=draw(amounts),
        shipping_minor=draw(amounts),
        tax_minor=draw(amounts),
        currency="EUR",
        cost_mills=draw(amounts),
        policy_id=draw(text),
        policy_version=draw(st.integers(1, 1000)),
        quoted_at=quoted_at,
        expires_at=quoted_at + draw(st.integers(1, 3600)) * timedelta(seconds=1),
    )


def code_of(result: Offer | Refusal) -> RefusalCode | None:
    return result.code if isinstance(result, Refusal) else None


@settings(deadline=None)
@given(offers())
def test_an_offer_opens_as_it_was_sealed_until_it_expires(offer: Offer) -> None:
    token = seal(offer, KEY)
    assert token == seal(offer, KEY)
    assert open_offer(token, [OTHER_KEY, KEY], offer.quoted_at) == offer
    last = offer.expires_at - timedelta(microseconds=1)
    assert open_offer(token, [KEY], last) == offer
    assert code_of(open_offer(token, [KEY], offer.expires_at)) is RefusalCode.offer_expired
    for keys in ([], [OTHER_KEY]):
        assert code_of(open_offer(token, keys, last)) is RefusalCode.offer_invalid


@settings(deadline=None)
@given(offers(), st.data())
def test_any_changed_character_is_refused(offer: Offer, data: st.DataObject) -> None:
    token = seal(offer, KEY)
    place = data.draw(st.integers(0, len(token) - 1))
    found = token[place]
    other = data.draw(
        st.one_of(
            st.characters(), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcxyz0123456789-_.=\n")
        ).filter(lambda character: character != found)
    )
    for changed in (
        token[:place] + other + token[place + 1 :],
        token[:place] + other + token[place:],
        token[:place] + token[place + 1 :],
        token[:place],
    ):
        assert code_of(open_offer(changed, [KEY], offer.quoted_at)) is RefusalCode.offer_invalid


def test_every_flipped_bit_of_a_token_is_refused() -> None:
    offer = Offer(
        offer_id=UUID(int=7),
        lines=(("SHIRT", 2),),
        country="GB",
        region="LS1",
        service="standard",
        boxes=(PlannedBox("LEEDS", "post", ((1, 2),)),),
        latest_date=date(2026, 3, 5),
        expected_date=date(2026, 3, 4),
        probability_ppm=960_000,
        items_minor=4000,
        shipping_minor=320,
        tax_minor=864,
        currency="GBP",
        cost_mills=310_000,
        policy_id="standard",
        policy_version=1,
        quoted_at=FIRST,
        expires_at=FIRST + timedelta(minutes=15),
    )
    token = seal(offer, KEY).encode("ascii")
    for place in range(len(token)):
        for bit in range(8):
            flipped = bytearray(token)
            flipped[place] ^= 1 << bit
            text = flipped.decode("latin-1")
            assert code_of(open_offer(text, [KEY], FIRST)) is RefusalCode.offer_invalid


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.text(),
        st.text().map(lambda text: f"o1.{text}"),
        st.binary().map(lambda content: content.decode("latin-1")),
        st.binary().map(lambda content: f"o1.{urlsafe_b64encode(content).decode()}.AAAA"),
        st.lists(st.sampled_from(["o1", ".", "=", "A", "\ud800", "\x00"])).map("".join),
    )
)
def test_anything_else_is_refused_and_raises_nothing(token: str) -> None:
    assert code_of(open_offer(token, [KEY], FIRST)) is RefusalCode.offer_invalid


@settings(deadline=None)
@given(offers(), st.data())
def test_an_offer_fits_its_lines_in_any_order_and_no_others(
    offer: Offer, data: st.DataObject
) -> None:
    destination = (offer.country, offer.region)
    assert matches(offer, data.draw(st.permutations(offer.lines)), destination) is None
    longer = matches(offer, [*offer.lines, ("SHIRT", 1)], destination)
    elsewhere = matches(offer, offer.lines, (offer.country, offer.region + "1"))
    for refused in (longer, elsewhere):
        assert refused is not None
        assert refused.code is RefusalCode.offer_mismatch
