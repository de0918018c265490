"""A day of a real retailer, played through every room."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from entrepot.departments.network import service as network
from entrepot.departments.network.decisions import cut_off_minute
from entrepot.departments.ordering import service as ordering
from entrepot.departments.warehouse import service as warehouse
from entrepot.doors.folder.reader import read_folder
from entrepot.flows.onboarding.load import load_folder
from entrepot.flows.watch.audit import Audit, audit
from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.simulation import engine, retailer
from entrepot.simulation.retailer import Retailer, Window
from entrepot.simulation.store import Run
from entrepot.words.calendar import add_working_minutes, local_date, next_cut_off
from tests.postgres import Server, fresh_database

SCENARIO = Path(__file__).parents[2] / "scenarios" / "uk-gifts"
SEED = 5
SINCE = datetime(2011, 8, 30, tzinfo=UTC)
UNTIL = datetime(2011, 8, 31, tzinfo=UTC)
# 12 + 2 a line minutes, half as long again, and 20 to pack: within 150 minutes of handling.
LINES_OF_ONE_PICKER = 37


@pytest.fixture(scope="module")
def past() -> Retailer:
    return retailer.read_retailer(SCENARIO, SEED)


@pytest.fixture(scope="module")
def loaded(server: Server, template_database: str) -> Iterator[str]:
    """The name of a database with the retailer loaded; nobody may be connected to it."""
    with fresh_database(server, template_database) as url:
        with Database(url, clock=VirtualClock(SINCE, SEED)) as database:
            load_folder(database, read_folder(SCENARIO), actor="test", strict=True)
        yield url.split("dbname=")[1].split()[0]


def play(
    url: str, past: Retailer, keys: Path, tell: Callable[[Run], bool] = lambda _run: True
) -> Run:
    """Begin or go on, as `demo` does."""
    clock = VirtualClock(SINCE, SEED)
    with Database(url, clock=clock) as database, KeyStore.open(keys, SystemClock()) as store:
        earlier = retailer.standing(database, "test")
        if earlier is not None:
            clock.advance_to(earlier.reached_at)
        openings = retailer.fill_shelves(database, past, SINCE, SEED)
        plan = retailer.plan(
            past,
            store,
            run_id="test",
            seed=SEED,
            currency="GBP",
            since=SINCE,
            until=UNTIL,
            openings=openings,
        )
        return engine.play(database, plan, tell)


def audited(url: str) -> Audit:
    with Database(url) as database, database.transaction(read_only=True) as tx:
        return audit(tx)


def findings(url: str) -> list[str]:
    return audited(url).findings


def pickups(url: str) -> dict[tuple[str, int], tuple[date, date]]:
    """Of parts that did not wait for stock and that a picker can do in time: the day of the pickup
    that a promise counts on, and the day on which they left."""
    found = {}
    with Database(url) as database, database.transaction(read_only=True) as tx:
        known = network.snapshot(tx)
        placed = [h for h in ordering.find(tx, limit=1_000) if h.placed_at < UNTIL]
        orders = {o.header.order_id: o for o in ordering.read(tx, [h.order_id for h in placed])}
        for work, _, _ in warehouse.work_of(tx, orders):
            order = orders[work.order_id]
            (part,) = (p for p in order.parts if p.part_no == work.part_no)
            waited = work.released_at - order.header.placed_at > timedelta(days=1)
            if work.handed_over_at is None or waited or work.lines > LINES_OF_ONE_PICKER:
                continue
            assert part.service is not None
            node, calendar = known.nodes[work.node], known.node_calendars[work.node]
            ready_at = add_working_minutes(calendar, order.header.placed_at, node.handling_minutes)
            cut_off = cut_off_minute(known, part.service, work.node)
            days = known.services[part.service].pickup_days
            found[work.order_id, work.part_no] = (
                local_date(calendar, next_cut_off(calendar, cut_off, days, ready_at)),
                local_date(calendar, work.handed_over_at),
            )
    return found


def test_a_day_comes_to_its_end_and_the_same_again(
    server: Server, loaded: str, past: Retailer, tmp_path: Path
) -> None:
    ends = []
    for name in ("first", "second"):
        with fresh_database(server, loaded) as url:
            run = play(url, past, tmp_path / name)
            ends.append(run)
            verdict = audited(url)
            assert verdict.findings == []
            came = run.counts["deliveries"] + run.counts.get("returns_received", 0)
            assert verdict.looked_at["receipts"] == came > 0
            left = pickups(url)
            assert len(left) > 25
            assert [part for part, (promised, real) in left.items() if real > promised] == []
    assert ends[0] == ends[1]
    counts = ends[0].counts
    sales, _ = past.history.counts(SINCE, UNTIL)
    assert ends[0].state == "ended"
    assert counts["placed"] + counts["country_refused"] == sales > 30
    assert counts["shipped"] == counts["packed"] == counts["picked"] > 30
    assert counts["parcels_delivered"] + counts.get("parcels_lost", 0) >= counts["shipped"]


def test_a_run_that_is_stopped_goes_on(
    server: Server, loaded: str, past: Retailer, tmp_path: Path
) -> None:
    with fresh_database(server, loaded) as url:
        whole = play(url, past, tmp_path / "whole")
    hours = 0

    def stop_now_and_then(_run: Run) -> bool:
        nonlocal hours
        hours += 1
        return hours % 5 != 0

    with fresh_database(server, loaded) as url:
        run = play(url, past, tmp_path / "parts", stop_now_and_then)
        stops = 0
        while run.state != "ended":
            stops += 1
            run = play(url, past, tmp_path / "parts", stop_now_and_then)
        assert findings(url) == []
    assert stops > 5
    for name in ("placed", "lines", "parcels_delivered", "returns_received"):
        assert run.counts.get(name) == whole.counts.get(name), name


def _play_in_a_process(url: str, keys: Path) -> None:
    play(url, retailer.read_retailer(SCENARIO, SEED), keys)


def test_a_run_that_is_killed_goes_on(
    server: Server, loaded: str, past: Retailer, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    clock = SystemClock()
    with fresh_database(server, loaded) as url:
        for _ in range(2):
            process = context.Process(target=_play_in_a_process, args=(url, tmp_path / "keys"))
            process.start()
            deadline = clock.monotonic() + 60
            with Database(url) as database:
                begun = retailer.standing(database, "test")
                while clock.monotonic() < deadline and process.is_alive():
                    now = retailer.standing(database, "test")
                    if now is not None and (begun is None or now.reached_at > begun.reached_at):
                        break
                    clock.sleep(0.05)
            process.kill()
            process.join()
        run = play(url, past, tmp_path / "keys")
        assert run.state == "ended"
        assert findings(url) == []
        sales, _ = past.history.counts(SINCE, UNTIL)
        assert run.counts["placed"] + run.counts["country_refused"] == sales


def test_windows_are_days_of_the_retailer_and_checked_before_anything_runs(past: Retailer) -> None:
    since, until = retailer.window(past, Window(None, None))
    assert (until - since).days == 28
    everything = retailer.window(past, Window(None, None), everything=True)
    assert everything[0] <= past.history.begins < past.history.ends <= everything[1]
    summer = retailer.window(past, Window(date(2011, 8, 30), date(2011, 8, 31)))
    assert summer == tuple(datetime(2011, 8, day, 23, tzinfo=UTC) for day in (29, 30))
    for wrong in (
        Window(date(2011, 8, 31), date(2011, 8, 30)),
        Window(date(2015, 1, 1), date(2015, 2, 1)),
    ):
        with pytest.raises(retailer.UnusableFolder, match=r"expected|no sale"):
            retailer.window(past, wrong)
