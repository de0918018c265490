"""Tokens at their limits, of other releases, and what is said when they do not fit."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from entrepot.departments.promise.model import PlannedBox
from entrepot.departments.promise.offers import (
    TOKEN_CHARACTERS_MAX,
    Offer,
    matches,
    open_offer,
    seal,
)
from entrepot.words.outcome import Refusal, RefusalCode

KEY = b"k" * 32
QUOTED_AT = datetime(2026, 1, 5, 9, 0, 0, 123456, tzinfo=UTC)
OFFER = Offer(
    offer_id=UUID("0197b1c0-0000-7000-8000-000000000001"),
    lines=(("SHIRT", 2), ("SHOES", 1)),
    country="GB",
    region="LS1",
    service="standard",
    boxes=(PlannedBox("LEEDS", "royal-48", ((1, 2), (2, 1))),),
    latest_date=date(2026, 1, 8),
    expected_date=date(2026, 1, 7),
    probability_ppm=970_000,
    items_minor=8_000,
    shipping_minor=320,
    tax_minor=1_664,
    currency="GBP",
    cost_mills=315_250,
    policy_id="standard",
    policy_version=3,
    quoted_at=QUOTED_AT,
    expires_at=QUOTED_AT + timedelta(minutes=15),
)


def changed(**fields: object) -> Offer:
    return msgspec.structs.replace(OFFER, **fields)


def sealed_by_hand(payload: bytes) -> str:
    signed = b"o1." + urlsafe_b64encode(payload).rstrip(b"=")
    tail = urlsafe_b64encode(hmac.digest(KEY, signed, "sha256")).rstrip(b"=")
    return (signed + b"." + tail).decode()


def test_a_token_is_as_its_form_says() -> None:
    assert seal(OFFER, KEY) == sealed_by_hand(msgspec.msgpack.encode(OFFER))
    assert len(seal(OFFER, KEY)) < 400


def test_an_expired_offer_says_when() -> None:
    refused = open_offer(seal(OFFER, KEY), [KEY], QUOTED_AT + timedelta(minutes=15))
    assert refused == Refusal(
        RefusalCode.offer_expired,
        "offer: it expired at 2026-01-05T09:15:00.123456+00:00; ask for a new quote",
        "offer",
        {"offer_id": str(OFFER.offer_id), "expires_at": "2026-01-05T09:15:00.123456+00:00"},
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\x90",
        msgspec.msgpack.encode({"version": 1}),
        msgspec.msgpack.encode(changed(version=2)),
        msgspec.msgpack.encode(OFFER)[:-1],
        msgspec.msgpack.encode(OFFER) + b"\x00",
    ],
)
def test_what_another_release_sealed_is_refused(payload: bytes) -> None:
    refused = open_offer(sealed_by_hand(payload), [KEY], QUOTED_AT)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.offer_invalid


def test_an_overlong_token_is_refused_unread() -> None:
    refused = open_offer("o" * (TOKEN_CHARACTERS_MAX + 1), [KEY], QUOTED_AT)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.offer_invalid
    assert str(TOKEN_CHARACTERS_MAX + 1) in refused.message


def test_an_order_of_a_thousand_divided_lines_fits() -> None:
    lines = tuple((f"SKU-{n:036}", 1_000_000) for n in range(1000))
    boxes = tuple(
        PlannedBox(f"NODE-{box}", "service", tuple((n + 1, 83_333) for n in range(1000)))
        for box in range(12)
    )
    big = changed(lines=lines, boxes=boxes)
    assert open_offer(seal(big, KEY), [KEY], QUOTED_AT) == big


def test_a_short_key_seals_nothing() -> None:
    with pytest.raises(AssertionError, match="31 bytes"):
        seal(OFFER, b"k" * 31)


def test_an_offer_without_a_zone_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="zone"):
        seal(changed(expires_at=datetime(2026, 1, 5)), KEY)


def test_lines_fit_in_any_order() -> None:
    assert matches(OFFER, [("SHOES", 1), ("SHIRT", 2)], ("GB", "LS1")) is None


def test_what_does_not_fit_is_named() -> None:
    assert matches(OFFER, [("SHIRT", 3), ("SHOES", 1)], ("GB", "LS1")) == Refusal(
        RefusalCode.offer_mismatch,
        "lines: 1 are not in the offer and 1 of the offer are not asked for; "
        "ask for a quote of these lines",
        "lines",
        {"offered": [["SHIRT", 2]], "asked": [["SHIRT", 3]]},
    )
    elsewhere = matches(OFFER, OFFER.lines, ("GB", "SW1A"))
    assert elsewhere is not None
    assert elsewhere.field == "destination"
    assert elsewhere.facts == {"offered": ["GB", "LS1"], "asked": ["GB", "SW1A"]}
