"""How things end when they do not end well: a refusal is returned, a fault is raised.

A `Refusal` is a business no and part of the answer. A `Fault` means the world failed, not the
request. A bug is neither: it is an assertion, and nothing inside the house catches it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

import msgspec

SHOWN_CHARACTERS_MAX = 40


class RefusalCode(StrEnum):
    """Every reason to refuse; a closed list, and part of the published interface."""

    # A name that names nothing.
    unknown_sku = "unknown_sku"  # no such item in the catalog
    unknown_node = "unknown_node"  # no such warehouse, store or supplier node
    unknown_service = "unknown_service"  # no such carrier service
    unknown_order = "unknown_order"  # no such order, or not visible to the actor
    unknown_cart = "unknown_cart"  # no such cart, or it was forgotten
    unknown_customer = "unknown_customer"  # no such customer account
    unknown_person = "unknown_person"  # no such person record, or it was erased
    unknown_reservation = "unknown_reservation"  # no such reservation, or already gone

    # A value that cannot be read or is out of its range.
    bad_quantity = "bad_quantity"  # not a whole number of pieces, or out of range
    bad_price = "bad_price"  # not an amount of money, or out of range
    bad_date = "bad_date"  # not a calendar date or instant, or out of range
    bad_country = "bad_country"  # not an ISO 3166-1 alpha-2 code
    bad_postal_code = "bad_postal_code"  # not in the form the country uses
    bad_identifier = "bad_identifier"  # wrong form or check digit: SKU, GTIN, GLN, SSCC, ids
    bad_value = "bad_value"  # any other field with an unusable value
    missing_value = "missing_value"  # a required field is absent or empty
    duplicate_value = "duplicate_value"  # given twice where it may stand once
    too_many = "too_many"  # more entries than one request, order or list may hold
    too_large = "too_large"  # more bytes than one request or document may hold
    unsupported = "unsupported"  # well formed, but this installation does not do it

    # Stock, delivery and price.
    not_enough_stock = "not_enough_stock"  # fewer available to promise than asked for
    not_deliverable = "not_deliverable"  # no node and service reach the destination in time
    not_orderable = "not_orderable"  # the item is not on sale, or not to this customer
    no_price = "no_price"  # no price in force for the item, currency and instant
    price_changed = "price_changed"  # the price in force differs from the one agreed to

    # Offers.
    offer_expired = "offer_expired"  # the signed offer is past its expiry
    offer_invalid = "offer_invalid"  # the signature does not fit, or the token cannot be read
    offer_mismatch = "offer_mismatch"  # the request differs from what the offer was made for

    # State.
    order_exists = "order_exists"  # an order was already placed from this cart or offer
    cart_exists = "cart_exists"  # the cart id is taken by a cart opened under another key
    cart_changed = "cart_changed"  # another change of the cart came first
    key_reused = "key_reused"  # the command id was used before with other content
    wrong_state = "wrong_state"  # the thing's status does not allow the step
    already_counted = "already_counted"  # the count or receipt was entered before
    read_only = "read_only"  # the installation accepts no changes at present

    # The actor and the address.
    unauthenticated = "unauthenticated"  # no credential, or one that is not valid
    forbidden = "forbidden"  # the actor is known and lacks the permission
    not_found = "not_found"  # the address names nothing the actor may see


class Refusal(msgspec.Struct, frozen=True):
    """A business no, with what the caller needs to do better.

    message  names the field, what was found, what was expected and what to do; for people
    field    the request's field at fault, or None when it is no single field
    facts    what the decision read, for programs; JSON values only, never personal data
    """

    code: RefusalCode
    message: str
    field: str | None = None
    facts: dict[str, Any] = {}


_NOT_422 = {
    RefusalCode.unauthenticated: 401,
    RefusalCode.forbidden: 403,
    RefusalCode.not_found: 404,
    RefusalCode.not_enough_stock: 409,
    RefusalCode.not_deliverable: 409,
    RefusalCode.not_orderable: 409,
    RefusalCode.no_price: 409,
    RefusalCode.price_changed: 409,
    RefusalCode.offer_expired: 409,
    RefusalCode.order_exists: 409,
    RefusalCode.cart_exists: 409,
    RefusalCode.cart_changed: 412,
    RefusalCode.key_reused: 409,
    RefusalCode.wrong_state: 409,
    RefusalCode.already_counted: 409,
    RefusalCode.too_large: 413,
    RefusalCode.read_only: 503,
}


def http_status(code: RefusalCode) -> int:
    """The HTTP status a refusal is answered with; 422 unless something else is more exact.

    409 says that the same request may succeed at another time or on other stock, 422 that it
    never will.
    Source: RFC 9110, section 15.
    """
    return _NOT_422.get(code, 422)


class Fault(Exception):
    """The world failed; raised, and never an answer about the request itself.

    retryable  whether the same work can succeed when tried again
    kind       a short name for logs and metrics, from a small fixed set; the class's by default
    """

    retryable: ClassVar[bool]
    kind: str = "fault"

    def __init__(self, message: str, *, kind: str | None = None) -> None:
        super().__init__(message)
        if kind is not None:
            self.kind = kind


class Conflict(Fault):
    """Someone else was faster: roll back and decide again over fresh facts."""

    retryable = True
    kind = "conflict"


class Unavailable(Fault):
    """Something needed does not answer at present: wait, then try again."""

    retryable = True
    kind = "unavailable"


class Broken(Fault):
    """Something needed is in a state that only a person can mend."""

    retryable = False
    kind = "broken"


def shown(value: object) -> str:
    """A found value as it may stand in a message: quoted, on one line, cut when long."""
    if isinstance(value, str):
        cut = len(value) > SHOWN_CHARACTERS_MAX
        return f"{value[:SHOWN_CHARACTERS_MAX]!r}{'...' if cut else ''}"
    if isinstance(value, int) and abs(value) >= 10**SHOWN_CHARACTERS_MAX:
        return f"a number of more than {SHOWN_CHARACTERS_MAX} digits"
    text = repr(value)
    cut = len(text) > SHOWN_CHARACTERS_MAX
    return f"{text[:SHOWN_CHARACTERS_MAX]}{'...' if cut else ''}"
