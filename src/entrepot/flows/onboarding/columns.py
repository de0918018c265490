"""What the files of a retailer's folder hold: the one description, read by code and documents."""

from __future__ import annotations

from typing import NamedTuple

SMALL_ROWS_MAX = 100_000
LARGE_ROWS_MAX = 1_000_000


class Column(NamedTuple):
    """One column. `needed` means that the file must have it and every row a value in it."""

    name: str
    needed: bool
    meaning: str


class TableFormat(NamedTuple):
    """One file.

    name      the file's name without its ending
    purpose   what a row is, in a sentence
    rows_max  most rows
    """

    name: str
    purpose: str
    rows_max: int
    columns: tuple[Column, ...]

    @property
    def needed(self) -> list[str]:
        """Names of the columns the file must have."""
        return [column.name for column in self.columns if column.needed]


def _table(name: str, rows_max: int, purpose: str, *columns: tuple[str, str]) -> TableFormat:
    """Columns as (name, meaning); a name that ends in ? may be missing or empty."""
    return TableFormat(
        name,
        purpose,
        rows_max,
        tuple(Column(c.removesuffix("?"), not c.endswith("?"), text) for c, text in columns),
    )


_NODE = "id of a node in `nodes`"
_SERVICE = "id of a service in `services`"
_ZONE = "zone number, 0 to 999, as in `zones`"
_GLN = "GLN of 13 digits with its check digit"
_CURRENCY = "ISO 4217 code; empty = the retailer's currency"

# In the order in which they are checked and written: a table names only tables before it.
FORMATS = (
    _table(
        "retailer",
        1,
        "Who runs this network. Always `retailer.toml`, with these keys at the top level.",
        ("name", "the company's name"),
        ("currency", "ISO 4217 code of prices and costs, such as EUR"),
        ("country", "ISO 3166-1 alpha-2 code, such as DE"),
        ("time_zone", "IANA zone of the head office, such as Europe/Berlin"),
        ("service_level?", "how sure a promised date is to be kept, above 0 and below 1; 0.95"),
    ),
    _table(
        "calendars",
        SMALL_ROWS_MAX,
        "Working hours of nodes and suppliers, in the local time of whoever uses them.",
        ("calendar_id", "1 to 40 letters, digits, . _ or -"),
        ("name?", "for people; empty = the id"),
        *(
            (f"{day}?", "hours such as `08:00-12:00;13:00-17:00`, to 24:00 at most; empty = closed")
            for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        ),
        ("closed_dates?", "dates on which it is closed: `2025-12-25;2025-12-26`"),
    ),
    _table(
        "nodes",
        SMALL_ROWS_MAX,
        "Places that store or ship.",
        ("node_id", "1 to 40 letters, digits, . _ or -"),
        ("name", "for people, at most 200 characters"),
        ("kind?", "fulfillment_center (when empty), store or supplier_site"),
        ("country", "ISO 3166-1 alpha-2 code"),
        ("postal_code?", "as written in that country; may be empty where there are none"),
        ("latitude", "degrees north, decimal, WGS 84"),
        ("longitude", "degrees east, decimal, WGS 84"),
        ("time_zone?", "IANA zone; empty = the retailer's"),
        ("calendar_id", "working hours, an id in `calendars`"),
        ("handling_minutes", "working minutes from an order's release until it can be picked up"),
        ("box_cost?", "handling one box, in the retailer's currency, to 1/1,000 of a cent; 0"),
        ("item_cost?", "handling one piece, likewise; 0"),
        ("orders_per_day?", "capacity; empty = not limited"),
        ("gln?", _GLN),
        ("status?", "open (when empty) or closed"),
    ),
    _table(
        "carriers",
        SMALL_ROWS_MAX,
        "Who carries.",
        ("carrier_id", "1 to 40 letters, digits, . _ or -"),
        ("name", "for people, at most 200 characters"),
    ),
    _table(
        "services",
        SMALL_ROWS_MAX,
        "What a carrier offers.",
        ("service_id", "1 to 40 letters, digits, . _ or -"),
        ("carrier_id", "an id in `carriers`"),
        ("name", "as customers see it, at most 200 characters"),
        ("speed", "economy, standard, express or same_day"),
        ("cut_off", "local time of the pickup, HH:MM"),
        ("pickup_days", "weekdays: `mon-fri` or `mon;wed;sat`"),
        ("delivery_days", "weekdays, likewise"),
        ("max_mass_g", "heaviest parcel, grams"),
        ("volumetric_divisor?", "cm3 charged as 1 kg, often 5000; empty = charged by mass alone"),
    ),
    _table(
        "service_nodes",
        SMALL_ROWS_MAX,
        "Where each service can be had.",
        ("service_id", _SERVICE),
        ("node_id", f"{_NODE}, or `any`"),
        ("cut_off?", "HH:MM, where it differs from the service's"),
    ),
    _table(
        "zones",
        SMALL_ROWS_MAX,
        "Destinations, grouped by how far they are. The longest prefix that fits decides; at equal "
        "length a row of the node itself comes before one of `any`. In GB a prefix of letters only "
        "is a postcode area: L is Liverpool and not Leeds.",
        ("node_id", f"{_NODE}, or `any`"),
        ("country", "ISO 3166-1 alpha-2 code"),
        ("postal_prefix?", "beginning of the postal codes, without spaces; empty = whole country"),
        ("zone", "zone number of your choice, 0 to 999"),
    ),
    _table(
        "transits",
        SMALL_ROWS_MAX,
        "How long a service takes to a zone. Needed for every zone a service goes to, and there "
        "for every pickup day: by weekday, or `any`.",
        ("service_id", _SERVICE),
        ("zone", _ZONE),
        ("weekday?", "day of the pickup, `mon` to `sun`; `any` when empty"),
        (
            "distribution",
            "days and their shares: `1:0.92;2:0.07;3:0.01`. Days count the service's delivery days "
            "after the pickup, 0 to 90; shares sum to 1, with at most 6 decimals",
        ),
    ),
    _table(
        "rates",
        SMALL_ROWS_MAX,
        "Price of a parcel, one row per step. The steps of a service and zone are one rate card, "
        "taken or refused as a whole; the last must reach the service's heaviest parcel. Needed "
        "wherever there is a transit time.",
        ("service_id", _SERVICE),
        ("zone", _ZONE),
        ("up_to_g", "the step holds up to this mass, grams"),
        ("price", "charged to the customer"),
        ("cost?", "charged to us by the carrier; empty = the price"),
        ("currency?", _CURRENCY),
    ),
    _table(
        "carbon",
        SMALL_ROWS_MAX,
        "Emissions of a parcel.",
        ("service_id", _SERVICE),
        ("zone", _ZONE),
        ("co2e_g_per_kg", "grams of CO2 equivalent per kilogram of the parcel"),
        ("co2e_g_per_box", "grams of CO2 equivalent per parcel, on top"),
    ),
    _table(
        "areas",
        SMALL_ROWS_MAX,
        "Where postal codes lie, for maps and distances.",
        ("country", "ISO 3166-1 alpha-2 code"),
        ("postal_prefix?", "as in `zones`"),
        ("name", "for people, at most 200 characters"),
        ("latitude", "of the center, degrees north, decimal, WGS 84"),
        ("longitude", "of the center, degrees east, decimal, WGS 84"),
        ("population?", "people who live there"),
    ),
    _table(
        "items",
        LARGE_ROWS_MAX,
        "What can be sold. Mass and measures are those of a single piece, packed for sale.",
        ("sku", "1 to 64 letters, digits, single spaces or . _ + / # & : -; case matters"),
        ("name", "at most 300 characters"),
        ("category", "a path from the general to the special: `Home/Kitchen/Mugs`"),
        ("mass_g", "grams, above 0; a fraction is rounded up"),
        ("length_mm", "millimeters, above 0; a fraction is rounded up"),
        ("width_mm", "likewise"),
        ("height_mm", "likewise"),
        ("handling?", "standard (when empty), fragile, bulky, dangerous, chilled or frozen"),
        ("backorderable?", "yes or no (when empty): may be ordered while there is no stock"),
        ("gtin?", "GTIN of 8, 12, 13 or 14 digits with its check digit; of one SKU only"),
        (
            "inner_each?",
            "pieces in an inner pack, a multiple of the level below; empty or 1 = none",
        ),
        ("case_each?", "pieces in a case, likewise"),
        ("pallet_each?", "pieces on a pallet, likewise"),
        ("status?", "active (when empty) or retired"),
    ),
    _table(
        "prices",
        LARGE_ROWS_MAX,
        "What a piece costs. Where periods overlap, the row with the latest beginning holds; a "
        "later row with the same beginning replaces the earlier one.",
        ("sku", "a SKU in `items`"),
        ("price", "for one piece, above 0"),
        ("currency?", _CURRENCY),
        ("price_list?", "`standard` when empty; 1 to 40 small letters, digits, _ or -"),
        ("valid_from?", "date (midnight in the retailer's zone) or time; empty = always"),
        ("valid_to?", "date or time from which it holds no more; empty = no end"),
    ),
    _table(
        "suppliers",
        SMALL_ROWS_MAX,
        "Who you buy from. The lead time, calendar days from order to receipt, is needed in one of "
        "two forms.",
        ("supplier_id", "1 to 40 letters, digits, . _ or -"),
        ("name", "at most 200 characters"),
        ("country", "ISO 3166-1 alpha-2 code"),
        ("currency?", _CURRENCY),
        ("lead_time_days?", "mean"),
        (
            "lead_time_spread_days?",
            "give or take, 0 when empty, at most the mean: the shares fall evenly to both sides, "
            "10 give or take 1 is 9, 10, 11 days at 25 %, 50 %, 25 %",
        ),
        ("lead_time_distribution?", "or days and shares, as in `transits`: `7:0.2;8:0.5;9:0.3`"),
        ("calendar_id?", "days on which they ship, an id in `calendars`; empty = any day"),
        ("gln?", _GLN),
    ),
    _table(
        "terms",
        LARGE_ROWS_MAX,
        "What an item costs from a supplier.",
        ("supplier_id", "an id in `suppliers`"),
        ("sku", "a SKU in `items`"),
        ("cost", "for one piece"),
        ("currency?", "ISO 4217 code; empty = the supplier's currency"),
        ("moq_each?", "smallest order in pieces; 1"),
        ("multiple_each?", "orders are whole multiples of it, the case pack; 1"),
        (
            "price_breaks?",
            "from so many pieces on, so much for each: `144:1.10;576:0.98`; rising quantities "
            "above moq_each, falling costs",
        ),
        ("lead_time_days?", "for this item, in place of the supplier's"),
        ("incoterm?", "rule of Incoterms 2020, such as FCA; with named_place or not at all"),
        ("named_place?", "where the incoterm applies"),
    ),
    _table(
        "stock",
        LARGE_ROWS_MAX,
        "Stock that is there when you begin. Booked once per SKU and node: later it is changed by "
        "counts and adjustments, and another quantity here is refused.",
        ("sku", "a SKU in `items`"),
        ("node_id", _NODE),
        ("quantity_each", "pieces, a whole number above 0"),
    ),
    _table(
        "channels",
        SMALL_ROWS_MAX,
        "How sales channels treat carts. A channel that is not listed holds nothing for a cart, "
        "and an untouched cart expires after 30 days.",
        ("channel", "as the shop names it: 1 to 40 printable characters, such as web"),
        (
            "hold_minutes?",
            "how long stock is held for a cart after each change of it, up to 1440; 0 = not at all",
        ),
        (
            "hold_minutes_max?",
            "how long one cart may hold in all, up to 1440; empty = three times hold_minutes. A "
            "cart that held so long holds again when it has left the stock to others for as long",
        ),
        ("hold_each_max?", "most pieces of one SKU that one cart holds; empty = what it wants"),
        ("cart_days?", "days after which an untouched cart expires, up to 400; 30"),
    ),
)

BY_NAME = {table.name: table for table in FORMATS}
