"""Importing order history: what is accepted, repeated and refused."""

from __future__ import annotations

import csv
import threading
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.departments.ordering import service as ordering
from entrepot.flows.onboarding.rows import Step
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database
from entrepot.words.identifiers import parse_sku
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import SIGNING_KEY, SKUS, a_catalog, a_retailer, an_order
from tests.house.tree import ROOT
from tests.integration.onboarding.histories import AT, history, row, run, write

DATA = ROOT / "tests" / "data"
EXTRACT = DATA / "online_retail_ii_extract.csv"


def test_rows_become_orders(shop: Database, file: Path) -> None:
    rows = [
        row("1", "A", 6),
        row("1", "B", "12.000", price="0.5"),
        row("2", "A", 1, customer="", country="FR", at="2010-12-01T09:00:00+01:00"),
    ]
    done = run(shop, write(file, rows))
    assert done.counts == (3, 0, 0)
    assert history(shop) == {
        "1": (
            "17850",
            "GB",
            "GBP",
            datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
            [("A", 6, 255), ("B", 12, 50)],
        ),
        "2": (None, "FR", "GBP", datetime(2010, 12, 1, 8, tzinfo=UTC), [("A", 1, 255)]),
    }
    assert done.report.orders_accepted == 2 and done.report.written


BAD_ROWS: list[tuple[dict[str, str], RefusalCode, str]] = [
    ({"sku": "Z"}, RefusalCode.unknown_sku, "load the catalog first"),
    ({"sku": "*"}, RefusalCode.bad_identifier, "StockCode: found '*'"),
    ({"sku": ""}, RefusalCode.missing_value, "StockCode: found nothing"),
    ({"order_id": ""}, RefusalCode.missing_value, "Invoice: found nothing"),
    ({"order_id": "9" * 65}, RefusalCode.bad_identifier, "at most 64"),
    ({"quantity": "-1"}, RefusalCode.bad_quantity, "returns are imported with returns"),
    ({"quantity": "0"}, RefusalCode.bad_quantity, "from 1 to 1000000000"),
    ({"quantity": "1.5"}, RefusalCode.bad_quantity, "pieces cannot be divided"),
    ({"quantity": "1000000001"}, RefusalCode.bad_quantity, "from 1 to 1000000000"),
    ({"quantity": "a few"}, RefusalCode.bad_quantity, "digits only"),
    ({"quantity": ""}, RefusalCode.missing_value, "Quantity: found nothing"),
    ({"price": "abc"}, RefusalCode.bad_price, "Price: found 'abc'"),
    ({"price": "-2.55"}, RefusalCode.bad_price, "Price: found '-2.55'"),
    ({"price": "0.001"}, RefusalCode.bad_price, "nothing is rounded here"),
    ({"price": "0"}, RefusalCode.bad_price, "free_lines = true"),
    ({"price": ""}, RefusalCode.missing_value, "Price: found nothing"),
    ({"at": "12/1/2010 8:26"}, RefusalCode.bad_date, "[placed_at] format"),
    ({"at": "0210-12-01"}, RefusalCode.bad_date, "from 1970 until now"),
    ({"at": "2110-12-01"}, RefusalCode.bad_date, "from 1970 until now"),
    ({"at": ""}, RefusalCode.missing_value, "InvoiceDate: found nothing"),
    ({"country": "EIRE"}, RefusalCode.bad_country, '[countries] "EIRE" = '),
    ({"country": ""}, RefusalCode.missing_value, "Country: found nothing"),
    ({"customer": "a@b.example"}, RefusalCode.bad_identifier, "found an address"),
    ({"customer": "1,2"}, RefusalCode.bad_value, "found 8 cells, expected 7"),
]


def test_a_bad_row_is_refused_in_words_and_the_rest_of_its_order_taken(
    shop: Database, file: Path
) -> None:
    rows = []
    for number, (changes, _, _) in enumerate(BAD_ROWS):
        order_id = f"B{number}"
        bad = row(**{"order_id": order_id, "sku": "B", **changes})
        rows += [row(order_id, "A"), bad, row(order_id, "C")]
    done = run(shop, write(file, rows))
    assert done.counts == (2 * len(BAD_ROWS), 0, len(BAD_ROWS))
    for number, ((_, code, words), refused) in enumerate(zip(BAD_ROWS, done.refused, strict=True)):
        line, found, message = refused
        assert (line, found) == (3 * number + 3, code) and words in message
    assert {tuple(line[0] for line in order[-1]) for order in history(shop).values()} == {
        ("A", "C")
    }
    again = run(shop, file)
    assert again.counts == (0, 2 * len(BAD_ROWS), len(BAD_ROWS)) and again.refused == done.refused


def test_an_order_of_bad_rows_only_is_no_order(shop: Database, file: Path) -> None:
    done = run(shop, write(file, [row("C1", "A", -1), row("C1", "B", -2)]))
    assert done.counts == (0, 0, 2) and history(shop) == {}


def test_equal_lines_inside_one_order_are_separate_lines(shop: Database, file: Path) -> None:
    rows = [row("1", "A"), row("1", "A"), row("1", "B"), row("2", "A", 8), row("2", "A", 8)]
    done = run(shop, write(file, rows))
    assert done.counts == (5, 0, 0)
    assert history(shop)["2"][-1] == [("A", 8, 255)] * 2
    assert run(shop, file).counts == (0, 5, 0)


def test_rows_of_one_order_may_lie_apart(shop: Database, file: Path) -> None:
    rows = [row("1", "A"), row("2", "C"), row("1", "B", at="2010-12-01 08:27:00")]
    assert run(shop, write(file, rows)).counts == (3, 0, 0)
    order = history(shop)["1"]
    assert order[-1] == [("A", 1, 255), ("B", 1, 255)]
    assert order[3] == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


FIRST = [row("1", "A"), row("1", "B"), row("1", "B")]


@pytest.mark.parametrize(
    "rows",
    [
        [*FIRST, row("2", "C"), *FIRST],  # apart
        [*FIRST, *FIRST, row("2", "C")],  # one after the other
        [FIRST[0], FIRST[0], FIRST[1], FIRST[1], row("2", "C"), FIRST[2], FIRST[2]],  # mixed
        [*FIRST, row("2", "C"), *FIRST[::-1]],  # in another order
    ],
)
def test_an_order_that_arrives_again_as_a_whole_is_repeated(
    shop: Database, file: Path, rows: list[tuple[object, ...]]
) -> None:
    assert run(shop, write(file, rows)).counts == (4, 3, 0)
    assert sorted(history(shop)["1"][-1]) == [("A", 1, 255), ("B", 1, 255), ("B", 1, 255)]
    assert run(shop, file).counts == (0, 7, 0)


def test_orders_of_one_line_go_with_their_neighbors(shop: Database, file: Path) -> None:
    twice = [row("1", "A"), row("1", "B")] * 2 + [row("2", "C")] * 2 + [row("3", "D")] * 2
    once = [row("4", "A"), row("4", "B"), row("5", "E"), row("5", "E"), row("6", "F")]
    assert run(shop, write(file, twice + once)).counts == (9, 4, 0)
    lines = {order_id: len(order[-1]) for order_id, order in history(shop).items()}
    assert lines == {"1": 2, "2": 1, "3": 1, "4": 2, "5": 2, "6": 1}


def test_bad_rows_of_both_arrivals_are_refused(shop: Database, file: Path) -> None:
    arrival = [row("1", "A"), row("1", "A"), row("1", "POST")]
    done = run(shop, write(file, [*arrival, *arrival]))
    assert done.counts == (2, 2, 2)
    assert history(shop)["1"][-1] == [("A", 1, 255)] * 2


def test_an_order_that_comes_in_a_later_file_is_repeated_in_any_order_of_rows(
    shop: Database, file: Path
) -> None:
    assert run(shop, write(file, FIRST)).counts == (3, 0, 0)
    before = history(shop)
    assert run(shop, write(file, FIRST[::-1])).counts == (0, 3, 0)
    assert history(shop) == before


@pytest.mark.parametrize(
    "later",
    [
        [*FIRST, row("1", "C")],
        FIRST[:2],
        [row("1", "A", 2), *FIRST[1:]],
        [row("1", s, customer="1") for s in "ABB"],
        [row("1", s, country="FR") for s in "ABB"],
        [row("1", s, at="2010-12-01 08:27:00") for s in "ABB"],
        [row("1", s, price="2.56") for s in "ABB"],
    ],
)
def test_an_order_id_with_other_content_is_refused_and_changes_nothing(
    shop: Database, file: Path, later: list[tuple[object, ...]]
) -> None:
    run(shop, write(file, FIRST))
    before = history(shop)
    done = run(shop, write(file, [row("2", "C"), *later]))
    assert done.counts == (1, 0, len(later))
    assert [code for _, code, _ in done.refused] == [RefusalCode.order_exists] * len(later)
    assert "with other lines" in done.refused[0][2] and done.refused[0][0] == 3
    assert history(shop)["1"] == before["1"]


def test_the_number_of_a_living_order_is_refused(database: Database, file: Path) -> None:
    a_retailer(database)
    placed = database.run(
        lambda tx: place_orders(tx, [an_order("k", order_id="W-1")], signing_keys=[SIGNING_KEY])
    )
    assert not isinstance(placed[0], Refusal)
    done = run(database, write(file, [row("W-1", SKUS[0])]))
    assert done.counts == (0, 0, 1)
    assert "an order placed in this system" in done.refused[0][2]


def test_a_number_of_history_cannot_be_placed_again(database: Database, file: Path) -> None:
    a_retailer(database)
    run(database, write(file, [row("W-1", SKUS[0])]))
    (answer,) = database.run(
        lambda tx: place_orders(tx, [an_order("k", order_id="W-1")], signing_keys=[SIGNING_KEY])
    )
    assert isinstance(answer, Refusal) and answer.code is RefusalCode.order_exists


@pytest.mark.parametrize(
    "other", [{"customer": "1"}, {"country": "FR"}, {"at": "2010-12-03 08:26:00"}]
)
def test_two_orders_under_one_id_in_one_file(
    shop: Database, file: Path, other: dict[str, str]
) -> None:
    rows = [row("1", "A"), row("1", "B", **other), row("1", "C")]
    done = run(shop, write(file, rows))
    assert done.counts == (2, 0, 1)
    ((line, code, message),) = done.refused
    assert (line, code) == (3, RefusalCode.order_exists) and "one order to an id" in message
    assert [sku for sku, *_ in history(shop)["1"][-1]] == ["A", "C"]
    assert run(shop, file).counts == (0, 2, 1)


def test_an_order_of_too_many_lines_is_refused(
    shop: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrepot.flows.onboarding.import_orders.LINES_MAX", 2)
    done = run(shop, write(file, [*FIRST, row("2", "C")]))
    assert done.counts == (1, 0, 3)
    assert {code for _, code, _ in done.refused} == {RefusalCode.too_many}


def test_a_dry_run_reports_and_changes_nothing(shop: Database, file: Path) -> None:
    run(shop, write(file, [row("1", "A")]))
    rows = [row("1", "A"), row("2", "A"), row("2", "Z"), *FIRST[:1], row("1", "B")]
    dry = run(shop, write(file, rows), dry_run=True)
    assert not dry.report.written and set(history(shop)) == {"1"}
    wet = run(shop, file)
    assert dry.counts == wet.counts == (1, 0, 4)
    assert dry.refused == wet.refused and set(history(shop)) == {"1", "2"}


def test_an_interrupted_import_is_completed_by_the_next(
    shop: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrepot.flows.onboarding.import_orders.BATCH_LINES", 2)
    write(file, [row(str(n // 2), "A", n + 1) for n in range(12)])
    steps: list[Step] = []

    def stop(step: Step) -> None:
        steps.append(step)
        if len([s for s in steps if s.phase == "writing"]) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(shop, file, progress=stop)
    assert len(history(shop)) == 2
    assert run(shop, file).counts == (8, 4, 0) and len(history(shop)) == 6


# The real file


@pytest.fixture
def gift_shop(database: Database) -> Database:
    """The goods of the extract, as its shop would load them."""
    order_map = tomllib.loads((DATA / "online_retail_ii.toml").read_text())
    marked = [code.rstrip("*") for code in order_map["not_goods"]["skus"]]
    with EXTRACT.open(encoding="utf-8", newline="") as lines:
        codes = {line["StockCode"] for line in csv.DictReader(lines)}
    skus = [c for c in sorted(codes) if c[0].isdigit() or c.startswith("DCGS")]
    assert codes - set(skus) and all(c.startswith(tuple(marked)) for c in codes - set(skus))
    assert not [s for s in skus if isinstance(parse_sku(s), Refusal)]
    database.run(lambda tx: a_catalog(tx, skus))
    return database


def test_the_real_extract(gift_shop: Database) -> None:
    order_map = tomllib.loads((DATA / "online_retail_ii.toml").read_text())
    done = run(gift_shop, EXTRACT, order_map)
    with EXTRACT.open(encoding="utf-8", newline="") as file:
        lines = dict(enumerate(csv.DictReader(file), start=2))
    refused = {line for line, _, _ in done.refused}
    sales = [line for n, line in lines.items() if n not in refused]
    # What stands twice is known from the data's own description: nine days of December 2010.
    doubled = [s for s in sales if "2010-12-01" <= s["InvoiceDate"] < "2010-12-10"]
    assert len(doubled) > 1_000
    repeated = len(doubled) // 2
    assert done.counts == (len(sales) - repeated, repeated, len(refused))
    assert done.report.rows.read == len(lines) == 3_135

    orders = history(gift_shop)
    assert not [order_id for order_id in orders if order_id.startswith(("A", "C"))]
    for order_id in ("507428", "510348", "555725", "559520"):
        first, second = orders[order_id][-1]
        assert first == second
    for order_id in ("528588", "542806"):
        rows = sum(s["Invoice"] == order_id for s in sales)
        assert len(orders[order_id][-1]) == rows > 20
    assert max(each for order in orders.values() for _, each, _ in order[-1]) == 74_215
    reasons = {code.value for code in done.report.reasons}
    assert reasons == {"unsupported", "not_orderable", "bad_quantity", "bad_price", "bad_country"}
    unmapped = {"Channel Islands", "European Community", "Unspecified", "West Indies"}
    assert {
        lines[n]["Country"] for n, code, _ in done.refused if code is RefusalCode.bad_country
    } == unmapped

    again = run(gift_shop, EXTRACT, order_map)
    assert again.counts == (0, len(sales), len(refused)) and again.refused == done.refused
    assert history(gift_shop) == orders


# Any file

LINES = st.tuples(
    st.sampled_from(["A", "B", "Z", ""]),
    st.sampled_from(["1", "2", "-1", "0.5"]),
    st.sampled_from(["1", "2.5", "-", "0"]),
    st.sampled_from([AT, "2010-12-01 08:27:00", "2010-12-05 08:27:00", "x"]),
    st.sampled_from(["", "7", "8"]),
    st.sampled_from(["United Kingdom", "GB", "EIRE"]),
)
BLOCKS = st.lists(
    st.tuples(st.sampled_from(["", "1", "2", "3", "C4"]), st.lists(LINES, max_size=4)), max_size=8
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(blocks=BLOCKS, order=st.randoms(use_true_random=False))
def test_every_row_is_accounted_for_and_importing_twice_changes_nothing(
    shop: Database, file: Path, blocks: list[tuple[str, list[tuple[str, ...]]]], order
) -> None:
    write(file, [(order_id, *line) for order_id, lines in blocks for line in lines])
    dry = run(shop, file, dry_run=True)
    first = run(shop, file)
    assert sum(first.counts) == sum(len(lines) for _, lines in blocks)
    assert dry.counts == first.counts and dry.refused == first.refused
    after = history(shop)
    again = run(shop, file)
    accepted, repeated, refused = again.counts
    assert accepted == 0 and repeated == sum(first.counts[:2]) and refused == first.counts[2]
    assert history(shop) == after

    # Blocks that come in another order may be told apart otherwise, but never change what is there.
    order.shuffle(blocks)
    write(file, [(order_id, *line) for order_id, lines in blocks for line in lines])
    run(shop, file)
    kept = history(shop)
    assert {order_id: kept[order_id] for order_id in after} == after


def test_two_imports_at_once_write_each_order_once(
    database: Database, database_on, file: Path
) -> None:
    database.run(lambda tx: a_catalog(tx, "ABCDEF"))
    write(file, [row(str(n), "A", n % 7 + 1) for n in range(2_000)])
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC), 1)
    counts: list[tuple[int, int, int]] = []
    threads = [
        threading.Thread(target=lambda d=d: counts.append(run(d, file).counts))
        for d in (database, database_on(clock))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(accepted for accepted, _, _ in counts) == 2_000
    assert sum(repeated for _, repeated, _ in counts) == 2_000
    with database.transaction(read_only=True) as tx:
        assert len(ordering.known_ids(tx, map(str, range(2_000)))) == 2_000
