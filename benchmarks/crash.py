"""Orders under faults: what was acknowledged is there, once, and everything adds up.

Buyers in a process of their own place orders through `entrepot serve`, each under a key that is
known before it is sent. Then something is killed, cut or loses its power, and is started again as
its keeper would. Every acknowledged order must be in the database under its key; what got no
answer is asked for again with the same key and must be there exactly once; the audit must find
nothing. A control acknowledges commits before they are on the disk, and what brings them there is
held up for a moment: it must lose orders, for a test that cannot fail proves nothing.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter, sleep
from typing import NamedTuple

import msgspec

from benchmarks import load, power, retailer
from benchmarks.doors import ROOT, body, percentile
from benchmarks.load import Plan, Result, Sent
from benchmarks.power import Disk
from benchmarks.runner import Report
from benchmarks.server import RETAILERS, Server
from benchmarks.shop import Shop
from entrepot.flows.order_to_delivery.model import AskedLine

ITEMS = RETAILERS["small"]
BUYERS = 16
BODIES = 500
# Every so manieth order is for the first item too.
HOT_EVERY = 4
LOAD_S = 0.8
AFTER_S = 0.3
AGAIN_S = 90.0
REPEATS = 5
CONTROLS = 3
HELD_S = 0.3
ACKNOWLEDGED_MIN = 10
RECOVERY_S_AIM = 10.0


class Fault(NamedTuple):
    """Something that goes wrong.

    strike   does it; may tell how
    restart  what its keeper does then, from when the time until the next order runs
    """

    name: str
    strike: Callable[[], str | None]
    restart: Callable[[], None] = lambda: None


class Books(NamedTuple):
    """What buyers know.

    acknowledged  order id by key
    unknown       numbers of requests without an answer that says what became of them
    refused       answers that are no order and no fault
    """

    acknowledged: dict[str, str]
    unknown: list[int]
    refused: list[str]


class Cycle(NamedTuple):
    """What one fault came to.

    before      orders acknowledged before it
    recovery_s  from the fault until an order that was sent after it was acknowledged; None = never
    """

    fault: str
    before: int
    acknowledged: int
    unknown: int
    recovery_s: float | None
    lost: list[str]
    twice: list[str]
    findings: list[str]
    how: str = ""


def books(key: str, sent: Sequence[Sent]) -> Books:
    """What became of the requests whose keys begin with `key`."""
    acknowledged: dict[str, str] = {}
    unknown: list[int] = []
    refused: list[str] = []
    for one in sent:
        if one.status == 201:
            order_id = msgspec.json.decode(one.answer)["order_id"]
            acknowledged[f"{key}-{one.number}"] = order_id
        elif one.status == 0 or one.status >= 500:
            unknown.append(one.number)
        else:
            refused.append(one.answer)
    return Books(acknowledged, unknown, refused)


def differing(
    acknowledged: Mapping[str, str], found: Mapping[str, Sequence[str]]
) -> tuple[list[str], list[str]]:
    """Keys whose acknowledged order is not in the database; keys with another one or several.

    found  the orders of the database by key
    """
    lost = [key for key, order_id in acknowledged.items() if order_id not in found.get(key, ())]
    twice = [key for key, order_ids in found.items() if len(set(order_ids)) > 1]
    twice += [
        key
        for key, order_id in acknowledged.items()
        if len(found.get(key, ())) == 1 and found[key][0] != order_id
    ]
    return lost, twice


def recovered(sent: Sequence[Sent], struck: float, done: float) -> float | None:
    """Seconds from a fault until the first order sent after it was acknowledged.

    struck, done  when it began and when it was over
    """
    again = [one.ended_at for one in sent if one.status == 201 and one.sent_at >= done]
    return min(again) - struck if again else None


class Buyers:
    """A generator in a process of its own that orders until it is told to stop."""

    def __init__(self, plan: Plan) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(plan))
        self._process.stdin.close()
        self._process.stdin = None

    def stop(self) -> Result:
        """What became of what they sent."""
        self._process.terminate()
        said, _ = self._process.communicate()
        return msgspec.json.decode(said, type=Result)


class Campaign:
    """One installation through many faults."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self._chance = random.Random(seed)
        self._bodies = _bodies(seed)
        self._acknowledged: dict[str, str] = {}
        self._numbers = 0

    def cycle(self, fault: Fault, *, control: bool = False) -> Cycle:
        """Load, fault, restart, and look.

        control  the writer of the log is held before; only what is lost counts
        """
        self._numbers += 1
        key = f"{fault.name}-{self._numbers}".replace(" ", "-")
        plan = self._plan(key)
        buyers = Buyers(plan)
        try:
            self._until_ordered(f"{key}-first")
            sleep(LOAD_S * (0.5 + self._chance.random()))
            self.shop.deadlocks()
            if control:
                self.shop.hold_log_writer()
                sleep(HELD_S)
            struck = perf_counter()
            how = fault.strike()
            done = perf_counter()
            fault.restart()
            self._until_ordered(f"{key}-again")
            sleep(AFTER_S)
        finally:
            result = buyers.stop()
        known = books(key, result.sent)
        assert not known.refused, f"orders are refused: {known.refused[:3]}"
        before = sum(one.status == 201 and one.ended_at < struck for one in result.sent)
        assert before >= ACKNOWLEDGED_MIN, f"{before} orders before the fault prove nothing"
        if control:
            lost, _ = differing(known.acknowledged, self.shop.orders(key))
            return Cycle(fault.name, before, len(known.acknowledged), 0, None, lost, [], [])
        repeated = self._repeat(plan, known.unknown)
        self._acknowledged |= known.acknowledged | repeated
        lost, twice = differing(self._acknowledged, self.shop.orders())
        self.shop.deadlocks()
        return Cycle(
            fault=fault.name,
            before=before,
            acknowledged=len(known.acknowledged),
            unknown=len(known.unknown),
            recovery_s=recovered(result.sent, struck, done),
            lost=lost,
            twice=twice,
            findings=self.shop.audit(),
            how=how or "",
        )

    def _plan(self, key: str) -> Plan:
        return Plan(
            host="127.0.0.1",
            port=self.shop.port,
            path="/v1/orders",
            authorization=self.shop.authorization,
            bodies=self._bodies,
            key=key,
            seconds=600.0,
            connections=BUYERS,
            journal=True,
        )

    def _until_ordered(self, key: str) -> None:
        """Place orders until one is acknowledged."""
        end = perf_counter() + AGAIN_S
        number = 0
        while perf_counter() < end:
            number += 1
            plan = msgspec.structs.replace(
                self._plan(key), connections=1, seconds=0.5, numbers=[number]
            )
            result = load.run(plan)
            self._acknowledged |= books(key, result.sent).acknowledged
            if result.good:
                return
        raise AssertionError(f"no order was taken within {AGAIN_S:.0f} s")

    def _repeat(self, plan: Plan, numbers: list[int]) -> dict[str, str]:
        """Ask again, with the same keys, for what got no answer, until it has one."""
        answered: dict[str, str] = {}
        for _ in range(REPEATS):
            if not numbers:
                return answered
            result = load.run(msgspec.structs.replace(plan, numbers=numbers, seconds=30.0))
            known = books(plan.key, result.sent)
            assert not known.refused, f"repeated orders are refused: {known.refused[:3]}"
            answered |= known.acknowledged
            numbers = known.unknown
        raise AssertionError(f"{len(numbers)} orders have no answer after {REPEATS} repeats")


def _bodies(seed: int) -> list[str]:
    hot = AskedLine(retailer.SKUS[0], 1)
    orders = retailer.orders(BODIES, seed, goods=retailer.skus(ITEMS)[1:])
    return [
        body(
            order
            if number % HOT_EVERY
            else msgspec.structs.replace(order, lines=(hot, *order.lines))
        )
        for number, order in enumerate(orders)
    ]


def faults(shop: Shop, disk: Disk | None) -> list[Fault]:
    """What is done to it.

    disk  its data home lies there; None = it cannot lose its power
    """
    found = [
        Fault("kill server", lambda: shop.kill(shop.server()), shop.start),
        Fault("kill postgres", lambda: shop.kill(shop.postgres())),
        Fault("cut connections", shop.cut_connections),
    ]
    if disk is None:
        return found

    def cut() -> None:
        running = [*shop.postgres(), *shop.server()]
        disk.cut()
        shop.kill(running)

    def plug_in() -> None:
        disk.unmount()
        disk.mount()
        shop.start()

    return [*found, Fault("cut power", cut, plug_in)]


def run(
    report: Report, server: Server, *, times: int | None = None, with_power: bool = True
) -> None:
    """Every fault so many times, and the control.

    with_power  the power is cut too, where the machine allows it
    """
    times = times or (2 if report.quick else report.times)
    folder = server.folder / "crash"
    folder.mkdir(mode=0o711)
    why = power.why_not(folder / "trial") if with_power else "it is not asked for"
    if why is not None:
        report.note(f"the power is not cut: {why}")
    with (
        report.console.status("crash: an installation is made") as status,
        _installation(folder, with_disk=why is None) as (shop, disk),
    ):
        guards = shop.guards()
        assert set(guards.values()) == {"on"}, f"orders are not safe here: {guards}"
        told = ", ".join(f"{name} {value}" for name, value in guards.items())
        where = f"{disk.system} in a file" if disk else "a folder"
        report.note(f"data home on {where}; as our sessions are told: {told}")
        campaign = Campaign(shop, seed=1)
        known = faults(shop, disk)
        cycles = []
        for number in range(1, times + 1):
            for fault in known:
                status.update(f"crash: {fault.name}, {number} of {times}")
                cycles.append(campaign.cycle(fault))
        deadlocks = shop.deadlocks()
        status.update("crash: the control, which must lose orders")
        control = _control(campaign, known, min(times, CONTROLS))
    tell(report, cycles, deadlocks)
    tell_control(report, control)


@contextmanager
def _installation(folder: Path, *, with_disk: bool) -> Iterator[tuple[Shop, Disk | None]]:
    """One with a retailer, at work."""
    with ExitStack() as opened:
        opened.callback(shutil.rmtree, folder, ignore_errors=True)
        disk = None
        if with_disk:
            disk = Disk(folder)
            opened.callback(disk.remove)
        shop = Shop((disk.at if disk else folder) / "home", folder / "serve.log")
        opened.callback(shop.end)
        shop.make(ITEMS)
        shop.start()
        shop.wait_ready()
        yield shop, disk


def _control(campaign: Campaign, known: Sequence[Fault], times: int) -> list[Cycle]:
    """The worst there is, when commits are acknowledged before they are on the disk."""
    campaign.shop.trust_memory()
    by_name = {fault.name: fault for fault in known}
    fault = by_name.get("cut power", by_name["kill postgres"])
    return [campaign.cycle(fault, control=True) for _ in range(times)]


def tell_control(report: Report, cycles: Sequence[Cycle]) -> None:
    """How many orders the control lost; it has to."""
    lost = sum(len(cycle.lost) for cycle in cycles)
    report.add("crash", "control_lost", "orders", [float(lost)])
    report.check(
        lost > 0,
        f"control_lost: {lost:,} of {sum(c.acknowledged for c in cycles):,} acknowledged orders "
        f"by {cycles[0].fault} without synchronous_commit, which shows that a loss is seen",
    )


def tell(report: Report, cycles: Sequence[Cycle], deadlocks: int) -> None:
    """The figures of all cycles; what must hold is checked."""
    names = list(dict.fromkeys(cycle.fault for cycle in cycles))
    by_name = {name: [c for c in cycles if c.fault == name] for name in names}
    never = [c.fault for c in cycles if c.recovery_s is None]
    report.check(not never, f"orders were taken again after every fault {never or ''}")
    shown = []
    for name, mine in by_name.items():
        times = [c.recovery_s for c in mine if c.recovery_s is not None]
        if times:
            shown.append(report.add("crash", f"recovery_s: {name}", "s", times))
    report.show("from the fault to the next order", shown)
    for name, mine in by_name.items():
        how = "".join(f" {one}" for one in sorted({c.how for c in mine if c.how}))
        report.note(
            f"{name}{how}: {len(mine)} times, {sum(c.acknowledged for c in mine):,} orders "
            f"acknowledged, {sum(c.before for c in mine):,} of them before the fault, "
            f"{sum(c.unknown for c in mine):,} without an answer and asked for again"
        )
    lost = {key for cycle in cycles for key in cycle.lost}
    twice = {key for cycle in cycles for key in cycle.twice}
    failed = [cycle for cycle in cycles if cycle.findings]
    told = [finding for cycle in failed for finding in cycle.findings][:3]
    for name, count, what in (
        ("acknowledged_lost", len(lost), sorted(lost)[:3]),
        ("applied_twice", len(twice), sorted(twice)[:3]),
        ("audit_failures", len(failed), told),
        ("deadlocks", deadlocks, []),
    ):
        report.add("crash", name, "times", [float(count)])
        report.check(not count, f"{name}: {count} {what or ''}".rstrip())
    times = [c.recovery_s for c in cycles if c.recovery_s is not None]
    if times:
        slow = percentile(times, 95) if len(times) > 1 else times[0]
        report.add("crash", "recovery_s_p95", "s", [slow])
        said = "reached" if slow <= RECOVERY_S_AIM else "not reached"
        report.note(f"recovery_s_p95: {slow:.1f} s, aim {RECOVERY_S_AIM:g}: {said}")
