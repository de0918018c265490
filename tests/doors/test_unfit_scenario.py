"""A scenario that cannot be played ends the command before it wipes, writes or starts anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from entrepot.doors.cli import demo_home
from tests.flows.loading import replace, without
from tests.postgres import settings_in
from tests.simulation.scenario import SCENARIO

UNUSABLE = 2
DAY = ("--from", "2011-08-30", "--to", "2011-08-31")


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A copy of the whole scenario, to be spoiled."""
    return Path(shutil.copytree(SCENARIO, tmp_path / "scenario"))


def refused(scenario: Path, home: Path) -> str:
    """What the command says of a scenario that it refuses, beside an earlier run that it leaves."""
    report = home / demo_home.REPORT / "report.json"
    report.parent.mkdir(parents=True)
    report.write_text("of an earlier run", encoding="utf-8")
    starts_at, ends_at = datetime(2011, 8, 1, tzinfo=UTC), datetime(2011, 8, 2, tzinfo=UTC)
    demo_home.mark(settings_in(home), demo_home.Begun(str(scenario), 1, starts_at, ends_at))
    before = sorted(home.rglob("*"))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from entrepot.doors.cli import main; main()",
            "demo",
            *("--scenario", str(scenario), *DAY),
        ],
        env={"ENTREPOT_DATA": str(home), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (UNUSABLE, ""), done.stderr
    assert sorted(home.rglob("*")) == before, "nothing was wiped, nothing was started"
    return done.stderr


def test_rows_that_are_wrong_are_all_named(scenario: Path, tmp_path: Path) -> None:
    without(scenario, "rates.csv", "albion-next-day,3,")
    replace(scenario, "nodes.csv", ",scotland-five-days,", ",,")
    replace(scenario, "suppliers.csv", "GB,GBP,2:0.15;3:0.35;4:0.3;6:0.15;9:0.05,", "GB,GBP,,")
    replace(scenario, "items.csv", "10080,GROOVY CACTUS INFLATABLE,Gifts/Other gifts,180,",
            "10080,GROOVY CACTUS INFLATABLE,Gifts/Other gifts,,")  # fmt: skip
    said = refused(scenario, tmp_path / "home")
    for words in (
        "transits.csv, line 11: zone: found no rate in GBP for albion-next-day to zone 3, expected "
        "one for every zone a service goes to; add it to rates",
        "nodes.csv, line 7: calendar_id: found nothing, expected a value; correct the cell",
        "suppliers.csv, line 3: lead_time_days: found nothing, expected the days from order to "
        "receipt, here or as lead_time_distribution; correct the cell",
        "items.csv, line 6: mass_g: found nothing, expected a value; correct the cell",
    ):
        assert f"entrepot: {words}" in said


def test_what_the_days_lack_is_all_named(scenario: Path, tmp_path: Path) -> None:
    nodes = ("DAV", "DAR", "BRS", "LDS", "GLA", "VEN")
    without(scenario, "zones.csv", *(f"{node},DE," for node in nodes))
    without(scenario, "service_nodes.csv", "albion-next-day,")
    without(scenario, "prices.csv", "85099B,")
    without(scenario, "terms.csv", "anadolu-tekstil,85099B,")
    said = refused(scenario, tmp_path / "home")
    for words in (
        "service_nodes.csv: found no open center that offers albion-next-day, expected one",
        "zones.csv: found no service that reaches DE",
        "prices.csv: found no price of '85099B' in GBP that holds on 2011-08-30",
        "terms.csv: found no supplier of '85099B'",
    ):
        assert words in said
