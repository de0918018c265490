"""What is wrong with a folder is refused by row, in words; the rest goes in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from entrepot.doors.folder.example import write_example
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.ground.database import Database
from tests.flows.loading import dump, load, replace, told, without

ITEM_HEAD = "sku,name,category,mass_g,length_mm,width_mm,height_mm,gtin\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example that `entrepot new` writes."""
    write_example(tmp_path / "shop")
    return tmp_path / "shop"


def swap(name: str, old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: replace(folder, name, old, new)


def drop(name: str, *beginnings: str) -> Callable[[Path], None]:
    return lambda folder: without(folder, name, *beginnings)


# What is wrong with the example, the file and the words of its first refusal, and how many there
# are: rows that build on a refused row are refused with it.
WRONG: list[tuple[str, Callable[[Path], None], str, str, int]] = [
    (
        "a node without calendar",
        swap("nodes.csv", "Europe/Paris,shop-fr", "Europe/Paris,"),
        "nodes.csv:5",
        "calendar_id: found nothing, expected a value",
        1 + 1 + 1 + 10,  # node, service_nodes, zones, stock
    ),
    (
        "a node with an unknown calendar",
        swap("nodes.csv", "Europe/Paris,shop-fr", "Europe/Paris,shop"),
        "nodes.csv:5",
        "calendar_id: found 'shop', expected the id of a known calendar",
        13,
    ),
    (
        "a service without a rate for a zone it goes to",
        drop("rates.csv", "north-road,3,"),
        "transits.csv:13",
        "zone: found no rate in EUR for north-road to zone 3",
        1,
    ),
    (
        "a rate without a transit time",
        drop("transits.csv", "north-road,3,"),
        "rates.csv:36",
        "zone: found no transit time of north-road to zone 3",
        4,
    ),
    (
        "a pickup day without a transit time",
        swap("transits.csv", "north-next-day,1,any", "north-next-day,1,mon"),
        "transits.csv:14",
        "no transit time of north-next-day to zone 1 for pickups on tue, wed, thu, fri",
        2 + 3,  # transits and rates
    ),
    (
        "a zone no service reaches",
        swap("zones.csv", "any,ES,07,4", "any,ES,07,9"),
        "zones.csv:25",
        "zone: found zone 9, which no service reaches from any",
        1,
    ),
    (
        "a transit time that does not sum to one",
        swap("transits.csv", "1:0.82;2:0.14", "1:0.82;2:0.15"),
        "transits.csv:4",
        "distribution: found 'shares that sum to 1.010000', expected positive shares",
        1 + 4 + 0,  # and its rates
    ),
    (
        "a rate card that ends too early",
        drop("rates.csv", "delta-saver,2,20000"),
        "rates.csv:22",
        "expected steps up to the service's heaviest parcel of 20000 g",
        2 + 1,  # and its transit time
    ),
    (
        "a service of an unknown carrier",
        swap("carriers.csv", "north-express,", "north,"),
        "services.csv:5",
        "carrier_id: found 'north-express', expected the id of a known carrier",
        2 + 5 + 7 + 21 + 6,  # services, service_nodes, transits, rates, carbon
    ),
    (
        "an item without mass",
        swap("items.csv", "Stationery/Pens,65", "Stationery/Pens,"),
        "items.csv:15",
        "mass_g: found nothing, expected a value",
        1 + 1 + 1 + 3,  # item, price, terms, stock
    ),
    (
        "an item of no mass",
        swap("items.csv", "Stationery/Pens,65", "Stationery/Pens,0"),
        "items.csv:15",
        "mass_g: found 0, expected 1 to",
        6,
    ),
    (
        "a GTIN that is another item's",
        swap("items.csv", "2000000000121", "2000000000114"),
        "items.csv:15",
        "gtin: found 2000000000114, which is the GTIN of NOTEBOOK-A5",
        6,
    ),
    (
        "a GTIN with a wrong check digit",
        swap("items.csv", "2000000000121", "2000000000122"),
        "items.csv:15",
        "ending in the check digit 1",
        6,
    ),
    (
        "a price of an unknown item",
        swap("prices.csv", "PEN-BRASS", "PEN-GOLD"),
        "prices.csv:14",
        "sku: found 'PEN-GOLD', which is not in the catalog",
        1,
    ),
    (
        "a price that is no price",
        swap("prices.csv", "PEN-BRASS,29.00", "PEN-BRASS,€29"),
        "prices.csv:14",
        "price: found '€29', expected an amount",
        1,
    ),
    (
        "a price of zero",
        swap("prices.csv", "PEN-BRASS,29.00", "PEN-BRASS,0.00"),
        "prices.csv:14",
        "amount_minor: found 0, expected 1 to",
        1,
    ),
    (
        "a date that is none",
        swap("prices.csv", "2026-11-01", "2026-11-31"),
        "prices.csv:15",
        "valid_from: found '2026-11-31', expected a date",
        1,
    ),
    (
        "a supplier without lead time",
        swap("suppliers.csv", "EUR,14,4", "EUR,,"),
        "suppliers.csv:3",
        "lead_time_days: found nothing, expected the days from order to receipt",
        1 + 6,  # and its terms
    ),
    (
        "a lead time that does not sum to one",
        swap("suppliers.csv", "75:0.05", "75:0.5"),
        "suppliers.csv:4",
        "lead_time: found 'shares that sum to 1.450000'",
        7,
    ),
    (
        "terms with an unknown supplier",
        swap("terms.csv", "atelier-porto,MUG-BLUE", "atelier-lisboa,MUG-BLUE"),
        "terms.csv:4",
        "supplier_id: found 'atelier-lisboa', expected the id of a known supplier",
        1,
    ),
    (
        "stock at an unknown node",
        swap("stock.csv", "MUG-BLUE,RTM", "MUG-BLUE,AMS"),
        "stock.csv:3",
        "node_id: found 'AMS', expected the id of a known node",
        1,
    ),
    (
        "half a piece",
        swap("stock.csv", "MUG-BLUE,RTM,131", "MUG-BLUE,RTM,131.5"),
        "stock.csv:3",
        "quantity_each: found '131.5', expected a whole number of pieces",
        1,
    ),
    (
        "less than nothing",
        swap("stock.csv", "MUG-BLUE,RTM,131", "MUG-BLUE,RTM,-1"),
        "stock.csv:3",
        "quantity_each: found '-1'",
        1,
    ),
    (
        "a channel that may hold less in all than after one change",
        swap("channels.csv", "web,10,30,", "web,10,5,"),
        "channels.csv:3",
        "hold_minutes_max: found 5, expected 10 to 1440",
        1,
    ),
    (
        "two rows that disagree",
        swap("stock.csv", "MUG-BLUE,LEJ,87", "MUG-BLUE,RTM,87"),
        "stock.csv:4",
        "'MUG-BLUE/RTM': found other values in line 3, expected one row",
        1,
    ),
    (
        "a row that is too short",
        swap("areas.csv", "AT,10,Vienna,48.2085,", "AT,10,Vienna,"),
        "areas.csv:11",
        "row: found 5 cells, expected 6",
        1,
    ),
]


@pytest.mark.parametrize(
    ("spoil", "place", "said", "count"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG]
)
def test_what_is_wrong_is_refused_by_row_in_words_and_the_rest_goes_in(
    database: Database,
    folder: Path,
    spoil: Callable[[Path], None],
    place: str,
    said: str,
    count: int,
) -> None:
    spoil(folder)
    report, refused = load(database, folder)
    assert told(refused)[0].startswith(f"{place}: "), told(refused)
    assert said in told(refused)[0]
    assert len(refused) == count, told(refused)
    accepted = sum(file.accepted for file in report.files)
    assert accepted == sum(file.read for file in report.files) - count
    again, refused_again = load(database, folder)
    assert told(refused_again) == told(refused)
    assert sum(file.accepted for file in again.files) == 0


def test_corrected_rows_go_in_with_the_next_load(database: Database, folder: Path) -> None:
    without(folder, "rates.csv", "north-road,3,")
    _, refused = load(database, folder)
    assert len(refused) == 1
    (folder / "rates.csv").write_text("service_id,zone,up_to_g,price\nnorth-road,3,31500,30\n")
    report, refused = load(database, folder)
    assert told(refused) == []
    accepted = {file.file: file.accepted for file in report.files if file.accepted}
    assert accepted == {"transits.csv": 1, "rates.csv": 1}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"EUR"', '"EURO"', "currency: found 'EURO'"),
        ('"Europe/Amsterdam"', '"Amsterdam"', "time_zone: found 'Amsterdam'"),
        ("0.95", "1", "service_level_ppm: found 1000000"),
        ('"NL"', '"Nederland"', "country: found 'Nederland'"),
    ],
)
def test_nothing_is_loaded_for_a_retailer_that_makes_no_sense(
    database: Database, folder: Path, owner: psycopg.Connection, old: str, new: str, said: str
) -> None:
    replace(folder, "retailer.toml", old, new)
    before = dump(owner)
    with pytest.raises(UnusableFolder, match=f"retailer.toml: {said}"):
        load(database, folder)
    assert dump(owner) == before


def test_a_file_that_turns_out_broken_stops_the_load_before_it_writes(
    database: Database, folder: Path, owner: psycopg.Connection
) -> None:
    with (folder / "stock.csv").open("ab") as file:
        file.write(b"MUG-\xfcber,RTM,1\n")
    before = dump(owner)
    with pytest.raises(UnusableFolder, match=r"stock.csv, line 37: found the byte 0xFC"):
        load(database, folder)
    assert dump(owner) == before


def test_without_a_retailer_nothing_can_be_loaded(database: Database, folder: Path) -> None:
    (folder / "retailer.toml").unlink()
    with pytest.raises(UnusableFolder, match=r"retailer.toml: found none"):
        load(database, folder)


def test_a_gtin_of_an_item_loaded_earlier_is_refused(database: Database, folder: Path) -> None:
    load(database, folder)
    (folder / "items.csv").write_text(f"{ITEM_HEAD}NEW,New,New,1,1,1,1,2000000000121\n")
    _, refused = load(database, folder)
    assert "gtin: found 2000000000121, which is the GTIN of PEN-BRASS" in told(refused)[0]


def test_a_cell_no_database_could_hold_is_refused(database: Database, folder: Path) -> None:
    with (folder / "prices.csv").open("a") as file:
        file.write("NUL\0,5.00,,\n")
    _, refused = load(database, folder)
    assert told(refused) == [
        "prices.csv:16: sku: found 'NUL\\x00', expected printable characters; correct the cell"
    ]


def test_notes_tell_what_is_seldom_meant(database: Database, folder: Path) -> None:
    without(folder, "service_nodes.csv", "delta-saver", "delta-parcel", "north-next-day,LYS")
    without(folder, "zones.csv", "LYS,", "any,ES,", "any,FR,20")
    report, refused = load(database, folder)
    assert told(refused) == []
    assert report.notes == (
        "service delta-parcel can be had at no node: name one in service_nodes",
        "service delta-saver can be had at no node: name one in service_nodes",
        "node LYS ships nothing: no service can be had there",
    )
