"""The ledger's verbs: batches in, answers in order out, all in the caller's transaction.

Every verb takes the balances once, in key order, decides in pure functions, and writes with a
guard: what is answered and told is what stands under the lock. Stock is the last thing locked
(lock order: command, cart, order, stock). Commitments to carts and orders are in `commitments`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from entrepot.departments.inventory import availability, decisions, store
from entrepot.departments.inventory.decisions import Ledger
from entrepot.departments.inventory.free_stock import FreeStock
from entrepot.departments.inventory.model import (
    Account,
    Adjustment,
    Balance,
    Count,
    Expect,
    Expected,
    Movement,
    OpeningStock,
    Posted,
    Quarantine,
    Receipt,
    ReceiptExpected,
    Recorded,
    Repeated,
    StockAdjusted,
    StockCounted,
    StockQuarantined,
    StockReceived,
)
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.facts import Fact
from entrepot.words.outcome import Refusal, RefusalCode

AUDIT_FINDINGS_MAX = 100

C = TypeVar("C", Receipt, Adjustment, Count, Quarantine)


def balances(tx: Tx, skus: Iterable[str]) -> list[Balance]:
    """Stock of these SKUs at every node that ever had any, by SKU and node."""
    return store.balances(tx, skus)


def free_stock(tx: Tx, skus: Sequence[str], nodes: Sequence[str]) -> FreeStock:
    """What may be promised of these SKUs at these nodes, as a table to decide over."""
    return store.free_stock(tx, skus, nodes)


def balance_page(tx: Tx, after: tuple[str, str], limit: int) -> list[Balance]:
    """All balances, a page at a time: those after (SKU, node)."""
    return store.page(tx, after, limit)


def record_opening(tx: Tx, commands: Sequence[OpeningStock]) -> list[Recorded | Repeated | Refusal]:
    """Book stock that was there before the system knew of it.

    Refuses: bad_quantity; already_counted when the SKU has other opening stock at the node.
    """
    taken = store.take(tx, ((c.sku, c.node) for c in commands))
    ledger = Ledger(taken)
    booked = dict(store.opened(tx, {c.sku for c in commands}))
    answers: list[Recorded | Repeated | Refusal] = []
    movements: list[Movement] = []
    opened: dict[tuple[str, str], int] = {}
    for command in commands:
        key = (command.sku, command.node)
        decided = _open(ledger, booked, command)
        if isinstance(decided, Movement):
            booked[key] = opened[key] = command.quantity_each
            ledger.apply(decided)
            movements.append(decided)
            answers.append(Recorded(ledger.balance(*key)))
        else:
            answers.append(decided)
    store.record_opened(tx, opened)
    _post(tx, taken, movements)
    announce(
        tx,
        [
            _told(m, StockReceived(m.sku, m.node, m.quantity_each, m.document, False))
            for m in movements
        ],
    )
    return answers


def _open(
    ledger: Ledger, booked: Mapping[tuple[str, str], int], command: OpeningStock
) -> Movement | Repeated | Refusal:
    before = booked.get((command.sku, command.node))
    if before is None or decisions.bad_quantity(command.quantity_each):
        return decisions.open_stock(ledger, command)
    if before == command.quantity_each:
        return Repeated(ledger.balance(command.sku, command.node))
    return _opened_before(command, before)


def _post(tx: Tx, taken: Iterable[Balance], movements: Sequence[Movement]) -> None:
    known = {(b.sku, b.node) for b in taken}
    store.create(tx, {(m.sku, m.node) for m in movements} - known)
    store.post(tx, movements)


def _opened_before(command: OpeningStock, booked_each: int) -> Refusal:
    return Refusal(
        code=RefusalCode.already_counted,
        message=(
            f"{command.sku} at {command.node}: opening stock of {booked_each} was booked before, "
            f"found {command.quantity_each} now; correct it by an adjustment or a count"
        ),
        field="quantity_each",
        facts={"booked_each": booked_each, "found_each": command.quantity_each},
    )


def _told(movement: Movement, fact: Fact) -> Announcement:
    return Announcement(
        subject=f"stock/{movement.sku}/{movement.node}",
        fact=fact,
        command_id=movement.command_id,
        actor=movement.actor,
    )


def _book(
    tx: Tx,
    commands: Sequence[C],
    decide: Callable[[Ledger, C], Movement | Refusal | None],
    tell: Callable[[C, Movement | None], Fact],
) -> list[Recorded | Refusal]:
    """Decide each command over the stock as it is taken, post, announce, answer in order."""
    taken = store.take(tx, ((c.sku, c.node) for c in commands))
    ledger = Ledger(taken)
    movements: list[Movement] = []
    told: list[Announcement] = []
    answers: list[Recorded | Refusal] = []
    for command in commands:
        decided = decide(ledger, command)
        if isinstance(decided, Refusal):
            answers.append(decided)
            continue
        if decided is not None:
            ledger.apply(decided)
            movements.append(decided)
        told.append(
            Announcement(
                subject=f"stock/{command.sku}/{command.node}",
                fact=tell(command, decided),
                command_id=command.command_id,
                actor=command.actor,
            )
        )
        answers.append(Recorded(ledger.balance(command.sku, command.node)))
    _post(tx, taken, movements)
    announce(tx, told)
    return answers


def receive(tx: Tx, commands: Sequence[Receipt]) -> list[Recorded | Refusal]:
    """Goods arrive; what was expected of them is taken off. Fact: StockReceived."""
    answers = _book(
        tx,
        commands,
        decisions.receive,
        lambda c, _: StockReceived(c.sku, c.node, c.quantity_each, c.document, c.quarantine),
    )
    received: dict[tuple[str, str], tuple[int, bool]] = {}
    for command, answer in zip(commands, answers, strict=True):
        if command.expected_id is not None and isinstance(answer, Recorded):
            key = (command.sku, command.expected_id)
            units, closes = received.get(key, (0, False))
            received[key] = (units + command.quantity_each, closes or command.closes_expected)
    store.close_expected(tx, received)
    return answers


def withdraw(tx: Tx, keys: Iterable[tuple[str, str]]) -> None:
    """Count no more on what was expected: (SKU, expected id); an unknown one changes nothing."""
    store.close_expected(tx, dict.fromkeys(keys, (0, True)))


def adjust(tx: Tx, commands: Sequence[Adjustment]) -> list[Recorded | Refusal]:
    """Correct free stock, with a reason. Fact: StockAdjusted."""
    return _book(
        tx,
        commands,
        decisions.adjust,
        lambda c, _: StockAdjusted(c.sku, c.node, c.change_each, c.reason, c.document),
    )


def count(tx: Tx, commands: Sequence[Count]) -> list[Recorded | Refusal]:
    """Book cycle counts; one that finds what the books say moves nothing. Fact: StockCounted."""
    return _book(
        tx,
        commands,
        decisions.count,
        lambda c, m: StockCounted(
            c.sku, c.node, c.counted_each, _signed(m) if m else 0, c.document
        ),
    )


def _signed(movement: Movement) -> int:
    gain = movement.to_account is Account.free
    return movement.quantity_each if gain else -movement.quantity_each


def quarantine(tx: Tx, commands: Sequence[Quarantine]) -> list[Recorded | Refusal]:
    """Take units from sale, give them back, or scrap them. Fact: StockQuarantined."""
    return _book(
        tx,
        commands,
        decisions.quarantine,
        lambda c, _: StockQuarantined(
            c.sku,
            c.node,
            -c.quantity_each if c.release or c.scrap else c.quantity_each,
            c.document,
            c.scrap,
        ),
    )


def expect(tx: Tx, commands: Sequence[Expect]) -> list[Expect | Refusal]:
    """Announce receipts, or replace open ones. Fact: ReceiptExpected.

    Refuses: bad_quantity; wrong_state when the receipt was closed.
    """
    refusals = [decisions.bad_quantity(c.quantity_each) for c in commands]
    good = {(c.sku, c.expected_id): c for c, r in zip(commands, refusals, strict=True) if r is None}
    written = store.expect(tx, list(good.values()))
    announce(
        tx,
        [
            Announcement(
                subject=f"stock/{c.sku}/{c.node}",
                fact=ReceiptExpected(
                    c.sku, c.node, c.expected_id, c.quantity_each, c.due_at, c.document
                ),
                command_id=c.command_id,
                actor=c.actor,
            )
            for key, c in good.items()
            if key in written
        ],
    )
    return [
        refusal or (command if (command.sku, command.expected_id) in written else _closed(command))
        for command, refusal in zip(commands, refusals, strict=True)
    ]


def _closed(command: Expect) -> Refusal:
    return Refusal(
        code=RefusalCode.wrong_state,
        message=(
            f"expected_id: {command.expected_id} of {command.sku} was closed by its receipt; "
            "announce further units under another id"
        ),
        field="expected_id",
    )


def expected(tx: Tx, skus: Iterable[str]) -> list[Expected]:
    """Open expected receipts, by SKU and due time."""
    return store.expected(tx, skus)


def available_by_date(
    tx: Tx, skus: Iterable[str], nodes: Iterable[str] | None = None
) -> dict[str, list[availability.Step]]:
    """Cumulative ATP per SKU as a staircase of instants.

    nodes  count only stock and receipts at these; None = everywhere
    """
    wanted = sorted(set(skus))
    allowed = None if nodes is None else set(nodes)
    stock = store.balances(tx, wanted)
    coming = store.expected(tx, wanted)
    waiting = store.waiting(tx, wanted)
    return {
        sku: availability.available_by_date(
            tx.now,
            [b for b in stock if b.sku == sku and (allowed is None or b.node in allowed)],
            [e for e in coming if e.sku == sku and (allowed is None or e.node in allowed)],
            [w for w in waiting if w.sku == sku],
        )
        for sku in wanted
    }


def story(tx: Tx, sku: str, node: str | None = None, limit: int = 100) -> list[Posted]:
    """The latest movements of a SKU, newest first."""
    return store.story(tx, sku, node, limit)


def carry_forward(tx: Tx, since: str | None, until: str) -> None:
    """Keep what movements sum up to in each account, so that the ledger stays whole without them.

    since, until  the ids of those that leave: from the first (None = all) until before the second
    In the transaction that takes them away.
    """
    store.carry_forward(tx, since, until)


def audit(tx: Tx) -> tuple[list[str], dict[str, int]]:
    """Findings in words (empty = all is well) and what was looked at."""
    findings = [
        f"stock of {sku} at {node}: balance {balance}, ledger {ledger}, committed {committed}"
        for sku, node, balance, ledger, committed in store.audit_balances(tx, AUDIT_FINDINGS_MAX)
    ]
    findings += [
        f"stock of {sku}: {there} units there, but {net} came in less what went out"
        for sku, there, net in store.audit_conservation(tx, AUDIT_FINDINGS_MAX)
    ]
    findings += [
        f"stock of {sku} at {node}: opened with {noted}, the ledger says {booked}"
        for sku, node, noted, booked in store.audit_opened(tx, AUDIT_FINDINGS_MAX)
    ]
    movements, kept, reservations = store.audit_counts(tx)
    return findings, {
        "movements": movements,
        "balances": kept,
        "reservations": reservations,
    }
