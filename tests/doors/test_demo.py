"""The demo: one run on an embedded PostgreSQL, and the same outcome for the same seed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import typer
from entrepot.doors.cli.demo_report import Summary
from typer.testing import CliRunner

from entrepot.doors.cli import demo
from entrepot.ground.cluster import Cluster
from entrepot.ground.migrate import migrate
from tests.postgres import Server, fresh_database, open_folder, settings_in

ORDERS = 120

APP = typer.Typer()
APP.command()(demo.demo)


@pytest.fixture
def home() -> Iterator[Path]:
    """A data home; what a run leaves running is stopped."""
    folder = open_folder()
    yield folder
    Cluster(demo.demo_settings(settings_in(folder))).stop("immediate")
    shutil.rmtree(folder)


def outcome(server: Server, home: Path, seed: int, runs: int = 1) -> Summary:
    """The summary of the last of several runs on a new database and folder."""
    home.mkdir()
    with fresh_database(server) as url:
        migrate(url)
        for _ in range(runs):
            _, summary = demo.play(
                settings_in(home), url, orders=ORDERS, seed=seed, tell=lambda _told: None
            )
    return summary


def test_a_run_is_the_same_for_a_seed_and_passes_the_audit(server: Server, home: Path) -> None:
    first = outcome(server, home / "a", 7)
    assert first == outcome(server, home / "b", 7)
    other = outcome(server, home / "c", 8)
    assert other.states != first.states
    for summary in (first, other):
        assert summary.audit.ok, summary.audit.findings
        assert summary.audit.looked_at["orders"] == sum(n for n, _ in summary.states.values())
        assert sum(n for n, _ in summary.states.values()) + sum(summary.refused.values()) == ORDERS
        assert len(summary.services) >= 3 and len(summary.options) >= 2
        assert summary.happened["stock adjustments"] == 2
        assert summary.happened["orders cancelled by customers"] > 0
        unpaid = summary.happened["orders that nobody paid in time"]
        assert unpaid == summary.happened["payments that came too late"] > 0


def test_a_second_run_goes_on_where_the_first_ended(server: Server, home: Path) -> None:
    summary = outcome(server, home / "a", 7, runs=3)
    assert summary.audit.ok, summary.audit.findings
    placed = sum(n for n, _ in summary.states.values())
    assert summary.audit.looked_at["orders"] > 2 * placed
    assert summary.happened["backorders filled"] > 0
    assert summary.story is not None
    order_id, told = summary.story
    assert order_id.startswith("O-")
    assert [what for _, what, _ in told][:2] == ["placed", "promised"]
    assert "the stock it waited for came" in told[-1][2]


def test_the_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_DATA", str(home))
    monkeypatch.delenv("ENTREPOT_DATABASE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    left = home / "demo" / "left"
    left.parent.mkdir(mode=0o711)
    left.write_text("from before")
    done = CliRunner().invoke(APP, ["--fresh", "--orders", str(ORDERS), "--seed", "7"])
    assert done.exit_code == 0, done.output
    assert not left.exists()
    for words in (
        "audit: all is well",
        "what happened",
        "stock by node",
        "a second in batches of",
        f"ENTREPOT_DATA={home / 'demo'} entrepot serve",
        "curl -s http://127.0.0.1:8420/v1/quotes",
    ):
        assert words in done.stdout
    assert (home / "demo" / "retailer" / "README.md").is_file()
    cluster = Cluster(demo.demo_settings(settings_in(home)))
    assert cluster.status().state == "stopped"

    with psycopg.connect(cluster.ensure_started().url, autocommit=True) as owner:
        owner.execute("DELETE FROM ordering.expectation WHERE version = 1")
    done = CliRunner().invoke(APP, ["--orders", "1"])
    assert done.exit_code == 1, done.output
    assert "broken: order O-" in done.stdout
    assert cluster.status().state == "ready", "a database that was found running is left running"
