"""Loading a folder, end to end on real PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import polars
import psycopg
import pytest

from entrepot.departments.catalog import service as catalog
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Adjustment
from entrepot.departments.network import decisions as network
from entrepot.departments.network import service as network_service
from entrepot.departments.pricing import service as pricing
from entrepot.doors.folder.example import write_example
from entrepot.flows.onboarding.rows import Report, Step
from entrepot.ground.database import Database
from entrepot.ground.events import drain
from tests.flows.loading import dump, load, replace, told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example that `entrepot new` writes."""
    write_example(tmp_path / "shop")
    return tmp_path / "shop"


def test_the_example_loads_without_a_refusal(database: Database, folder: Path) -> None:
    report, refused = load(database, folder)
    assert told(refused) == [] and report.notes == () and report.written
    assert all(file.accepted == file.read > 0 for file in report.files)
    assert len(report.files) == 17
    with database.transaction(read_only=True) as tx:
        shop = network_service.snapshot(tx)
        mug = catalog.read(tx, ["MUG-BLUE"])["MUG-BLUE"]
        prices = pricing.prices_at(tx, ["MUG-BLUE"], "EUR", tx.now)
        stock = {b.node: b.on_hand for b in inventory.balances(tx, ["MUG-BLUE"])}
    assert shop.retailer is not None and shop.retailer.service_level_ppm == 950_000
    assert (mug.mass_g, mug.case_each, prices["MUG-BLUE"].amount_minor) == (410, 36, 1_295)
    assert stock == {"LEJ": 87, "LYS": 9, "RTM": 131}
    zone = network.zone_for(shop, "RTM", "DE", "04109")
    assert zone == 2
    assert [s.service_id for s in network.services_for(shop, "RTM", zone)] == [
        "delta-parcel",
        "delta-saver",
        "north-next-day",
        "north-road",
    ]


def test_every_service_reaches_what_the_example_says(database: Database, folder: Path) -> None:
    load(database, folder)
    with database.transaction(read_only=True) as tx:
        shop = network_service.snapshot(tx)
    for (_, zone), services in shop.serving.items():
        for service in services:
            for weekday in service.pickup_days:
                shares = network.transit(shop, service.service_id, zone, weekday)
                assert shares and sum(share.ppm for share in shares) == 1_000_000
            heaviest = network.rate(shop, service.service_id, zone, service.max_mass_g, "EUR")
            assert heaviest and heaviest.cost_minor <= heaviest.price_minor


def test_loading_again_changes_nothing(
    database: Database, folder: Path, owner: psycopg.Connection
) -> None:
    load(database, folder)
    drain(database)
    before = dump(owner)
    report, refused = load(database, folder)
    assert told(refused) == []
    assert all(file.repeated == file.read for file in report.files)
    assert dump(owner) == before
    assert len(before["inventory.movement"]) == len(before["inventory.stock"]) == 34


def test_a_dry_run_says_what_a_load_does_and_writes_nothing(
    database: Database, folder: Path, owner: psycopg.Connection
) -> None:
    replace(folder, "items.csv", "PEN-BRASS,Brass pen", "PEN-BRASS,")
    before = dump(owner)
    dry, dry_refused = load(database, folder, dry_run=True)
    assert dump(owner) == before and not dry.written
    report, refused = load(database, folder)
    assert report == dry._replace(written=True)
    assert told(refused) == told(dry_refused) != []
    assert dump(owner) != before


def test_a_strict_load_with_a_refused_row_writes_nothing(
    database: Database, folder: Path, owner: psycopg.Connection
) -> None:
    replace(folder, "rates.csv", "delta-parcel,4,2000,18.15", "delta-parcel,4,2000,a lot")
    before = dump(owner)
    report, refused = load(database, folder, strict=True)
    assert refused and not report.written and dump(owner) == before
    replace(folder, "rates.csv", "a lot", "18.15")
    report, refused = load(database, folder, strict=True)
    assert not refused and report.written and dump(owner) != before


def test_one_file_alone_may_name_what_is_there(database: Database, folder: Path) -> None:
    load(database, folder)
    for file in folder.iterdir():
        if file.name not in ("prices.csv", "terms.csv", "stock.csv"):
            file.unlink()
    replace(folder, "prices.csv", "PEN-BRASS,29.00", "PEN-BRASS,31.00")
    report, refused = load(database, folder)
    assert told(refused) == []
    assert [(f.file, f.accepted) for f in report.files] == [
        ("prices.csv", 1),
        ("terms.csv", 0),
        ("stock.csv", 0),
    ]


def test_opening_stock_is_booked_once_and_never_over(database: Database, folder: Path) -> None:
    load(database, folder)
    lost = Adjustment("a", "me", "MUG-BLUE", "RTM", -31, "lost")
    database.run(lambda tx: inventory.adjust(tx, [lost]))
    load(database, folder)
    replace(folder, "stock.csv", "MUG-BLUE,RTM,131", "MUG-BLUE,RTM,200")
    _, refused = load(database, folder)
    assert len(refused) == 1
    assert "opening stock of 131 was booked before, found 200 now" in told(refused)[0]
    with database.transaction(read_only=True) as tx:
        stock = {b.node: b.on_hand for b in inventory.balances(tx, ["MUG-BLUE"])}
    assert stock["RTM"] == 100


def test_equal_rows_are_accepted_once_and_then_repeated(database: Database, folder: Path) -> None:
    with (folder / "stock.csv").open("a") as file:
        file.write("MUG-BLUE,RTM,131\n")
    report, refused = load(database, folder)
    assert told(refused) == []
    assert ("stock.csv", 35, 34, 1, 0) in report.files
    with database.transaction(read_only=True) as tx:
        assert sum(b.on_hand for b in inventory.balances(tx, ["MUG-BLUE"])) == 227


def many(folder: Path, count: int) -> None:
    """A catalog of several batches, with prices and stock."""
    numbers = range(count)
    skus = [f"SKU-{n:05d}" for n in numbers]
    polars.DataFrame(
        {
            "sku": skus,
            "name": skus,
            "category": ["Test"] * count,
            **{
                measure: [1 + n % 50 for n in numbers]
                for measure in ("mass_g", "length_mm", "width_mm", "height_mm")
            },
        }
    ).write_parquet(folder / "items.parquet")
    polars.DataFrame({"sku": skus, "price": ["9.99"] * count}).write_csv(folder / "prices.csv")
    polars.DataFrame(
        {"sku": skus, "node_id": ["RTM"] * count, "quantity_each": [5] * count}
    ).write_csv(folder / "stock.csv")
    for name in ("items.csv", "terms.csv"):
        (folder / name).unlink()


class _StopAfter:
    """Interrupts the load at its n-th step, as Ctrl-C between two batches does."""

    def __init__(self, phase: str, file: str, rows: int) -> None:
        self._at = (phase, file, rows)

    def __call__(self, step: Step) -> None:
        if (step.phase, step.file, step.rows_done) == self._at:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("at", "left"),
    [
        (("checking", "stock.csv", 3_000), (0, 0, 0)),
        (("writing", "items.parquet", 2_000), (2_000, 0, 0)),
        (("writing", "stock.csv", 1_000), (3_500, 3_500, 1_000)),
    ],
)
def test_an_interrupted_load_leaves_whole_batches_and_goes_on_later(
    database: Database,
    folder: Path,
    owner: psycopg.Connection,
    at: tuple[str, str, int],
    left: tuple[int, int, int],
) -> None:
    many(folder, 3_500)
    with pytest.raises(KeyboardInterrupt):
        load(database, folder, progress=_StopAfter(*at))
    kept = dump(owner)
    assert (
        tuple(len(kept[table]) for table in ("catalog.item", "pricing.price", "inventory.stock"))
        == left
    )
    assert len(kept["inventory.movement"]) == left[2]
    report, refused = load(database, folder)
    assert told(refused) == []
    repeated = {file.file: file.repeated for file in report.files}
    assert tuple(repeated[f] for f in ("items.parquet", "prices.csv", "stock.csv")) == left
    final = dump(owner)
    assert {len(final[t]) for t in ("catalog.item", "pricing.price", "inventory.stock")} == {3_500}


def test_an_interrupted_dry_run_leaves_nothing(
    database: Database, folder: Path, owner: psycopg.Connection
) -> None:
    many(folder, 2_500)
    before = dump(owner)
    with pytest.raises(KeyboardInterrupt):
        load(database, folder, dry_run=True, progress=_StopAfter("writing", "stock.csv", 2_000))
    assert dump(owner) == before


def test_progress_counts_the_rows_of_every_large_file(database: Database, folder: Path) -> None:
    many(folder, 2_500)
    steps: list[Step] = []
    load(database, folder, progress=steps.append)
    assert [s for s in steps if s.file == "items.parquet"] == [
        Step("checking", "items.parquet", 1_000, None),
        Step("checking", "items.parquet", 2_000, None),
        Step("checking", "items.parquet", 2_500, None),
        Step("writing", "items.parquet", 1_000, 2_500),
        Step("writing", "items.parquet", 2_000, 2_500),
        Step("writing", "items.parquet", 2_500, 2_500),
    ]


def test_two_loads_at_once_end_as_one(
    database: Database, folder: Path, owner: psycopg.Connection
) -> None:
    barrier = threading.Barrier(3)
    reports: list[Report] = []

    def work() -> None:
        barrier.wait()
        reports.append(load(database, folder)[0])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.refused for report in reports] == [0, 0, 0]
    accepted = sum(file.accepted for report in reports for file in report.files)
    assert accepted == sum(file.read for file in reports[0].files)
    kept = dump(owner)
    assert len(kept["inventory.movement"]) == 34
    assert len(kept["pricing.price"]) == 13
