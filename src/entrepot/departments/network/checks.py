"""Pure checks: is a value of the network well formed, and does what it names exist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from entrepot.departments.network.model import (
    ANY_DAY,
    ANY_NODE,
    PPM,
    Area,
    Carrier,
    Footprint,
    Network,
    Node,
    Offering,
    RateCard,
    Retailer,
    Service,
    Transit,
    WorkCalendar,
    ZoneRule,
)
from entrepot.words.calendar import MINUTES_A_DAY, Calendar, check_calendar
from entrepot.words.identifiers import (
    parse_country,
    parse_gln,
    parse_postal_code,
)
from entrepot.words.money import EXPONENTS, MAX_AMOUNT_MINOR, MILLS_PER_MINOR
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import MAX_EACH, MAX_MASS_G

NAME_CHARACTERS_MAX = 200
HANDLING_MINUTES_MAX = 20 * MINUTES_A_DAY
ZONE_MAX = 999
DIVISOR_MAX = 100_000
DAYS_MAX = 90
CO2E_G_MAX = 1_000_000
STEPS_MAX = 500
CLOSED_DATES_MAX = 5_000

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_PREFIX = re.compile(r"[A-Z0-9]{0,12}")


def bad(field: str, found: object, expected: str) -> Refusal:
    """The refusal of a value out of its range."""
    return Refusal(
        RefusalCode.bad_value,
        f"{field}: found {shown(found)}, expected {expected}; correct it",
        field,
    )


def _check_id(field: str, value: str) -> Refusal | None:
    if _ID.fullmatch(value) and value != ANY_NODE:
        return None
    return Refusal(
        RefusalCode.bad_identifier,
        f"{field}: found {shown(value)}, expected 1 to 40 letters, digits, . _ or -, "
        f"beginning with a letter or digit, and not {ANY_NODE!r}; choose another",
        field,
    )


def _check_name(field: str, value: str) -> Refusal | None:
    if value.strip() == value and value and value.isprintable():
        if len(value) <= NAME_CHARACTERS_MAX:
            return None
    elif not value.strip():
        return Refusal(
            RefusalCode.missing_value, f"{field}: found nothing, expected a name; give one", field
        )
    return bad(field, value, f"at most {NAME_CHARACTERS_MAX} printable characters")


def _check_range(field: str, value: int, lowest: int, highest: int, unit: str) -> Refusal | None:
    if lowest <= value <= highest:
        return None
    return bad(field, value, f"{lowest} to {highest} {unit}".rstrip())


def _or(value: int | None, instead: int) -> int:
    return instead if value is None else value


def _check_country(value: str) -> Refusal | None:
    parsed = parse_country(value)
    if isinstance(parsed, Refusal):
        return parsed
    return None if parsed == value else bad("country", value, "capital letters")


def _check_place(latitude_microdeg: int, longitude_microdeg: int) -> Refusal | None:
    return _check_range(
        "latitude", latitude_microdeg, -90_000_000, 90_000_000, "millionths of a degree"
    ) or _check_range(
        "longitude", longitude_microdeg, -180_000_000, 180_000_000, "millionths of a degree"
    )


def _check_currency(value: str) -> Refusal | None:
    if value in EXPONENTS:
        return None
    return bad("currency", value, "a currency code of ISO 4217 such as EUR")


def _check_zone_number(value: int) -> Refusal | None:
    return _check_range("zone", value, 0, ZONE_MAX, "")


def _check_weekdays(field: str, days: Sequence[int]) -> Refusal | None:
    if days and all(0 <= day <= 6 for day in days) and all(a < b for a, b in pairwise(days)):
        return None
    return bad(field, list(days), "one weekday at least, 0 = Monday to 6 = Sunday, in order")


def _unknown(code: RefusalCode, field: str, value: str, kind: str) -> Refusal:
    return Refusal(
        code,
        f"{field}: found {shown(value)}, expected the id of a known {kind}; "
        f"add the {kind} first or correct the id",
        field,
    )


def _check_service_known(network: Network, service_id: str) -> Refusal | None:
    if service_id in network.services:
        return None
    return _unknown(RefusalCode.unknown_service, "service_id", service_id, "service")


def _check_node_known(network: Network, node_id: str) -> Refusal | None:
    if node_id == ANY_NODE or node_id in network.nodes:
        return None
    return _unknown(RefusalCode.unknown_node, "node_id", node_id, "node")


def _check_prefix(postal_prefix: str) -> Refusal | None:
    if _PREFIX.fullmatch(postal_prefix):
        return None
    return Refusal(
        RefusalCode.bad_postal_code,
        f"postal_prefix: found {shown(postal_prefix)}, expected at most 12 capital letters and "
        "digits without spaces, or nothing for the whole country; correct it",
        "postal_prefix",
    )


def check_retailer(_network: Network, value: Retailer) -> Refusal | None:
    """Refuses: missing_value, bad_value, bad_country."""
    return (
        _check_name("name", value.name)
        or _check_currency(value.currency)
        or _check_country(value.country)
        or _check_time_zone(value.zone)
        or _check_range("service_level_ppm", value.service_level_ppm, 1, PPM - 1, "ppm")
    )


def _check_time_zone(zone: str) -> Refusal | None:
    always = ((0, MINUTES_A_DAY),)
    calendar = Calendar(zone, (always, always, always, always, always, always, always))
    if check_calendar(calendar, "calendar") is None:
        return None
    return bad("time_zone", zone, "an IANA zone such as Europe/London")


def check_work_calendar(_network: Network, value: WorkCalendar) -> Refusal | None:
    """Refuses: bad_identifier, missing_value, bad_value."""
    dates = value.closed_dates
    if len(dates) > CLOSED_DATES_MAX or any(a >= b for a, b in pairwise(dates)):
        return bad("closed_dates", len(dates), f"at most {CLOSED_DATES_MAX} dates in order")
    return (
        _check_id("calendar_id", value.calendar_id)
        or _check_name("name", value.name)
        or check_calendar(Calendar("UTC", value.opening), "calendar")
    )


def check_node(network: Network, value: Node) -> Refusal | None:
    """Refuses: bad_identifier, missing_value, bad_value, bad_country, bad_postal_code."""
    postal_code = parse_postal_code(value.postal_code, value.country)
    if refusal := (
        _check_id("node_id", value.node_id)
        or _check_name("name", value.name)
        or _check_country(value.country)
        or (postal_code if isinstance(postal_code, Refusal) else None)
        or _check_place(value.latitude_microdeg, value.longitude_microdeg)
        or _check_time_zone(value.zone)
    ):
        return refusal
    if value.calendar_id not in network.calendars:
        return _unknown(RefusalCode.bad_value, "calendar_id", value.calendar_id, "calendar")
    if value.gln is not None and isinstance(gln := parse_gln(value.gln), Refusal):
        return gln
    highest_mills = MAX_AMOUNT_MINOR * MILLS_PER_MINOR
    return (
        _check_range("handling_minutes", value.handling_minutes, 0, HANDLING_MINUTES_MAX, "minutes")
        or _check_range("box_cost", value.box_cost_mills, 0, highest_mills, "mills")
        or _check_range("item_cost", value.item_cost_mills, 0, highest_mills, "mills")
        or _check_range("orders_per_day", _or(value.orders_per_day, 1), 1, MAX_EACH, "orders")
    )


def check_carrier(_network: Network, value: Carrier) -> Refusal | None:
    """Refuses: bad_identifier, missing_value, bad_value."""
    return _check_id("carrier_id", value.carrier_id) or _check_name("name", value.name)


def check_service(network: Network, value: Service) -> Refusal | None:
    """Refuses: bad_identifier, missing_value, bad_value."""
    if refusal := _check_id("service_id", value.service_id) or _check_name("name", value.name):
        return refusal
    if value.carrier_id not in network.carriers:
        return _unknown(RefusalCode.bad_value, "carrier_id", value.carrier_id, "carrier")
    return (
        _check_range("cut_off", value.cut_off_minute, 0, MINUTES_A_DAY, "minutes")
        or _check_weekdays("pickup_days", value.pickup_days)
        or _check_weekdays("delivery_days", value.delivery_days)
        or _check_range("max_mass_g", value.max_mass_g, 1, MAX_MASS_G, "g")
        or _check_range("volumetric_divisor", _or(value.volumetric_divisor, 1), 1, DIVISOR_MAX, "")
    )


def check_offering(network: Network, value: Offering) -> Refusal | None:
    """Refuses: unknown_service, unknown_node, bad_value."""
    return (
        _check_service_known(network, value.service_id)
        or _check_node_known(network, value.node_id)
        or _check_range("cut_off", _or(value.cut_off_minute, 0), 0, MINUTES_A_DAY, "minutes")
    )


def check_zone_rule(network: Network, value: ZoneRule) -> Refusal | None:
    """Refuses: unknown_node, bad_country, bad_postal_code, bad_value."""
    return (
        _check_node_known(network, value.node_id)
        or _check_country(value.country)
        or _check_prefix(value.postal_prefix)
        or _check_zone_number(value.zone)
    )


def check_transit(network: Network, value: Transit) -> Refusal | None:
    """Refuses: unknown_service, bad_value when the shares do not sum to one."""
    if refusal := (
        _check_service_known(network, value.service_id)
        or _check_zone_number(value.zone)
        or _check_range("weekday", value.weekday, 0, ANY_DAY, "")
    ):
        return refusal
    days = [share.days for share in value.shares]
    rising = days and all(a < b for a, b in pairwise(days))
    if not rising or days[0] < 0 or days[-1] > DAYS_MAX:
        return bad("distribution", days, f"rising days from 0 to {DAYS_MAX}, each once")
    total = sum(share.ppm for share in value.shares)
    if total != PPM or min(share.ppm for share in value.shares) < 1:
        return bad(
            "distribution",
            f"shares that sum to {total / PPM:.6f}",
            "positive shares that sum to 1.000000",
        )
    return None


def check_rate_card(network: Network, value: RateCard) -> Refusal | None:
    """Refuses: unknown_service, bad_value, bad_price; also steps that end below the service's
    heaviest parcel."""
    if refusal := (
        _check_service_known(network, value.service_id)
        or _check_zone_number(value.zone)
        or _check_currency(value.currency)
    ):
        return refusal
    masses = [step.up_to_mass_g for step in value.steps]
    if not 1 <= len(masses) <= STEPS_MAX or any(a >= b for a, b in pairwise((0, *masses))):
        return bad("up_to_mass_g", masses, f"1 to {STEPS_MAX} rising masses, each once")
    heaviest = network.services[value.service_id].max_mass_g
    if masses[-1] < heaviest:
        return bad(
            "up_to_mass_g",
            f"a last step of {masses[-1]} g",
            f"steps up to the service's heaviest parcel of {heaviest} g",
        )
    for step in value.steps:
        for field, amount in (("price", step.price_minor), ("cost", step.cost_minor)):
            if not 0 <= amount <= MAX_AMOUNT_MINOR:
                return Refusal(
                    RefusalCode.bad_price,
                    f"{field}: found {shown(amount)}, expected 0 to {MAX_AMOUNT_MINOR} minor "
                    "units; correct it",
                    field,
                )
    return None


def check_footprint(network: Network, value: Footprint) -> Refusal | None:
    """Refuses: unknown_service, bad_value."""
    return (
        _check_service_known(network, value.service_id)
        or _check_zone_number(value.zone)
        or _check_range("co2e_g_per_kg", value.co2e_g_per_kg, 0, CO2E_G_MAX, "g")
        or _check_range("co2e_g_per_box", value.co2e_g_per_box, 0, CO2E_G_MAX, "g")
    )


def check_area(_network: Network, value: Area) -> Refusal | None:
    """Refuses: missing_value, bad_value, bad_country, bad_postal_code."""
    return (
        _check_country(value.country)
        or _check_prefix(value.postal_prefix)
        or _check_name("name", value.name)
        or _check_place(value.latitude_microdeg, value.longitude_microdeg)
        or _check_range("population", _or(value.population, 0), 0, 10**10, "people")
    )
