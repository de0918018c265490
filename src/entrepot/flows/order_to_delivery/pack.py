"""Pack: a part's cartons are closed, and each is booked as a parcel with the carrier's service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from entrepot.departments.carriage import service as carriage
from entrepot.departments.carriage.model import Book
from entrepot.departments.network import decisions as network
from entrepot.departments.network import service as network_service
from entrepot.departments.network.model import Network
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import Header, PartHead, PartMove, PartState
from entrepot.departments.sourcing import terms
from entrepot.departments.warehouse import service as warehouse
from entrepot.departments.warehouse.model import Pack, PackedWork
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


class PackPart(NamedTuple):
    """A part was packed; how heavy a carton may be comes from the service it goes with."""

    command_id: str
    actor: str
    order_id: str
    part_no: int


class _Open(NamedTuple):
    """A part to be packed, with what is known of it."""

    command: PackPart
    header: Header
    part: PartHead
    latest_date: date | None


def pack(
    tx: Tx, commands: Sequence[PackPart], *, company_prefix: str
) -> list[PackedWork | Refusal]:
    """Pack parts into cartons and book each carton with its carrier.

    company_prefix  the GS1 prefix whose SSCCs are given

    Refuses: unknown_order, and what the warehouse refuses.
    Raises: Conflict when a part changed meanwhile.
    """
    known = network_service.snapshot(tx)
    opened = _opened(tx, commands)
    answers: list[PackedWork | Refusal] = [
        o if isinstance(o, Refusal) else ordering.unknown(o.command.order_id) for o in opened
    ]
    good = [(n, o) for n, o in enumerate(opened) if isinstance(o, _Open)]
    packed = warehouse.pack(tx, [_work(known, o) for _, o in good], company_prefix=company_prefix)
    done: list[tuple[_Open, PackedWork]] = []
    for (number, one), answer in zip(good, packed, strict=True):
        answers[number] = answer
        if isinstance(answer, PackedWork):
            done.append((one, answer))
    agreed(
        carriage.book(
            tx,
            [
                _booking(known, one, number, carton.sscc, carton.mass_g)
                for one, answer in done
                for number, carton in enumerate(answer.cartons, start=1)
            ],
        )
    )
    agreed(ordering.move_parts(tx, [_move(one, answer) for one, answer in done]))
    return answers


def _opened(tx: Tx, commands: Sequence[PackPart]) -> list[_Open | Refusal]:
    order_ids = sorted({c.order_id for c in commands})
    headers = ordering.headers(tx, order_ids)
    dates = parts.promised(tx, order_ids)
    standing = parts.heads(tx, order_ids)
    return [
        _Open(
            command=c,
            header=headers[c.order_id],
            part=standing[c.order_id, c.part_no],
            latest_date=dates.get((c.order_id, c.part_no)),
        )
        if (c.order_id, c.part_no) in standing
        else ordering.unknown(f"{c.order_id} part {c.part_no}")
        for c in commands
    ]


def _work(known: Network, one: _Open) -> Pack:
    assert one.part.service is not None, "a released part has a service"
    return Pack(
        command_id=one.command.command_id,
        actor=one.command.actor,
        order_id=one.command.order_id,
        part_no=one.command.part_no,
        max_mass_g=known.services[one.part.service].max_mass_g,
    )


def _booking(known: Network, one: _Open, number: int, sscc: str, mass_g: int) -> Book:
    """A parcel at what its service charges for its mass."""
    node, service = one.part.node, one.part.service
    assert node is not None and service is not None, "a released part has a node and a service"
    zone = network.zone_for(known, node, one.header.country, one.header.postal_area)
    assert zone is not None, f"{node} reached the destination when the order was sourced"
    card = known.rates[service, zone, one.header.currency]
    steps = [(step.up_to_mass_g, step.cost_minor) for step in card.steps]
    _, cost_minor = terms.parcels(mass_g, steps, known.services[service].max_mass_g)
    return Book(
        command_id=f"{one.command.command_id}:{number}",
        actor=one.command.actor,
        order_id=one.command.order_id,
        part_no=one.command.part_no,
        node=node,
        service=service,
        sscc=sscc,
        mass_g=mass_g,
        cost_minor=cost_minor,
        currency=one.header.currency,
        latest_date=one.latest_date,
    )


def _move(one: _Open, answer: PackedWork) -> PartMove:
    count = len(answer.cartons)
    return PartMove(
        order_id=one.command.order_id,
        part_no=one.command.part_no,
        to_state=PartState.packed,
        detail=f"{count} carton{'' if count == 1 else 's'} at {answer.node}",
        command_id=one.command.command_id,
        actor=one.command.actor,
    )
