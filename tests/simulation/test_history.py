"""The real history: every row accounted for, and each trap in it, also on rows made by hand."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.simulation.history import Cause, Credits, History
from entrepot.simulation.history_rows import Kind
from entrepot.simulation.places import Places
from entrepot.simulation.read_history import history_of, read_history
from entrepot.words.outcome import Refusal, RefusalCode
from tests.simulation.scenario import FEW_PLACES, HOW, SCENARIO, SEED, file_of, history_in

FILE = SCENARIO / "history" / "online_retail_ii.parquet"
SHA256 = "492e23a4318abe691f571c21e81decb9c3133a9b6ec229109c4fe8843bb82c14"
EVER = (datetime(2009, 1, 1, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))


def test_the_file_is_the_published_one() -> None:
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == SHA256


def test_the_facts_known_of_the_file_hold() -> None:
    rows = pl.read_parquet(FILE)
    assert rows.height == 846_166
    assert rows["Invoice"].n_unique() == 44_187
    assert rows["StockCode"].n_unique() == 5_035
    assert rows["Country"].n_unique() == 43
    assert rows.height - rows.unique().height == 31_550
    assert rows["CustomerID"].null_count() == 196_579
    credit = pl.col("Invoice").str.starts_with("C")
    negative = rows.filter(pl.col("Quantity") < 0)
    assert (negative.height, negative.filter(~credit).height) == (19_098, 3_046)
    sold = rows.unique().filter(pl.col("Quantity") > 0, ~credit)
    first = sold.group_by("CustomerID", "StockCode").agg(first=pl.col("InvoiceDate").min())
    credits = rows.unique().filter(credit).join(first, ["CustomerID", "StockCode"], how="left")
    untied = credits.filter(pl.col("first").is_null() | (pl.col("first") > pl.col("InvoiceDate")))
    assert (credits.height, untied.height) == (15_677, 2_534)


def test_every_row_is_accounted_for(history: History) -> None:
    report = history.report
    assert report.rows_read == report.accounted == 846_166
    assert report.invoices_read == 44_187
    assert report.rows == {
        Kind.sale: 798_101,
        Kind.credit: 14_718,
        Kind.write_off: 2_652,
        Kind.found: 1_471,
        Kind.without_price: 748,
        Kind.refused_country: 693,
        Kind.no_item: 389,
        Kind.not_goods: 4_871,
        Kind.second_arrival: 22_523,
    }
    assert sum(count for count, _ in report.not_goods.values()) == report.rows[Kind.not_goods]
    assert report.not_goods["POST"] == (1_579, "postage")
    assert {name: count for name, (count, _) in report.refused.items()} == {
        "European Community": 58,
        "Unspecified": 635,
    }
    assert report.credits == Credits(tied=12_812, tied_in_part=98, untied=1_808)
    assert sum(report.credits) == report.rows[Kind.credit]


def test_what_is_given_out_is_what_was_counted(history: History) -> None:
    invoices = list(history.invoices(*EVER))
    lines = [line for invoice in invoices for line in invoice.lines]
    assert history.counts(*EVER) == (len(invoices), len(lines))
    refused = [i for i in invoices if isinstance(i.country, Refusal)]
    report = history.report
    assert (len(invoices) - len(refused), len(refused)) == (report.sales, report.refused_sales)
    assert len(lines) - sum(len(i.lines) for i in refused) == report.rows[Kind.sale]
    assert [i.at for i in invoices] == sorted(i.at for i in invoices)
    assert len({i.invoice for i in invoices}) == len(invoices)
    assert all([n.line_no for n in i.lines] == list(range(1, len(i.lines) + 1)) for i in invoices)
    assert min(line.unit_price_minor for line in lines) > 0
    assert max(line.quantity_each for line in lines) == 74_215
    assert max(len(i.lines) for i in invoices) == 704
    # 23 lines an invoice as the file has them, 25 once credits and corrections are apart.
    assert round(len(lines) / len(invoices)) == 25
    causes = [c.cause for c in history.corrections(*EVER)]
    assert causes.count(Cause.untied_return) == sum(report.credits[1:])
    assert causes.count(Cause.write_off) == report.rows[Kind.write_off]
    assert causes.count(Cause.found) == report.rows[Kind.found]


def test_returns_refer_to_lines_that_were_sold(history: History) -> None:
    sold = {
        (i.invoice, line.line_no): (i, line) for i in history.invoices(*EVER) for line in i.lines
    }
    back: dict[tuple[str, int], int] = {}
    numbers = set()
    for found in history.returns(*EVER):
        key = (found.sale_invoice, found.sale_line_no)
        invoice, line = sold[key]
        assert line.sku == found.sku and invoice.customer == found.customer
        assert invoice.at == found.sale_at <= found.at
        back[key] = back.get(key, 0) + found.quantity_each
        numbers.add((found.document, found.number))
    assert all(each <= sold[key][1].quantity_each for key, each in back.items())
    assert len(numbers) == len(history.returns(*EVER))
    # The largest sale came back whole after a quarter of an hour.
    assert max(back.values()) == 74_215


def test_windows_join_without_gap_or_overlap(history: History) -> None:
    days = [datetime(2011, 8, 1, tzinfo=UTC) + timedelta(days=n) for n in range(32)]
    joined = [i for a, b in pairwise(days) for i in history.invoices(a, b)]
    assert joined == list(history.invoices(days[0], days[-1])) and len(joined) > 1_000
    back = [r for a, b in pairwise(days) for r in history.returns(a, b)]
    assert back == list(history.returns(days[0], days[-1])) and back
    assert list(history.invoices(days[3], days[3])) == []
    assert history.next_sale(days[0]) == joined[0].at
    assert history.next_sale(joined[0].at) == joined[0].at
    assert history.next_sale(history.ends) is None
    assert history.begins == datetime(2009, 12, 1, 7, 45, tzinfo=UTC)
    assert history.ends == datetime(2011, 8, 31, 16, 31, tzinfo=UTC)  # the clock shows 17:30


def test_the_seed_changes_only_which_channel_island_a_buyer_lives_on(
    history: History, places: Places
) -> None:
    again = read_history(SCENARIO, places, SEED)
    other = read_history(SCENARIO, places, SEED + 1)
    assert list(again.invoices(*EVER)) == list(history.invoices(*EVER))
    assert list(again.returns(*EVER)) == list(history.returns(*EVER))
    pairs = zip(history.invoices(*EVER), other.invoices(*EVER), strict=True)
    moved = {(a.country, b.country) for a, b in pairs if a != b}
    assert moved and moved <= {("JE", "GG"), ("GG", "JE")}


def test_whole_invoices_that_arrive_twice_are_read_once() -> None:
    mug, cup = ("1", "MUG", 6, "12-01 08:00", 2.55), ("1", "CUP", 1, "12-01 08:00", 0.85)
    found = history_in(mug, mug, cup, mug, mug, cup)
    (invoice,) = found.invoices(*EVER)
    # Equal lines inside an invoice are lines of their own.
    assert [(n.sku, n.quantity_each) for n in invoice.lines] == [("MUG", 6), ("MUG", 6), ("CUP", 1)]
    assert found.report.rows[Kind.second_arrival] == 3


@pytest.mark.parametrize("day", ["12-01", "11-30"])
def test_an_invoice_that_does_not_stand_twice_as_a_whole_is_left_alone(day: str) -> None:
    at = f"{day} 08:00"
    rows = [("1", "MUG", 6, at, 2.55), ("1", "MUG", 6, at, 2.55), ("1", "CUP", 1, at, 0.85)]
    rows += [("2", "MUG", 6, "11-30 23:59", 2.55)] * 2
    found = history_in(*sorted(rows, key=lambda row: row[3]))
    assert Kind.second_arrival not in found.report.rows
    assert found.counts(*EVER) == (2, 5)


def test_what_is_no_goods_or_no_item_is_counted_and_dropped() -> None:
    found = history_in(
        ("1", "MUG", 1, "03-01 08:00", 2.55),
        ("1", "POST", 1, "03-01 08:00", 18.0),
        ("2", "TEST001", 5, "03-01 08:01", 4.5),
        ("3", "OLD", -5, "03-01 08:02", 0.0, None, None),
    )
    assert found.counts(*EVER) == (1, 1)
    assert found.report.not_goods == {"POST": (1, "postage"), "TEST001": (1, "test product")}
    assert found.report.rows[Kind.no_item] == 1
    assert found.report.accounted == 4 and not found.corrections(*EVER)


def test_rows_without_a_price_are_stock_or_nothing() -> None:
    found = history_in(
        ("1", "MUG", 1, "03-01 08:00", 2.55, None),
        ("2", "MUG", 7, "03-01 08:01", 0.0, None, "found"),
        ("3", "MUG", 8, "03-01 08:02", 0.0, None, None),
        ("4", "MUG", 9, "03-01 08:03", 0.0, None),
        ("5", "MUG", 2, "03-01 08:04", 0.0, 17),
        ("6", "MUG", -3, "03-01 08:05", 0.0, None, "damages?"),
    )
    changes = [(c.change_each, c.cause, c.note) for c in found.corrections(*EVER)]
    assert changes == [
        (7, Cause.found, "found"),
        (8, Cause.found, ""),
        (-3, Cause.write_off, "damages?"),
    ]
    assert found.report.rows[Kind.without_price] == 2
    assert found.counts(*EVER) == (1, 1)


def test_credits_become_returns_and_corrections() -> None:
    found = history_in(
        ("1", "CUP", 4, "03-01 08:00", 0.85),
        ("1", "MUG", 6, "03-01 08:00", 2.55),
        ("2", "MUG", 6, "03-02 08:00", 2.1),
        ("3", "MUG", 50, "03-02 09:00", 2.1, None),
        ("C4", "MUG", -8, "03-03 08:00", 2.1),
        ("C4", "CUP", -5, "03-03 08:00", 0.85),
        ("C5", "MUG", -1, "03-03 09:00", 2.1, None),
        ("C6", "MUG", -1, "03-03 10:00", 2.1, 2),
    )
    returns = found.returns(*EVER)
    assert [(r.document, r.number, r.sku, r.quantity_each, r.sale_invoice) for r in returns] == [
        ("C4", 1, "MUG", 6, "2"),
        ("C4", 2, "MUG", 2, "1"),
        ("C4", 3, "CUP", 4, "1"),
    ]
    assert [(r.sale_line_no, r.unit_price_minor) for r in returns] == [(1, 210), (2, 210), (1, 85)]
    rest = found.corrections(*EVER)
    assert [(c.document, c.number, c.sku, c.change_each) for c in rest] == [
        ("C4", 4, "CUP", 1),
        ("C5", 1, "MUG", 1),
        ("C6", 1, "MUG", 1),
    ]
    assert {c.cause for c in rest} == {Cause.untied_return}
    assert found.report.credits == Credits(tied=1, tied_in_part=1, untied=2)


def test_prices_are_exact() -> None:
    prices = [0.29, 1.15, 2.675, 8.5, 1.005, 4.35, 1157.15, 13541.33]
    rows = [("1", f"S{n}", 1, "03-01 08:00", price) for n, price in enumerate(prices)]
    (invoice,) = history_in(*rows).invoices(*EVER)
    assert [n.unit_price_minor for n in invoice.lines] == [
        29,
        115,
        268,
        850,
        100,
        435,
        115_715,
        1_354_133,
    ]


def test_times_are_those_of_london() -> None:
    found = history_in(
        ("1", "MUG", 1, "03-01 08:00", 2.55),
        ("2", "MUG", 1, "07-01 08:01", 2.55),
        ("2", "CUP", 1, "07-01 08:00", 2.55),
    )
    winter, summer = found.invoices(*EVER)
    assert winter.at == datetime(2010, 3, 1, 8, 0, tzinfo=UTC)
    assert summer.at == datetime(2010, 7, 1, 7, 0, tzinfo=UTC)
    assert [n.sku for n in summer.lines] == ["MUG", "CUP"]


def test_countries_are_mapped_or_refused() -> None:
    def country(name: str, *rows: tuple[str, str, int, str, float]) -> str | Refusal:
        rows = rows or (("1", "MUG", 1, "03-01 08:00", 2.55),)
        (invoice,) = history_in(*rows, country=name).invoices(*EVER)
        return invoice.country

    assert country("United Kingdom") == "GB" and country("EIRE") == "IE"
    assert country("Channel Islands") in ("JE", "GG")
    refused = country("Unspecified")
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.bad_country
    assert refused.message == (
        "country: found 'Unspecified', which names no country; expected the name of one country"
    )
    unknown = country("Atlantis")
    assert isinstance(unknown, Refusal) and "is not known" in unknown.message


def test_a_refused_country_takes_its_returns_along() -> None:
    rows = [("1", "MUG", 4, "03-01 08:00", 2.55), ("C2", "MUG", -4, "03-02 08:00", 2.55)]
    found = history_in(*rows, country="Unspecified")
    assert not found.returns(*EVER) and not found.corrections(*EVER)
    assert found.report.refused == {"Unspecified": (2, "names no country")}
    assert (found.report.sales, found.report.refused_sales) == (0, 1)


def test_a_file_without_a_sale_or_a_column_is_named(tmp_path: Path, places: Places) -> None:
    with pytest.raises(UnusableFolder, match="found no sale"):
        history_of(file_of(("1", "POST", 1, "03-01 08:00", 18.0)), HOW, FEW_PLACES, SEED)
    with pytest.raises(UnusableFolder, match=r"history\.toml: cannot be read"):
        read_history(tmp_path, places, SEED)
    (tmp_path / "history").mkdir()
    text = (SCENARIO / "history" / "history.toml").read_text(encoding="utf-8")
    (tmp_path / "history" / "history.toml").write_text(text, encoding="utf-8")
    pl.DataFrame({"Invoice": ["1"]}).write_parquet(tmp_path / "history" / HOW_FILE)
    with pytest.raises(UnusableFolder, match=r"cannot be read.*expected Parquet with Invoice"):
        read_history(tmp_path, places, SEED)
    wrong = text.replace('zone = "Europe/London"', 'zones = "Europe/London"')
    (tmp_path / "history" / "history.toml").write_text(wrong, encoding="utf-8")
    with pytest.raises(UnusableFolder, match=r"history\.toml: .*zone"):
        read_history(tmp_path, places, SEED)


HOW_FILE = FILE.name
