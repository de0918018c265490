"""`entrepot serve` with a folder of backups: nothing has to be done by hand."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys

import httpx

from entrepot.ground.backup import wal
from entrepot.ground.backup.tools import Tools
from entrepot.ground.settings import child_environment
from tests.backup.shop import CLOCK, Shop, command, new_shop, squeezed
from tests.processes import end, until

COMPLETE = re.compile(r"^entrepot_wal_archive_complete_timestamp_seconds (\S+)$", re.MULTILINE)
KEY = re.compile(r"^ent_\S+$", re.MULTILINE)


def test_serve_archives_to_its_last_word() -> None:
    """What is committed while it ends is archived: PostgreSQL ends before the archiver does."""
    with new_shop() as shop, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = shop.environment() | {"ENTREPOT_PORT": str(port), "ENTREPOT_DOORS": "1"}
        said = shop.root / "serve.log"
        with said.open("wb") as output:
            serving = subprocess.Popen(
                [sys.executable, "-P", "-m", "entrepot", "serve"],
                env=child_environment(environment),
                stdout=output,
                stderr=output,
            )
        try:
            until(lambda: "Entrepot is ready" in said.read_text(), "serve", 60)
            shop.until_backed_up()
            key = KEY.search(said.read_text())
            assert key is not None, said.read_text()
            _metrics_tell(f"http://127.0.0.1:{port}/metrics", key[0])
            status = squeezed(command(["status"], environment).stdout)
            assert "archiver │ ready" in status
            serving.send_signal(signal.SIGTERM)
            assert serving.wait(60) == 0, said.read_text()
        finally:
            end(serving)
        assert "child.killed" not in said.read_text()
        assert shop.cluster.status().state == "stopped"
        stretch = wal.read_stretches(shop.place / "wal")[-1]
        archived = len(stretch.path(stretch.numbers[-1]).read_bytes().rstrip(b"\0"))
        assert stretch.numbers[-1] * wal.SEGMENT_BYTES + archived > _last_checkpoint(shop)


def _last_checkpoint(shop: Shop) -> int:
    """Where the record begins that PostgreSQL writes at its very end."""
    program = Tools.reader(shop.settings, CLOCK).programs.path("pg_controldata")
    said = subprocess.run([program, shop.cluster.data], capture_output=True, text=True, check=True)
    found = re.search(r"Latest checkpoint location: +(\S+)", said.stdout)
    assert found is not None
    return wal.lsn(found[1])


def _metrics_tell(url: str, key: str) -> None:
    def is_current() -> bool:
        answer = httpx.get(url, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        found = COMPLETE.search(answer.text)
        return found is not None and CLOCK.now().timestamp() - float(found[1]) < 10

    until(is_current, "the metric of the archive")
