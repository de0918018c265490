"""A scenario that cannot be played is told what is wrong with it, before anything runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from entrepot.doors.folder.reader import read_folder
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.simulation.fitness import TOLD_OF_A_KIND_MAX, problems, require_fit
from entrepot.simulation.history import History
from entrepot.simulation.places import Places
from entrepot.simulation.retailer import Retailer
from tests.flows.loading import replace, without
from tests.simulation.scenario import SCENARIO

NODES = ("DAV", "DAR", "BRS", "LDS", "GLA", "VEN")
AUGUST = (datetime(2011, 8, 3, 23, tzinfo=UTC), datetime(2011, 8, 31, 23, tzinfo=UTC))
SKU = "85099B"  # the item sold most often in August
SUPPLIER = "anadolu-tekstil"  # who sells it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The scenario's files, without its history."""
    for file in SCENARIO.iterdir():
        if file.suffix in (".csv", ".toml"):
            shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture
def past(history: History, places: Places) -> Retailer:
    return Retailer(SCENARIO, history, places, "Europe/London", ())


def swap(name: str, old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: replace(folder, name, old, new)


def drop(name: str, *beginnings: str) -> Callable[[Path], None]:
    return lambda folder: without(folder, name, *beginnings)


def drop_all(*dropped: tuple[str, str]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for name, beginning in dropped:
            without(folder, name, beginning)

    return spoil


def cell(name: str, key: str, column: str, text: str) -> Callable[[Path], None]:
    """Another text in a column of the row that begins so; a column that is not there is added."""

    def change(folder: Path) -> None:
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        head = next(n for n, line in enumerate(lines) if not line.startswith("#"))
        columns = lines[head].split(",")
        if column not in columns:
            columns.append(column)
            lines[head:] = [f"{lines[head]},{column}", *(f"{line}," for line in lines[head + 1 :])]
        found = [n for n, line in enumerate(lines) if n > head and line.startswith(key)]
        assert found, f"{name} has no row {key!r}"
        for number in found:
            cells = lines[number].split(",")
            assert len(cells) == len(columns), lines[number]
            cells[columns.index(column)] = text
            lines[number] = ",".join(cells)
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    return change


def rows_of_zones(country: str, prefix: str = "") -> tuple[str, ...]:
    return tuple(f"{node},{country},{prefix}," for node in NODES)


# What is wrong, how it comes to be, what is said first, and in how many lines more.
WRONG: list[tuple[str, Callable[[Path], None], str, int]] = [
    (
        "a missing rate",
        drop("rates.csv", "albion-next-day,3,"),
        "transits.csv, line 11: zone: found no rate in GBP for albion-next-day to zone 3, expected "
        "one for every zone a service goes to; add it to rates",
        3,  # the times of the other pickup days
    ),
    (
        "a center without calendar",
        cell("nodes.csv", "GLA,", "calendar_id", ""),
        "nodes.csv, line 7: calendar_id: found nothing, expected a value; correct the cell",
        8,  # where services can be had, and zones: the first five and how many more
    ),
    (
        "a supplier without lead time",
        cell("suppliers.csv", "alderbrook-candles,", "lead_time_distribution", ""),
        "suppliers.csv, line 3: lead_time_days: found nothing, expected the days from order to "
        "receipt, here or as lead_time_distribution; correct the cell",
        6,  # its terms, likewise
    ),
    (
        "an item without weight",
        cell("items.csv", "10080,", "mass_g", ""),
        "items.csv, line 6: mass_g: found nothing, expected a value; correct the cell",
        2,  # its price and its terms
    ),
    (
        "a service that no center offers",
        drop("service_nodes.csv", "albion-next-day,"),
        "service_nodes.csv: found no open center that offers albion-next-day, expected one at "
        "least; add a row, or take the service out of services.csv",
        0,
    ),
    (
        "a service that goes nowhere",
        drop_all(("rates.csv", "albion-next-day,"), ("transits.csv", "albion-next-day,")),
        "rates.csv: found no zone to which albion-next-day goes, expected one at least; add its "
        "rates, and its times to transits.csv, or take it out of services.csv",
        0,
    ),
    (
        "no center that is open",
        cell("nodes.csv", "", "status", "closed"),
        "nodes.csv: found no open fulfillment_center, expected one at least; add it, or open one "
        "that is closed",
        4 + 6,  # services and countries
    ),
    (
        "a country that no zone reaches",
        drop("zones.csv", *rows_of_zones("AU")),
        "zones.csv: found no service that reaches AU, where 2 orders of these days go: all of it; "
        "expected a zone with rates and transit times; add the zone, or the rates of one of its "
        "services",
        0,
    ),
    (
        "an area that no zone reaches",
        drop("zones.csv", *rows_of_zones("GB"), *rows_of_zones("GB", "L")),
        "zones.csv: found no service that reaches GB, where 1,060 orders of these days go: L; "
        "expected a zone",
        0,
    ),
    (
        "an item that is sold but not there",
        drop_all(
            ("items.csv", f"{SKU},"),
            ("prices.csv", f"{SKU},"),
            ("terms.csv", f"{SUPPLIER},{SKU},"),
        ),
        f"items.csv: found no row of '{SKU}', which is sold 161 times in these days; expected one; "
        "add it",
        0,
    ),
    (
        "a retired item that is sold",
        cell("items.csv", f"{SKU},", "status", "retired"),
        f"items.csv: found '{SKU}' retired, although it is sold 161 times in these days; expected "
        "it to be active; correct its status",
        0,
    ),
    (
        "an item without a price",
        drop("prices.csv", f"{SKU},"),
        f"prices.csv: found no price of '{SKU}' in GBP that holds on 2011-08-04, when it is sold; "
        "expected one; add a row, or let one begin earlier",
        0,
    ),
    (
        "an item with a price in another currency",
        cell("prices.csv", f"{SKU},", "currency", "EUR"),
        f"prices.csv: found no price of '{SKU}' in GBP that holds on 2011-08-04",
        0,
    ),
    (
        "an item whose price ends too early",
        cell("prices.csv", f"{SKU},", "valid_to", "2011-08-20"),
        f"prices.csv: found no price of '{SKU}' in GBP that holds on 2011-08-21, when it is sold",
        0,
    ),
    (
        "an item without supplier",
        drop("terms.csv", f"{SUPPLIER},{SKU},"),
        f"terms.csv: found no supplier of '{SKU}', which is sold 161 times in these days; expected "
        "one at least; add a row",
        0,
    ),
    (
        "a supplier without terms",
        swap("suppliers.csv", f"\n{SUPPLIER},", f"\nnobody,Nobody,GB,GBP,2:1,\n{SUPPLIER},"),
        "terms.csv: found nothing that nobody sells, expected one item at least; add its terms, or "
        "take it out of suppliers.csv",
        0,
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[w[0] for w in WRONG])
def test_what_a_run_lacks_is_named(
    folder: Path, past: Retailer, wrong: tuple[str, Callable[[Path], None], str, int]
) -> None:
    _, spoil, said, more = wrong
    spoil(folder)
    found = problems(read_folder(folder), past, AUGUST)
    assert found, "nothing was found"
    assert found[0].startswith(said), found[0]
    assert len(found) == 1 + more, found
    with pytest.raises(UnusableFolder) as raised:
        require_fit(read_folder(folder), past, AUGUST)
    assert raised.value.problems == found


def test_the_scenario_itself_can_be_played_whole(folder: Path, past: Retailer) -> None:
    whole = (past.history.begins, past.history.ends)
    for window in (AUGUST, whole):
        require_fit(read_folder(folder), past, window)


def test_all_problems_are_told_at_once_and_many_alike_are_counted(
    folder: Path, past: Retailer
) -> None:
    (folder / "prices.csv").write_text("sku,price\n", encoding="utf-8")
    without(folder, "zones.csv", *rows_of_zones("AU"))
    without(folder, "service_nodes.csv", "albion-next-day,")
    found = problems(read_folder(folder), past, AUGUST)
    files = [problem.partition(":")[0] for problem in found]
    prices = ["prices.csv"] * (TOLD_OF_A_KIND_MAX + 1)
    assert files == ["service_nodes.csv", "zones.csv", *prices]
    assert re.fullmatch(r"prices\.csv: 2,\d\d\d more like these", found[-1])


def test_only_what_is_sold_in_the_window_counts(folder: Path, past: Retailer) -> None:
    without(folder, "prices.csv", f"{SKU},")
    night = (datetime(2011, 8, 29, 23, tzinfo=UTC), datetime(2011, 8, 30, 3, tzinfo=UTC))
    assert problems(read_folder(folder), past, night) == []
    assert problems(read_folder(folder), past, AUGUST)


def test_a_country_without_places_is_named(folder: Path, past: Retailer) -> None:
    elsewhere = Places([place for place in past.places.all if place.country != "AU"])
    found = problems(read_folder(folder), past._replace(places=elsewhere), AUGUST)
    assert found == [
        "places/places.csv: found no place in AU, where 2 orders of these days go; expected one at "
        "least; add one"
    ]


def test_a_folder_without_retailer_is_named(folder: Path, past: Retailer) -> None:
    (folder / "retailer.toml").unlink()
    with pytest.raises(UnusableFolder, match=r"retailer\.toml: found none, expected the company"):
        problems(read_folder(folder), past, AUGUST)
