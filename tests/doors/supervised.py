"""A supervisor with tiny children, as a process of its own: `python -m tests.doors.supervised`.

The first argument is a JSON object: home, port, and the children's programs by name.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from entrepot.doors.children import ChildPlan
from entrepot.doors.supervisor import Supervisor
from entrepot.ground.clock import SystemClock
from entrepot.ground.cluster import Cluster
from entrepot.ground.settings import Settings
from entrepot.ground.telemetry import configure
from entrepot.words.outcome import Fault
from tests.postgres import SMALL_SERVER, settings_in

# A door: several may listen on the port. `%s` is what it does when it is asked to end.
DOOR = """
import signal, socket, sys, time
signal.signal(signal.SIGTERM, %s)
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
while True: time.sleep(1)
"""
POLITE_DOOR = DOOR % "lambda *_: sys.exit(0)"
DEAF_DOOR = DOOR % "signal.SIG_IGN"
IDLE = "import time\nwhile True: time.sleep(1)"
CRASHING = "import sys; sys.exit(7)"


def main() -> None:
    """Run it until it is told to stop; a refusal goes to stderr, exit code 1."""
    order = json.loads(sys.argv[1])
    home = Path(order["home"])
    clock = SystemClock()
    configure(now=clock.now)
    settings = settings_in(home, PORT=str(order["port"]))
    plans = [
        ChildPlan(
            name,
            [sys.executable, "-S", "-c", program, str(order["port"])],
            port=order["port"] if name.startswith("door") else None,
            niceness=5 if name == "planner" else 0,
        )
        for name, program in order["children"].items()
    ]
    supervisor = Supervisor(
        settings,
        plans,
        prepare=_prepare,
        on_ready=lambda: (home / "ready").touch(),
        clock=clock,
        cluster=Cluster(settings, clock=clock, changes=SMALL_SERVER),
    )
    try:
        supervisor.run()
    except Fault as fault:
        sys.exit(str(fault))


def _prepare(settings: Settings, url: str) -> None:
    (settings.data / "prepared").write_text(url)


if __name__ == "__main__":
    main()
