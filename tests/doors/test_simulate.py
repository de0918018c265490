"""The command `simulate`: stopped, killed and resumed it gives the same report as in one go."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from entrepot.doors.cli import demo, simulate
from entrepot.ground.cluster import Cluster
from tests.postgres import open_folder, settings_in

ROOT = Path(__file__).parents[2]
DAY = ("--from", "2011-08-30", "--to", "2011-08-31", "--seed", "3")
FOUND_NOTHING, UNUSABLE = 0, 2


@pytest.fixture
def home() -> Iterator[Path]:
    """A data home; what a run leaves running is stopped."""
    folder = open_folder()
    yield folder
    Cluster(demo.demo_settings(settings_in(folder), simulate.FOLDER)).stop("immediate")
    shutil.rmtree(folder)


def begun(home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from entrepot.doors.cli import main; main()",
            "simulate",
            *arguments,
        ],
        cwd=ROOT,
        env={"ENTREPOT_DATA": str(home), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def played_on(home: Path, process: subprocess.Popen[str], hours: int) -> None:
    """Wait until the run has done so many virtual hours more than when it was first seen."""
    url = Cluster(demo.demo_settings(settings_in(home), simulate.FOLDER)).url()
    seen: set[datetime] = set()
    deadline = time.monotonic() + 120
    while len(seen) <= hours:
        assert process.poll() is None and time.monotonic() < deadline, "it does not get on"
        with contextlib.suppress(psycopg.Error), psycopg.connect(url) as connection:
            found = connection.execute("SELECT reached_at FROM simulation.v_run").fetchall()
            seen.update(at for (at,) in found)
        time.sleep(0.02)


@pytest.mark.long
def test_a_run_that_was_stopped_and_killed_ends_like_one_that_was_not(home: Path) -> None:
    report = home / "replay" / "report" / "report.json"
    code, out, err = ended(begun(home, *DAY))
    assert code == FOUND_NOTHING, err
    assert "audit: 0 findings" in out and "at its end" in out
    whole = report.read_bytes()

    stopped = begun(home, *DAY)
    played_on(home, stopped, hours=3)
    stopped.send_signal(signal.SIGINT)
    code, out, err = ended(stopped)
    assert code == FOUND_NOTHING, err
    assert "stopped at" in out and "entrepot simulate --resume" in out
    assert report.read_bytes() != whole

    killed = begun(home, "--resume", "--seed", "3")
    played_on(home, killed, hours=2)
    killed.kill()
    ended(killed)

    code, out, err = ended(begun(home, "--resume", "--seed", "3"))
    assert code == FOUND_NOTHING, err
    assert "audit: 0 findings" in out and "at its end" in out
    assert report.read_bytes() == whole


@pytest.mark.parametrize(
    "arguments,said",
    [
        (("--from", "2011-08-31", "--to", "2011-08-30"), "expected a day before --to"),
        (("--from", "2011-12-25", "--to", "2011-12-26"), "no sale in this window"),
        (("--scenario", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_played_is_said_before_anything_runs(
    home: Path, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = ended(begun(home, *arguments))
    assert (code, out) == (UNUSABLE, "")
    assert said in err
    assert not (home / "replay").exists()
