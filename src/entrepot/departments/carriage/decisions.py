"""Pure carriage decisions: the state table, and what may be booked, handed over and voided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from entrepot.departments.carriage.model import Book, Booked, Shipment, ShipmentState
from entrepot.words.identifiers import parse_sscc
from entrepot.words.money import MAX_AMOUNT_MINOR, parse_currency
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import MAX_MASS_G

TRACKING_NO_CHARACTERS_MAX = 64

MOVING = frozenset(
    {
        ShipmentState.in_transit,
        ShipmentState.out_for_delivery,
        ShipmentState.exception,
        ShipmentState.lost,
    }
)
"""Between these a parcel goes to and fro; the latest news counts. A lost one may be found."""

ENDS = frozenset({ShipmentState.returned, ShipmentState.delivered})

SHIPMENT_STEPS: Mapping[ShipmentState, frozenset[ShipmentState]] = {
    ShipmentState.booked: frozenset({ShipmentState.handed_over, ShipmentState.voided})
    | MOVING
    | ENDS,
    ShipmentState.handed_over: MOVING | ENDS,
    ShipmentState.in_transit: MOVING | ENDS,
    ShipmentState.out_for_delivery: MOVING | ENDS,
    ShipmentState.exception: MOVING | ENDS,
    ShipmentState.lost: MOVING | ENDS,
    ShipmentState.returned: frozenset({ShipmentState.delivered}),
    ShipmentState.delivered: frozenset(),
    ShipmentState.voided: frozenset(),
}


def shipment_subject(order_id: str, part_no: int, shipment_no: int) -> str:
    """The subject of the facts about one parcel."""
    return f"shipment/{order_id}/{part_no}/{shipment_no}"


def bad(code: RefusalCode, field: str, found: object, expected: str) -> Refusal:
    """A refusal of one field's value."""
    return Refusal(code, f"{field}: found {shown(found)}, expected {expected}", field)


def normal_tracking_no(value: str) -> str:
    """A tracking number as it is kept: in capitals, without spaces."""
    return "".join(value.upper().split())


def book(command: Book) -> Refusal | None:
    """None when the command may be carried out, whatever is booked already.

    Refuses: bad_identifier for the SSCC or the tracking number; bad_value for mass or currency;
    bad_price.
    """
    sscc = parse_sscc(command.sscc)
    if isinstance(sscc, Refusal):
        return sscc
    if not 0 <= command.mass_g <= MAX_MASS_G:
        wanted = f"from 0 to {MAX_MASS_G} g"
        return bad(RefusalCode.bad_value, "mass_g", command.mass_g, wanted)
    if not 0 <= command.cost_minor <= MAX_AMOUNT_MINOR:
        wanted = f"from 0 to {MAX_AMOUNT_MINOR} minor units"
        return bad(RefusalCode.bad_price, "cost_minor", command.cost_minor, wanted)
    currency = parse_currency(command.currency, "currency")
    if isinstance(currency, Refusal):
        return currency
    if command.tracking_no is not None:
        kept = normal_tracking_no(command.tracking_no)
        readable = kept.isascii() and kept.isprintable()
        if not (readable and 1 <= len(kept) <= TRACKING_NO_CHARACTERS_MAX):
            wanted = f"1 to {TRACKING_NO_CHARACTERS_MAX} letters, digits and signs"
            return bad(RefusalCode.bad_identifier, "tracking_no", command.tracking_no, wanted)
    return None


def booked(shipment: Shipment) -> Booked:
    """The answer to the booking."""
    return Booked(
        order_id=shipment.order_id,
        part_no=shipment.part_no,
        shipment_no=shipment.shipment_no,
        sscc=shipment.sscc,
        tracking_no=shipment.tracking_no,
        booked_at=shipment.booked_at,
    )


def booked_before(shipment: Shipment) -> Refusal:
    """The refusal for a carton that has its shipment."""
    return Refusal(
        RefusalCode.wrong_state,
        f"carton {shipment.sscc} of order {shipment.order_id} is {shipment.state} as shipment "
        f"{shipment.shipment_no} of part {shipment.part_no}, expected one without a booking; "
        "pack it anew for another",
        facts={"order_id": shipment.order_id, "sscc": shipment.sscc, "state": shipment.state},
    )


def number_taken(tracking_no: str) -> Refusal:
    """The refusal for a tracking number that another parcel has."""
    return Refusal(
        RefusalCode.duplicate_value,
        f"tracking_no: found {shown(tracking_no)}, which another parcel has, expected a number of "
        "its own; ask the carrier for one",
        "tracking_no",
    )


def nothing_booked(order_id: str, part_no: int) -> Refusal:
    """The refusal for a part that has no parcel."""
    return Refusal(
        RefusalCode.unknown_order,
        f"order {order_id} part {part_no}: no parcel is booked for it; book it first",
        "order_id",
    )


class Hands(NamedTuple):
    """What a command about a whole part does: parcels to change, or to answer for as done."""

    change: tuple[Shipment, ...]
    answer: tuple[Shipment, ...]


def hand_over(
    order_id: str, part_no: int, shipments: Iterable[Shipment], command_id: str
) -> Hands | Refusal:
    """Which parcels of a part the carrier takes now.

    A parcel that the carrier has told of before counts too: its word came first.
    Refuses: unknown_order when nothing is booked; wrong_state when all were handed over before.
    """
    living = [s for s in shipments if s.state is not ShipmentState.voided]
    if not living:
        return nothing_booked(order_id, part_no)
    done = tuple(s for s in living if s.hand_over_command == command_id)
    waiting = tuple(s for s in living if s.hand_over_command is None)
    if done or waiting:
        return Hands(() if done else waiting, done or waiting)
    return _wrong_state(living, ShipmentState.handed_over)


def void(
    order_id: str, part_no: int, shipments: Iterable[Shipment], command_id: str
) -> Hands | Refusal:
    """Which bookings of a part are given up.

    Refuses: unknown_order when nothing is booked; wrong_state when the carrier has a parcel.
    """
    known = list(shipments)
    done = tuple(s for s in known if s.void_command == command_id)
    living = [s for s in known if s.state is not ShipmentState.voided]
    if done:
        return Hands((), done)
    if not living:
        return nothing_booked(order_id, part_no)
    if all(ShipmentState.voided in SHIPMENT_STEPS[s.state] for s in living):
        return Hands(tuple(living), tuple(living))
    return _wrong_state(living, ShipmentState.voided)


def _wrong_state(shipments: Sequence[Shipment], to_state: ShipmentState) -> Refusal:
    first = shipments[0]
    listed = ", ".join(f"shipment {s.shipment_no} is {s.state}" for s in shipments)
    return Refusal(
        RefusalCode.wrong_state,
        f"order {first.order_id} part {first.part_no} cannot become {to_state}: {listed}",
        facts={"order_id": first.order_id, "part_no": first.part_no, "state": first.state},
    )
