"""status, stop and doctor: what a keeper sees, and the exit codes scripts rely on."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from entrepot.doors.cli import endings, operate
from entrepot.doors.doctor import Check, examine
from entrepot.ground.clock import SystemClock
from entrepot.ground.cluster_account import server_account
from entrepot.ground.settings import Settings
from tests.doors.running import House, alive, new_house
from tests.ground.homes import as_account, foreign_files, new_home, small_cluster
from tests.postgres import settings_in


def _app() -> typer.Typer:
    app = typer.Typer()
    for command in (operate.status, operate.stop, operate.doctor):
        app.command()(command)
    return app


def _run(home: Path, *words: str, **settings: str) -> Result:
    # The consoles took their width when they were made, perhaps by another test.
    endings.console.width = endings.errors.width = 300
    environment = {"ENTREPOT_DATA": str(home)}
    environment |= {f"ENTREPOT_{name}": value for name, value in settings.items()}
    return CliRunner().invoke(_app(), words, env=environment)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with new_house() as house:
        house.start_ready()
        yield house


@pytest.fixture
def stopped_home() -> Iterator[Path]:
    """A data home that looks as if its cluster was made and stopped."""
    with new_home() as home:
        foreign_files(home, "18\n")
        yield home


def _checks(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in examine(settings, SystemClock())}


def test_status_of_nothing() -> None:
    with new_home() as home:
        result = _run(home, "status")
        assert result.exit_code == 3
        assert "stopped" in result.stdout
        assert "absent" in result.stdout
        assert "not running; start it with `entrepot serve`" in result.stderr


def test_status_of_what_runs(house: House) -> None:
    (house.settings.run / "read-only").write_text("the disk is nearly full\n")
    result = _run(house.home, "status")
    (house.settings.run / "read-only").unlink()
    assert result.exit_code == 0, result.output
    for name, pid in house.pids().items():
        line = next(line for line in result.stdout.splitlines() if name in line)
        assert "ready" in line
        assert str(pid) in line
    assert f"http://127.0.0.1:{house.port}" in result.stdout
    assert "database: PostgreSQL 18." in result.stdout
    assert "MiB" in result.stdout
    assert "read-only: the disk is nearly full" in result.stdout
    assert "changes are accepted" in _run(house.home, "status").stdout


def test_doctor_of_what_runs(house: House) -> None:
    result = _run(house.home, "doctor", PORT=str(house.port), DISK_FLOOR_MIB="1")
    assert result.exit_code == 0, result.output
    assert f"{house.port} is ours" in result.stdout
    checks = _checks(house.settings)
    assert {"database", "database settings", "database clock"} < checks.keys()
    assert all(check.ok is not False for check in checks.values()), checks


def test_stop_ends_what_runs_and_is_not_wrong_twice() -> None:
    with new_house() as house:
        house.start_ready()
        pids = house.pids()
        result = _run(house.home, "stop")
        assert (result.exit_code, "stopped" in result.stdout) == (0, True), result.output
        assert not alive(pids)
        result = _run(house.home, "stop")
        assert (result.exit_code, result.stdout.strip()) == (0, "nothing was running")


def test_stop_ends_postgres_left_by_a_killed_supervisor() -> None:
    with new_house() as house:
        house.start_ready()
        house.signal(signal.SIGKILL)
        house.said()
        assert _run(house.home, "status").exit_code == 3
        assert "stopped" in _run(house.home, "stop").stdout
        assert small_cluster(house.home).status().state == "stopped"


def test_doctor_finds_what_is_wrong(stopped_home: Path) -> None:
    keys = stopped_home / "keys"
    keys.mkdir(mode=0o755)
    stopped_home.chmod(0o777)
    control = small_cluster(stopped_home).data / "global" / "pg_control"
    later = (datetime.now(UTC) + timedelta(hours=3)).timestamp()
    os.utime(control, (later, later))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        checks = _checks(settings_in(stopped_home, PORT=port, DISK_FLOOR_MIB="999999999"))
        result = _run(stopped_home, "doctor", PORT=port, PROT="1")
    bad = {name: check for name, check in checks.items() if check.ok is False}
    assert bad.keys() == {"data home", "keys", "disk", "last write", "port"}
    assert bad["data home"].advice == f"chmod o-w {stopped_home}"
    assert bad["keys"].advice == f"chmod 700 {keys}"
    assert "10799 s ahead" in bad["last write"].found or "10800 s" in bad["last write"].found
    assert f"process {os.getpid()} (" in bad["port"].found
    assert checks["database"].ok is None
    assert result.exit_code == 1
    assert "did you mean ENTREPOT_PORT?" in result.stdout
    assert "checks are bad" in result.stderr


def test_doctor_knows_versions(stopped_home: Path) -> None:
    assert _checks(settings_in(stopped_home))["data directory"].ok
    (small_cluster(stopped_home).data / "PG_VERSION").write_text("16\n")
    found = _checks(settings_in(stopped_home))["data directory"]
    assert (found.ok, found.found) == (False, "PostgreSQL 16")


def test_doctor_of_nothing_has_only_notes() -> None:
    with new_home() as home:
        checks = _checks(settings_in(home, DISK_FLOOR_MIB="1"))
        assert all(check.ok is not False for check in checks.values()), checks
        assert {"data home", "keys", "data directory", "database", "last write"} <= {
            name for name, check in checks.items() if check.ok is None
        }
        assert not home.exists()


def test_doctor_of_an_external_database(house: House) -> None:
    """Another installation's database, as if it were somebody else's."""
    with new_home() as home:
        url = small_cluster(house.home).url()
        checks = _checks(settings_in(home, DATABASE_URL=url))
        assert checks["database"].ok
        assert "data directory" not in checks
        unreachable = url.replace("5432", "5433")
        found = _checks(settings_in(home, DATABASE_URL=unreachable))["database"]
        assert (found.ok, "not reachable" in found.found) == (False, True)


def test_other_account_is_told_so(stopped_home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another account")
    account = server_account("entrepot")
    (stopped_home / "run").mkdir(mode=0o700)
    said = as_account(account.uid, lambda: _run(stopped_home, "status").exception)
    assert "closed to account entrepot; run this as the account that runs Entrepot" in said
