"""The scenario uk-gifts: its files are the generator's, load whole, and reach everybody."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import OpeningStock
from entrepot.departments.network import service as network_service
from entrepot.flows.order_to_delivery.model import Ask, AskedLine, Quoted, ShipTo
from entrepot.flows.order_to_delivery.quote import quote
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from entrepot.simulation.addresses import postal_code
from entrepot.simulation.draws import draw
from entrepot.simulation.history import History
from entrepot.simulation.places import Places
from entrepot.words.outcome import Refusal
from tests.builders import SIGNING_KEY
from tests.flows.loading import load, told
from tests.house.tree import ROOT
from tests.simulation.scenario import SCENARIO, SEED

TABLES = (
    *("areas", "calendars", "carbon", "carriers", "items", "nodes", "prices", "rates"),
    *("service_nodes", "services", "suppliers", "terms", "transits", "zones"),
)
WEDNESDAY = datetime(2011, 8, 3, 9, 0, tzinfo=UTC)
MUG, STAND = "85123A", "22423"


def table(name: str) -> pl.DataFrame:
    return pl.read_csv(SCENARIO / f"{name}.csv", comment_prefix="#", infer_schema=False)


def test_the_files_are_those_that_the_generator_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(SCENARIO / "make.py"), str(tmp_path)], check=True)
    written = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert set(written) == {"retailer.toml", *(f"{name}.csv" for name in TABLES)}
    other = [name for name, text in written.items() if (SCENARIO / name).read_bytes() != text]
    assert not other, f"run: python scenarios/uk-gifts/make.py; {other} differ"


def test_items_are_the_goods_that_were_sold(history: History) -> None:
    items, prices, terms = table("items"), table("prices"), table("terms")
    skus = set(items["sku"])
    assert set(history.sales.sku_values) <= skus
    assert len(skus) == items.height == 4_632
    assert set(prices["sku"]) == set(terms["sku"]) == skus and terms.height == items.height
    mass_g = items["mass_g"].cast(pl.Int64)
    assert (mass_g.min(), mass_g.max()) == (8, 12_982)
    assert 100 < mass_g.median() < 300  # type: ignore[operator]
    assert not items["name"].str.contains(r"(?i)damage|^\?|^found|^check|voucher|postage").any()
    case_each, moq_each = (terms[c].cast(pl.Int64) for c in ("multiple_each", "moq_each"))
    assert (moq_each % case_each == 0).all()
    assert table("suppliers").height == 40


def test_costs_are_below_prices() -> None:
    highest = table("prices").group_by("sku").agg(pl.col("price").cast(pl.Float64).max())
    found = table("terms").join(highest, on="sku").with_columns(pl.col("cost").cast(pl.Float64))
    # Up to 60 %, rounded to a penny and at least one.
    assert found.filter(pl.col("cost") > pl.col("price") * 0.6 + 0.01).is_empty()
    assert found.filter(pl.col("price") >= 0.05, pl.col("cost") >= pl.col("price")).is_empty()


def test_three_of_four_lines_were_sold_at_the_price_in_force(history: History) -> None:
    """The others at the lower price for many pieces, or the higher one of the web shop."""
    day = pl.col("valid_from").str.to_date(strict=False).fill_null(pl.date(1970, 1, 1))
    prices = table("prices").select("sku", day.alias("on"), _pence("price").alias("listed"))
    sales = history.sales
    at_us = sales.at_us.repeat(sales.starts[1:] - sales.starts[:-1])
    lines = pl.DataFrame(
        {
            "sku": [sales.sku_values[n] for n in sales.skus],
            "on": pl.Series(at_us).cast(pl.Datetime("us")).dt.date(),
            "paid": sales.unit_prices,
            "each": sales.quantities,
        }
    )
    joined = lines.sort("on").join_asof(
        prices.sort("on"), on="on", by="sku", check_sortedness=False
    )
    assert joined["listed"].null_count() == 0
    assert (
        round(100 * joined.filter(pl.col("paid") == pl.col("listed")).height / lines.height) == 76
    )
    paid, listed = ((joined[column] * joined["each"]).sum() for column in ("paid", "listed"))
    assert round(100 * listed / paid) == 109


def _pence(column: str) -> pl.Expr:
    return pl.col(column).str.replace(".", "", literal=True).cast(pl.Int64)


@pytest.fixture
def stocked(database_on: Callable[[Clock], Database]) -> Database:
    """The scenario loaded on a Wednesday of August 2011, with two items at every center."""
    database = database_on(VirtualClock(WEDNESDAY, seed=1))
    report, refused = load(database, SCENARIO)
    assert told(refused) == [] and report.notes == () and report.written
    assert {file.file for file in report.files} == {
        "retailer.toml",
        *(f"{name}.csv" for name in TABLES),
    }
    assert all(file.accepted == file.read > 0 for file in report.files)

    def work(tx: object) -> None:
        opening = [
            OpeningStock(f"open-{sku}-{node}", "test", sku, node, 5_000)
            for sku in (MUG, STAND)
            for node in table("nodes")["node_id"]
        ]
        answers = inventory.record_opening(tx, opening)  # type: ignore[arg-type]
        assert not any(isinstance(answer, Refusal) for answer in answers)

    database.run(work)
    return database


def test_it_loads_whole_and_reaches_everybody(
    stocked: Database, history: History, places: Places
) -> None:
    """One load for all destinations: it takes seconds."""
    sold_to = {c for c in history.sales.country_values if isinstance(c, str)}
    assert len(sold_to) == 42
    destinations = [
        ShipTo(place.country, postal_code(place, draw(SEED, place.geoname_id)))
        for place in places.all
    ]
    assert sold_to <= {d.country for d in destinations}
    destinations += [ShipTo("GB", code) for code in ("PA34 4CK", "PH33 6CK", "TR21 0CK")]
    small = (AskedLine(MUG, 6), AskedLine(STAND, 1))
    with stocked.transaction(read_only=True) as tx:
        answers = quote(tx, [Ask(small, d, "GBP") for d in destinations], SIGNING_KEY)
        network = network_service.snapshot(tx)
    for destination, answer in zip(destinations, answers, strict=True):
        assert isinstance(answer, Quoted), (destination, answer)
        assert len(answer.options) >= 2, (destination, answer.options)
        services = {box.service for option in answer.options for box in option.boxes}
        assert len(services) >= 2 and all(option.grams_co2e > 0 for option in answer.options)
    heavy = Ask((AskedLine(STAND, 2_000),), ShipTo("GB", "M11 1CK"), "GBP")
    with stocked.transaction(read_only=True) as tx:
        (answer,) = quote(tx, [heavy], SIGNING_KEY)
    assert isinstance(answer, Quoted)
    services = {box.service for option in answer.options for box in option.boxes}
    assert "ironbridge-pallet" in services
    for country in sold_to:
        zones = {
            (node, rule.zone)
            for (node, to, _), rule in network.zones.items()
            if to == country and network.serving.get((node, rule.zone))
        }
        assert len({node for node, _ in zones}) >= 2, country


def test_what_is_real_and_what_is_invented_is_said() -> None:
    readme = (SCENARIO / "README.md").read_text(encoding="utf-8")
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for text in (readme, notice):
        assert "10.24432/C5CG6D" in text and "CC BY 4.0" in text and "GeoNames" in text
    assert "Open Government Licence" in readme
    codes = tomllib.loads((SCENARIO / "history" / "history.toml").read_text(encoding="utf-8"))
    for code in codes["not_goods"]:
        assert f"`{code}`" in readme, code
    mentioned = set(re.findall(r"`((?:making|rules|places|history)/[\w./]+)`", readme))
    assert mentioned and all((SCENARIO / name).exists() for name in mentioned)
