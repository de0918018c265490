"""Offers: what was quoted, as a token the customer carries and nobody can change.

A token is `o1.<offer>.<seal>`: the offer as MessagePack in base64url, and the HMAC-SHA256 of
everything before the last dot. The seal is compared as text, so that each offer has exactly one
token and any other character anywhere is refused.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from entrepot.departments.promise.model import PlannedBox
from entrepot.words.outcome import Refusal, RefusalCode

PREFIX = b"o1."
OFFER_VERSION = 1
KEY_BYTES_MIN = 32
# An order of 1,000 lines, each divided over several nodes, stays below.
TOKEN_CHARACTERS_MAX = 262_144


class Offer(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Everything that was quoted: an order that names it in time gets exactly this.

    lines            `(sku, quantity_each)`; boxes count them from 1
    country, region  of the destination; region as words.identifiers.postal_area gives it
    service          label of the option
    latest_date      promised with probability_ppm, in parts per million
    items_minor, shipping_minor, tax_minor  in minor units of the currency
    cost_mills       what sending costs the house, in 1/1000 of the minor unit
    """

    version: int = OFFER_VERSION
    offer_id: UUID
    lines: tuple[tuple[str, int], ...]
    country: str
    region: str
    service: str
    boxes: tuple[PlannedBox, ...]
    latest_date: date
    expected_date: date
    probability_ppm: int
    items_minor: int
    shipping_minor: int
    tax_minor: int
    currency: str
    cost_mills: int
    policy_id: str
    policy_version: int
    quoted_at: datetime
    expires_at: datetime


def seal(offer: Offer, key: bytes) -> str:
    """The offer as a token of at most TOKEN_CHARACTERS_MAX ASCII characters.

    key  secret, KEY_BYTES_MIN bytes or more
    """
    assert len(key) >= KEY_BYTES_MIN, f"a key of {len(key)} bytes seals nothing"
    assert offer.quoted_at.tzinfo and offer.expires_at.tzinfo, "an offer's times have a zone"
    signed = PREFIX + _text(msgspec.msgpack.encode(offer))
    token = signed + b"." + _seal(signed, key)
    assert len(token) <= TOKEN_CHARACTERS_MAX, f"an offer of {len(token)} characters is too long"
    return token.decode("ascii")


def open_offer(token: str, keys: Sequence[bytes], at: datetime) -> Offer | Refusal:
    """The offer in a token, when it is whole, ours, and `at` is before its expiry.

    token  anything a client sent
    keys   the present key and those still honored; none of them tells by its time where a wrong
           seal goes wrong

    Refuses: offer_invalid, whatever the token is; offer_expired.
    """
    if len(token) > TOKEN_CHARACTERS_MAX:
        return _invalid(f"{len(token)} characters")
    try:
        sent = token.encode("ascii")
    except UnicodeEncodeError:
        return _invalid("characters that no token has")
    signed, _, sealed = sent.rpartition(b".")
    if not signed.startswith(PREFIX):
        return _invalid("text of another form")
    if not any(hmac.compare_digest(_seal(signed, key), sealed) for key in keys):
        return _invalid("a seal that does not fit")
    payload = signed[len(PREFIX) :]
    try:
        offer = msgspec.msgpack.decode(
            urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)), type=Offer
        )
    except (msgspec.DecodeError, ValueError):  # sealed by us, but by another release
        return _invalid("an offer of another release")
    if offer.version != OFFER_VERSION:
        return _invalid(f"an offer of version {offer.version}")
    if at >= offer.expires_at:
        expired = offer.expires_at.isoformat()
        return Refusal(
            RefusalCode.offer_expired,
            f"offer: it expired at {expired}; ask for a new quote",
            "offer",
            {"offer_id": str(offer.offer_id), "expires_at": expired},
        )
    return offer


def matches(
    offer: Offer, lines: Sequence[tuple[str, int]], destination: tuple[str, str]
) -> Refusal | None:
    """None when the offer was made for these lines and this destination.

    lines        `(sku, quantity_each)` in any order; the boxes count the offer's own lines
    destination  `(country, region)`

    Refuses: offer_mismatch, naming what differs.
    """
    if destination != (offer.country, offer.region):
        return Refusal(
            RefusalCode.offer_mismatch,
            f"destination: found {' '.join(destination)}, the offer is for "
            f"{offer.country} {offer.region}; ask for a quote to this destination",
            "destination",
            {"offered": [offer.country, offer.region], "asked": list(destination)},
        )
    offered, asked = Counter(offer.lines), Counter(lines)
    if offered == asked:
        return None
    missing, added = sorted((offered - asked).elements()), sorted((asked - offered).elements())
    return Refusal(
        RefusalCode.offer_mismatch,
        f"lines: {len(added)} are not in the offer and {len(missing)} of the offer are not asked "
        "for; ask for a quote of these lines",
        "lines",
        {"offered": [list(line) for line in missing], "asked": [list(line) for line in added]},
    )


def _invalid(found: str) -> Refusal:
    return Refusal(
        RefusalCode.offer_invalid,
        f"offer: found {found}, expected a token as the quote gave it; ask for a new quote",
        "offer",
    )


def _seal(signed: bytes, key: bytes) -> bytes:
    return _text(hmac.digest(key, signed, "sha256"))


def _text(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")
