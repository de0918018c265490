"""Where each buyer lives: one made-up address in the right country, the same in every run.

A buyer is a customer, or an invoice that names none. People, streets and house numbers are
invented; towns are real, and are drawn by the people who live there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from entrepot.simulation.draws import below, draw, weighted
from entrepot.simulation.places import Place, Places

HOUSE_NUMBERS = 180
DIGITS = "0123456789"
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
# Postcodes of GB do not end in these, so that no made-up one is anybody's.
# Source: Royal Mail, programmer's guide to PAF, the letters left out of the inward code.
LETTERS_OF_NOBODY = "CIKMOV"

_MADE = re.compile(r"#|@|\{(\d+)-(\d+)\}")

_GIVEN_NAMES = (
    "Ada Albert Alice Amir Anna Arthur Bella Carl Cora Dana David Edith Elias Ella Emil Eva Felix "
    "Flora Frank Grace Hanna Hugo Ida Ivan Jane Jonas Julia Karim Kate Lara Leo Lily Lucas Maria "
    "Martin Mila Nadia Noah Nora Oscar Paula Peter Rosa Ruth Sam Sara Simon Sofia Tara Theo Tom "
    "Vera Victor Yara Zoe"
)
_SURNAMES = (
    "Adler Alder Ashby Barrow Bell Birch Bishop Brook Carver Castle Chandler Clay Cooper Cross "
    "Dale Draper Ellis Farrow Field Fisher Fletcher Forrest Frost Gardner Glover Grove Harper "
    "Hart Hayward Heath Hill Holt Hooper Lake Lark Linden Marsh Mason Mercer Miller Moss North "
    "Page Parker Pike Porter Potter Rivers Rowe Sadler Sawyer Shore Snow Stone Tanner Thorne "
    "Turner Wade Weaver West Winter Wood Wren Yates"
)
_STREETS = (
    "Abbey Road|Acre Lane|Alder Close|Bank Street|Beech Avenue|Bridge Street|Castle Street|"
    "Cedar Drive|Chapel Lane|Church Road|Elm Grove|Field View|Foundry Lane|Garden Street|"
    "Green Lane|Hazel Way|Hill Rise|Kiln Lane|Lime Avenue|Market Place|Meadow Road|Mill Lane|"
    "North Parade|Oak Street|Orchard Way|Park Road|Pond Lane|Quarry Road|River Walk|School Lane|"
    "South Street|Spring Gardens|Station Road|Tower Hill|Union Street|Wharf Road|Willow Court"
)
GIVEN_NAMES = tuple(_GIVEN_NAMES.split())
SURNAMES = tuple(_SURNAMES.split())
STREETS = tuple(_STREETS.split("|"))


class Address(NamedTuple):
    """A buyer's address; all of it made up but for town and country.

    place  the town's position in `Places.all`
    """

    name: str
    street: str
    city: str
    postal_code: str
    country: str
    place: int


def buyer_of(customer: int | None, invoice: str) -> str:
    """Who bought: the customer, or where none is named the invoice itself."""
    return f"invoice {invoice}" if customer is None else f"customer {customer}"


def country_of(places: Places, seed: int, buyer: str, codes: Sequence[str]) -> str:
    """The country a buyer lives in, of those that are possible, by their people."""
    if len(codes) == 1:
        return codes[0]
    people = [places.people(code) for code in codes]
    sums = [sum(people[: n + 1]) for n in range(len(people))]
    return codes[weighted(draw(seed, buyer, "country"), sums)]


def place_of(places: Places, seed: int, buyer: str, country: str) -> int:
    """The town a buyer lives in, as its position in `Places.all`."""
    at = weighted(draw(seed, buyer, "place", country), places.sums[country])
    return places.numbers[country][at]


def address_of(places: Places, seed: int, buyer: str, country: str) -> Address:
    """The buyer's one address in a country.

    buyer    as `buyer_of` gives it
    country  ISO code, one that `places` has
    """

    def one_of(choices: Sequence[str], what: str) -> str:
        return choices[below(draw(seed, buyer, what), len(choices))]

    number = place_of(places, seed, buyer, country)
    place = places.all[number]
    house = 1 + below(draw(seed, buyer, "house"), HOUSE_NUMBERS)
    return Address(
        name=f"{one_of(GIVEN_NAMES, 'given name')} {one_of(SURNAMES, 'surname')}",
        street=f"{house} {one_of(STREETS, 'street')}",
        city=place.name,
        postal_code=postal_code(place, draw(seed, buyer, "postal code")),
        country=country,
        place=number,
    )


def postal_code(place: Place, drawn: int) -> str:
    """A postal code of a place in the form its country uses; '' where there are none."""
    letters = LETTERS_OF_NOBODY if place.country == "GB" else LETTERS
    left = drawn

    def made(match: re.Match[str]) -> str:
        nonlocal left
        if match[0] in "#@":
            choices = DIGITS if match[0] == "#" else letters
            left, which = divmod(left, len(choices))
            return choices[which]
        low, high = int(match[1]), int(match[2])
        left, which = divmod(left, high - low + 1)
        return str(low + which)

    return _MADE.sub(made, place.postal_form)
