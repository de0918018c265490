"""Orders under kill -9 and cut connections, small: nothing acknowledged is lost, and a control is.

`python -m benchmarks crash` does the same twenty times each, and cuts the power too.
"""

from __future__ import annotations

import shutil
from io import StringIO

from benchmarks import crash
from benchmarks.runner import Report
from benchmarks.server import Server
from rich.console import Console

from entrepot.ground.cluster import Cluster
from tests.postgres import open_folder, settings_in


def test_what_is_acknowledged_survives_and_the_control_loses_orders() -> None:
    out = StringIO()
    report = Report({}, Console(file=out, width=120), quick=True)
    folder = open_folder("entrepot-crash-")
    try:
        # The server of a run is not needed: the faults hit an installation of their own.
        server = Server(Cluster(settings_in(folder)), folder)
        crash.run(report, server, times=1, with_power=False)
        assert [entry.name for entry in folder.iterdir()] == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert not report.failures, out.getvalue()
    found = {one.name: one.median for one in report.figures}
    for name in ("acknowledged_lost", "applied_twice", "audit_failures", "deadlocks"):
        assert found[name] == 0, name
    assert found["control_lost"] > 0
    assert 0 < found["recovery_s_p95"] < 60
