"""kill -9 of anything while orders come in, with carts and without, then start: every acknowledged
order is there."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from entrepot.ground.clock import SystemClock
from tests.doors.door import free_port
from tests.postgres import open_folder

READY_S = 60
BUYERS = 6
SKUS = ("MUG-BLUE", "MUG-WHITE")
CLOCK = SystemClock()


class Shop:
    """`entrepot serve` over its own data home, and the orders it acknowledged."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.environment = {
            **os.environ,
            "ENTREPOT_DATA": str(home),
            "ENTREPOT_PORT": str(self.port),
            "ENTREPOT_DOORS": "2",
            "ENTREPOT_POOL": "4",
        }
        self.key = ""
        self.acknowledged: dict[str, str] = {}
        self.completed: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "entrepot", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self) -> None:
        log = (self.home / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "entrepot", "serve"],
            env=self.environment,
            stdout=log,
            stderr=log,
        )
        deadline = CLOCK.monotonic() + READY_S
        while CLOCK.monotonic() < deadline:
            assert self.process.poll() is None, self.log()
            if self.is_ready():
                break
            CLOCK.sleep(0.1)
        assert self.is_ready(), self.log()
        if not self.key:
            self.key = next(word for word in self.log().split() if word.startswith("ent_"))

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/v1/health/ready", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def log(self) -> str:
        return (self.home / "serve.log").read_text()

    def order(self, name: str, sku: str) -> None:
        """Place one order; what is acknowledged is remembered, what fails is not."""
        try:
            response = httpx.post(
                f"{self.url}/v1/orders",
                headers={"Authorization": f"Bearer {self.key}", "Idempotency-Key": name},
                json={
                    "lines": [{"sku": sku, "quantity": 1}],
                    "ship_to": {"country": "DE", "postal_code": "10117"},
                    "currency": "EUR",
                    "backorder": True,
                },
                timeout=10,
            )
        except httpx.TransportError:
            return
        if response.status_code == 201:
            self.acknowledged[name] = response.json()["order_id"]

    def cart(self, name: str, sku: str) -> None:
        """Fill a cart and complete it; as with orders, only what is acknowledged is remembered."""
        where = {"country": "DE", "postal_code": "10117"}
        lines = [{"sku": sku, "quantity": 1}]
        wanted = {"cart_id": name, "currency": "EUR", "lines": lines, "ship_to": where}
        headers = {"Authorization": f"Bearer {self.key}"}
        try:
            httpx.post(
                f"{self.url}/v1/carts",
                headers={**headers, "Idempotency-Key": name},
                json=wanted,
                timeout=10,
            )
            response = httpx.post(
                f"{self.url}/v1/carts/{name}/complete",
                headers=headers,
                json={"ship_to": where, "backorder": True},
                timeout=10,
            )
        except httpx.TransportError:
            return
        if response.status_code == 201:
            self.completed[name] = response.json()["order_id"]

    def order_of_cart(self, name: str) -> str | None:
        found = httpx.get(
            f"{self.url}/v1/carts/{name}",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=10,
        )
        return str(found.json()["order_id"]) if found.status_code == 200 else None

    def order_of(self, name: str) -> str | None:
        found = httpx.get(
            f"{self.url}/v1/orders",
            params={"key": name},
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=10,
        ).json()["orders"]
        return found[0]["order_id"] if found else None

    def children(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def postgres(self) -> list[psutil.Process]:
        return [p for p in psutil.process_iter(["name"]) if self._is_ours(p)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and str(self.home) in str(
                Path(f"/proc/{process.pid}/cwd").readlink()
            )
        except (psutil.Error, OSError):
            return False

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


@pytest.fixture
def shop() -> Iterator[Shop]:
    home = open_folder("entrepot-killed-")
    shop = Shop(home)
    try:
        shop.start()
        template = home / "template"
        assert shop.command("new", str(template)).returncode == 0
        loaded = shop.command("load", str(template))
        assert loaded.returncode == 0, loaded.stderr + loaded.stdout
        yield shop
    finally:
        shop.end()
        shop.command("stop")
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def buyers(shop: Shop) -> Iterator[None]:
    """Buyers who keep ordering until the block ends."""
    stop = threading.Event()

    def buy(buyer: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            done = len(shop.acknowledged) + len(shop.completed)
            buy = shop.cart if number % 4 == 0 else shop.order
            buy(f"{done}-{buyer}-{number}", SKUS[number % len(SKUS)])

    threads = [threading.Thread(target=buy, args=(n,)) for n in range(BUYERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def kill_door(shop: Shop, rng: random.Random) -> None:
    kill([rng.choice([p for p in shop.children() if "door" in p.cmdline()])])


def kill_worker(shop: Shop, rng: random.Random) -> None:
    kill([p for p in shop.children() if "work" in p.cmdline()])


def kill_database(shop: Shop, rng: random.Random) -> None:
    kill(shop.postgres())


def kill_supervisor(shop: Shop, rng: random.Random) -> None:
    assert shop.process is not None
    shop.process.kill()
    shop.process.wait()
    shop.start()


def kill_everything(shop: Shop, rng: random.Random) -> None:
    assert shop.process is not None
    shop.process.kill()
    kill(shop.postgres())
    shop.process.wait()
    shop.start()


def campaign(shop: Shop, rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    kills = [kill_door, kill_worker, kill_database, kill_supervisor, kill_everything]
    for number in range(rounds):
        with buyers(shop):
            CLOCK.sleep(0.5 + rng.random())
            kills[number % len(kills)](shop, rng)
            CLOCK.sleep(0.5)
        deadline = CLOCK.monotonic() + READY_S
        while not shop.is_ready():
            assert CLOCK.monotonic() < deadline, shop.log()
            CLOCK.sleep(0.1)
    lost = [n for n, order_id in shop.acknowledged.items() if shop.order_of(n) != order_id]
    lost += [n for n, order_id in shop.completed.items() if shop.order_of_cart(n) != order_id]
    acknowledged = len(shop.acknowledged) + len(shop.completed)
    assert not lost, f"{len(lost)} of {acknowledged} acknowledged orders are lost"
    assert shop.completed, "no cart came through"
    assert acknowledged > 10 * rounds, "too few orders came through to prove anything"
    # Who saw no answer asks again with the same key and gets exactly one order.
    audited = shop.command("audit")
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_every_acknowledged_order_survives(shop: Shop) -> None:
    campaign(shop, rounds=5, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_a_long_campaign(shop: Shop) -> None:
    campaign(shop, rounds=60, seed=2)
