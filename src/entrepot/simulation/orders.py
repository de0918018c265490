"""Customers order: a quote with its options, one of them chosen, the order placed by its offer.

What is not there in full is ordered again on backorder, as a shop would offer it. Invoices of one
virtual hour are quoted and placed together; each keeps its own time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from entrepot.flows.order_to_delivery.model import (
    Ask,
    AskedLine,
    Placed,
    PlaceOrder,
    Quoted,
    Recipient,
    ShipTo,
)
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.flows.order_to_delivery.quote import quote
from entrepot.ground.database import Tx
from entrepot.ground.keys import KeyStore
from entrepot.simulation import world
from entrepot.simulation.addresses import Address, address_of, buyer_of
from entrepot.simulation.history import Invoice
from entrepot.simulation.places import Places
from entrepot.words.outcome import Refusal

ACTOR = "simulation"
CHANNEL = "web"


class Shop(NamedTuple):
    """What ordering needs to know of the world.

    keys  encrypt the buyers' addresses
    """

    seed: int
    currency: str
    places: Places
    keys: KeyStore
    signing_key: bytes


def order(tx: Tx, shop: Shop, invoices: Sequence[Invoice]) -> Counter[str]:
    """Order what these invoices say; gives what happened, by name."""
    counts: Counter[str] = Counter()
    wanted = [i for i in invoices if not isinstance(i.country, Refusal)]
    counts["country_refused"] += len(invoices) - len(wanted)
    if not wanted:
        return counts
    addresses = [_address(shop, i) for i in wanted]
    asks = [_ask(shop, i, a) for i, a in zip(wanted, addresses, strict=True)]
    quotes = quote(tx, asks, shop.signing_key)
    commands = [
        _command(shop, invoice, address, ask, quoted, counts)
        for invoice, address, ask, quoted in zip(wanted, addresses, asks, quotes, strict=True)
    ]
    answers = place_orders(tx, commands, signing_keys=[shop.signing_key], keys=shop.keys)
    again = [
        _on_backorder(command)
        for command, answer in zip(commands, answers, strict=True)
        if isinstance(answer, Refusal) and command.offer is not None
    ]
    # Somebody ordered in the same hour what the offer counted on.
    counts["offers_gone"] += len(again)
    final = [
        a
        for c, a in zip(commands, answers, strict=True)
        if not (isinstance(a, Refusal) and c.offer is not None)
    ]
    final += place_orders(tx, again, signing_keys=[shop.signing_key], keys=shop.keys)
    for answer in final:
        if isinstance(answer, Placed):
            counts["placed"] += 1
            counts["lines"] += sum(len(p.lines) for p in answer.parts)
            counts["backordered"] += any(p.state == "backordered" for p in answer.parts)
        else:
            counts[f"refused_{answer.code}"] += 1
    return counts


def _address(shop: Shop, invoice: Invoice) -> Address:
    assert not isinstance(invoice.country, Refusal), "refused countries are sorted out before"
    buyer = buyer_of(invoice.customer, invoice.invoice)
    return address_of(shop.places, shop.seed, buyer, invoice.country)


def _ask(shop: Shop, invoice: Invoice, address: Address) -> Ask:
    return Ask(
        lines=tuple(AskedLine(line.sku, line.quantity_each) for line in invoice.lines),
        ship_to=ShipTo(address.country, address.postal_code),
        currency=shop.currency,
        at=invoice.at,
    )


def _command(
    shop: Shop,
    invoice: Invoice,
    address: Address,
    ask: Ask,
    quoted: Quoted | Refusal,
    counts: Counter[str],
) -> PlaceOrder:
    offer = None
    if isinstance(quoted, Quoted):
        counts["quoted_options"] += len(quoted.options)
        buyer = buyer_of(invoice.customer, invoice.invoice)
        offer = quoted.options[
            world.chosen(shop.seed, buyer, invoice.invoice, len(quoted.options))
        ].offer
    else:
        counts[f"not_quoted_{quoted.code}"] += 1
    return PlaceOrder(
        command_id=f"order:{invoice.invoice}",
        actor=ACTOR,
        lines=ask.lines,
        ship_to=ask.ship_to,
        currency=shop.currency,
        order_id=invoice.invoice,
        channel=CHANNEL,
        offer=offer,
        customer_ref=None if invoice.customer is None else str(invoice.customer),
        recipient=Recipient(address.name, address.street, address.city),
        backorder=offer is None,
        placed_at=invoice.at,
    )


def _on_backorder(command: PlaceOrder) -> PlaceOrder:
    return PlaceOrder(
        command_id=f"{command.command_id}:backorder",
        actor=command.actor,
        lines=command.lines,
        ship_to=command.ship_to,
        currency=command.currency,
        order_id=command.order_id,
        channel=command.channel,
        customer_ref=command.customer_ref,
        recipient=command.recipient,
        backorder=True,
        placed_at=command.placed_at,
    )
