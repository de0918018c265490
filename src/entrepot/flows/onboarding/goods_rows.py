"""Rows of items, prices, suppliers, terms, stock and channels as the rooms' values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from entrepot.departments.catalog.model import Handling, Item, ItemStatus
from entrepot.departments.network.model import Retailer
from entrepot.departments.ordering.decisions_carts import HOLD_MINUTES_MAX
from entrepot.departments.ordering.model import ChannelRule
from entrepot.departments.pricing.model import BEGINNING, STANDARD_LIST, PriceEntry
from entrepot.departments.purchasing import decisions as purchasing
from entrepot.departments.purchasing.model import (
    Incoterm,
    LeadTimeShare,
    PriceBreak,
    Supplier,
    Terms,
)
from entrepot.flows.onboarding.cells import Cells, refuse
from entrepot.words.outcome import RefusalCode


class StockRow(NamedTuple):
    """Opening stock of one SKU at one node."""

    sku: str
    node_id: str
    quantity_each: int


def item(cells: Cells) -> Item:
    """A row of `items`."""
    return Item(
        sku=cells.sku("sku"),
        name=cells.text("name"),
        category=cells.text("category"),
        mass_g=cells.mass_g("mass_g"),
        length_mm=cells.length_mm("length_mm"),
        width_mm=cells.length_mm("width_mm"),
        height_mm=cells.length_mm("height_mm"),
        handling=cells.choice("handling", Handling, Handling.standard),
        backorderable=cells.yes("backorderable"),
        gtin=cells.gtin("gtin"),
        inner_each=_pack(cells, "inner_each"),
        case_each=_pack(cells, "case_each"),
        pallet_each=_pack(cells, "pallet_each"),
        status=cells.choice("status", ItemStatus, ItemStatus.active),
    )


def _pack(cells: Cells, column: str) -> int | None:
    """A pack of one is the piece itself."""
    held_each = cells.each_or_none(column)
    return None if held_each == 1 else held_each


def price(cells: Cells, retailer: Retailer) -> PriceEntry:
    """A row of `prices`."""
    currency = cells.currency("currency", retailer.currency)
    return PriceEntry(
        sku=cells.sku("sku"),
        currency=currency,
        amount_minor=cells.amount_minor("price", currency),
        price_list=cells.given("price_list") or STANDARD_LIST,
        valid_from=cells.instant_or_none("valid_from", retailer.zone) or BEGINNING,
        valid_to=cells.instant_or_none("valid_to", retailer.zone),
    )


def supplier(cells: Cells, retailer: Retailer) -> Supplier:
    """A row of `suppliers`."""
    return Supplier(
        supplier_id=cells.text("supplier_id"),
        name=cells.text("name"),
        country=cells.country("country"),
        currency=cells.currency("currency", retailer.currency),
        lead_time=_lead_time(cells),
        calendar_id=cells.given("calendar_id"),
        gln=cells.gln("gln"),
    )


def _lead_time(cells: Cells) -> tuple[LeadTimeShare, ...]:
    shares = cells.distribution("lead_time_distribution")
    mean_days = cells.whole_or_none("lead_time_days")
    if shares and mean_days is not None:
        refuse(
            "lead_time_days",
            cells.text("lead_time_days"),
            "either lead_time_days or lead_time_distribution, not both",
        )
    if shares:
        return tuple(LeadTimeShare(days, ppm) for days, ppm in shares if ppm)
    if mean_days is None:
        refuse(
            "lead_time_days",
            "",
            "the days from order to receipt, here or as lead_time_distribution",
            RefusalCode.missing_value,
        )
    if not 0 <= mean_days <= purchasing.LEAD_TIME_DAYS_MAX:
        refuse("lead_time_days", mean_days, f"0 to {purchasing.LEAD_TIME_DAYS_MAX} days")
    spread_days = cells.whole("lead_time_spread_days", 0)
    if not 0 <= spread_days <= mean_days:
        refuse("lead_time_spread_days", spread_days, f"0 to the mean of {mean_days} days")
    return purchasing.lead_time(mean_days, spread_days)


def terms(cells: Cells, supplier_currencies: Mapping[str, str], retailer: Retailer) -> Terms:
    """A row of `terms`; without a currency it is in that of its supplier."""
    supplier_id = cells.text("supplier_id")
    default = supplier_currencies.get(supplier_id, retailer.currency)
    currency = cells.currency("currency", default)
    breaks = cells.breaks("price_breaks", currency)
    return Terms(
        supplier_id=supplier_id,
        sku=cells.sku("sku"),
        currency=currency,
        cost_minor=cells.amount_minor("cost", currency),
        moq_each=cells.each("moq_each", 1),
        multiple_each=cells.each("multiple_each", 1),
        price_breaks=tuple(PriceBreak(*part) for part in breaks),
        lead_time_days=cells.whole_or_none("lead_time_days"),
        incoterm=cells.choice("incoterm", Incoterm) if cells.given("incoterm") else None,
        named_place=cells.given("named_place"),
    )


def stock(cells: Cells) -> StockRow:
    """A row of `stock`."""
    return StockRow(
        sku=cells.sku("sku"),
        node_id=cells.text("node_id"),
        quantity_each=cells.each("quantity_each"),
    )


# How long a cart may hold in all, where nothing is said: so many times as long as after a change.
HOLD_TIMES = 3
CART_DAYS = 30


def channel(cells: Cells) -> ChannelRule:
    """A row of `channels`."""
    hold_minutes = cells.whole("hold_minutes", 0)
    return ChannelRule(
        channel=cells.text("channel"),
        hold_minutes=hold_minutes,
        hold_minutes_max=cells.whole(
            "hold_minutes_max", min(HOLD_TIMES * hold_minutes, HOLD_MINUTES_MAX)
        ),
        hold_each_max=cells.each_or_none("hold_each_max"),
        cart_days=cells.whole("cart_days", CART_DAYS),
    )
