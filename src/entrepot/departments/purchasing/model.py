"""Supplier values, the terms agreed with them, and the facts about both."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from entrepot.words.facts import Fact

PPM = 1_000_000


class Incoterm(StrEnum):
    """Where cost and risk pass to the buyer. Source: ICC Incoterms 2020."""

    exw = "EXW"
    fca = "FCA"
    cpt = "CPT"
    cip = "CIP"
    dap = "DAP"
    dpu = "DPU"
    ddp = "DDP"
    fas = "FAS"
    fob = "FOB"
    cfr = "CFR"
    cif = "CIF"


class LeadTimeShare(NamedTuple):
    """How many of a million orders arrive after so many calendar days."""

    days: int
    ppm: int


class Supplier(msgspec.Struct, frozen=True):
    """Who we buy from.

    currency     in which they invoice, ISO 4217
    lead_time    calendar days from order to receipt; the shares sum to a million
    calendar_id  of the network's calendars, for the days on which they ship; None = any day
    """

    supplier_id: str
    name: str
    country: str
    currency: str
    lead_time: tuple[LeadTimeShare, ...]
    calendar_id: str | None = None
    gln: str | None = None


class PriceBreak(NamedTuple):
    """From this order quantity on, one each costs so much."""

    from_each: int
    cost_minor: int


class Terms(msgspec.Struct, frozen=True):
    """What one item costs from one supplier, and how it is ordered there.

    cost_minor      for one each, before price breaks
    moq_each        smallest order
    multiple_each   orders are whole multiples of it: the case pack
    price_breaks    by rising quantity, each cheaper than the one before
    lead_time_days  for this item, in place of the supplier's distribution
    named_place     where the incoterm applies; stands with it or not at all
    """

    supplier_id: str
    sku: str
    currency: str
    cost_minor: int
    moq_each: int = 1
    multiple_each: int = 1
    price_breaks: tuple[PriceBreak, ...] = ()
    lead_time_days: int | None = None
    incoterm: Incoterm | None = None
    named_place: str | None = None


# Commands


class SupplierChange(msgspec.Struct, frozen=True):
    """Register a supplier, or replace what is known of them."""

    command_id: str
    actor: str
    supplier: Supplier


class TermsChange(msgspec.Struct, frozen=True):
    """Agree on terms, in place of earlier ones for the same item and supplier."""

    command_id: str
    actor: str
    terms: Terms


# Answers


class Registered(NamedTuple):
    """Written."""

    supplier: Supplier


class Agreed(NamedTuple):
    """Written."""

    terms: Terms


class Unchanged(NamedTuple):
    """Nothing to do: it was so already."""


# Facts


class SupplierRegistered(Fact, frozen=True):
    """A supplier is known, for the first time or with other particulars."""

    supplier: Supplier


class TermsAgreed(Fact, frozen=True):
    """Terms hold from now on."""

    terms: Terms
