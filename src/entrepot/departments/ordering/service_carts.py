"""The verbs of carts and channels: batches in, answers in order out, in the caller's transaction.

Who changes a cart takes its row first: changes, completions and sweeps of one cart come one after
another. What a cart holds is another room's stock: the flow holds and releases it after the cart
(lock order).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from entrepot.departments.ordering import decisions_carts, store_carts
from entrepot.departments.ordering.carts import (
    Cart,
    CartState,
    ChannelChange,
    ChannelSaid,
    Completion,
    SameRule,
)
from entrepot.departments.ordering.decisions_carts import cart_subject
from entrepot.departments.ordering.model import (
    CartAbandoned,
    CartCompleted,
    CartExpired,
    ChannelRule,
    ChannelSet,
    HoldsReleased,
    ReleasedLine,
)
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.outcome import Refusal, RefusalCode, shown

SWEEP_BATCH = 200
RETENTION_DAYS = 90
LATE = timedelta(hours=1)
AUDIT_FINDINGS_MAX = 100
SYSTEM = "system"


def channels(tx: Tx, names: Iterable[str]) -> dict[str, ChannelRule]:
    """How channels treat carts; one that nothing was said about holds nothing."""
    wanted = set(names)
    return {name: ChannelRule(name) for name in wanted} | store_carts.channels(tx, wanted)


def set_channels(
    tx: Tx, commands: Sequence[ChannelChange]
) -> list[ChannelSaid | SameRule | Refusal]:
    """Say how channels treat carts; equal content changes nothing. Fact: ChannelSet.

    Refuses: bad_value.
    """
    known = store_carts.channels(tx, (c.rule.channel for c in commands))
    answers: list[ChannelSaid | SameRule | Refusal] = []
    written: dict[str, ChannelRule] = {}
    told: list[Announcement] = []
    for command in commands:
        rule = command.rule
        refusal = decisions_carts.check_rule(rule)
        if refusal is not None:
            answers.append(refusal)
        elif known.get(rule.channel) == rule:
            answers.append(SameRule(rule))
        else:
            known[rule.channel] = written[rule.channel] = rule
            answers.append(ChannelSaid(rule))
            told.append(
                Announcement(
                    subject=f"channel/{rule.channel}",
                    fact=ChannelSet(rule),
                    command_id=command.command_id,
                    actor=command.actor,
                )
            )
    store_carts.put_channels(tx, list(written.values()))
    announce(tx, told)
    return answers


def open_carts(tx: Tx, carts: Sequence[Cart]) -> None:
    """Write new carts.

    Raises: Conflict when an id was taken meanwhile.
    """
    store_carts.insert(tx, carts)


def read(tx: Tx, cart_ids: Iterable[str]) -> dict[str, Cart]:
    """Carts by id; unknown ones left out."""
    return store_carts.read(tx, _possible(cart_ids))


def take(tx: Tx, cart_ids: Iterable[str]) -> dict[str, Cart]:
    """Carts by id, locked until the transaction ends; unknown ones left out."""
    return store_carts.take(tx, _possible(cart_ids))


def _possible(cart_ids: Iterable[str]) -> list[str]:
    """Without what no id can be: it may hold what the database does not take."""
    return [cart_id for cart_id in cart_ids if decisions_carts.check_id(cart_id) is None]


def unknown(cart_id: str) -> Refusal:
    """The refusal for a cart that does not exist."""
    return Refusal(
        code=RefusalCode.unknown_cart,
        message=(
            f"cart_id: found {shown(cart_id)}, expected the id of a cart; one that ended is "
            f"forgotten after {RETENTION_DAYS} days"
        ),
        field="cart_id",
    )


def write(tx: Tx, changed: Sequence[tuple[Cart, Cart]]) -> None:
    """Write carts that were taken and changed: (before, after)."""
    store_carts.change(tx, [after.head for _, after in changed])
    put, gone = [], []
    for before, after in changed:
        cart_id = after.head.cart_id
        left = {line.sku for line in after.lines}
        put += [(cart_id, line) for line in after.lines if line not in before.lines]
        gone += [(cart_id, line.sku) for line in before.lines if line.sku not in left]
    store_carts.remove_lines(tx, gone)
    store_carts.put_lines(tx, put)


def complete(tx: Tx, completions: Sequence[Completion]) -> None:
    """Carts that were taken became orders. Fact: CartCompleted."""
    store_carts.change(
        tx,
        [
            c.cart.head._replace(
                state=CartState.completed,
                version=c.cart.head.version + 1,
                active_at=tx.now,
                holds=False,
                ended_at=tx.now,
                order_id=c.order_id,
                order_command=c.order_command,
                completion_hash=c.completion_hash,
            )
            for c in completions
        ],
    )
    announce(
        tx,
        [
            Announcement(
                cart_subject(c.cart.head.cart_id),
                CartCompleted(c.cart.head.cart_id, c.cart.head.channel, c.order_id),
                c.order_command,
                c.actor,
            )
            for c in completions
        ],
    )


def abandon(tx: Tx, carts: Sequence[Cart], *, actors: Mapping[str, str]) -> list[Cart]:
    """Carts that were taken are given up; gives them as they are now. Fact: CartAbandoned.

    actors  by cart id, who gave them up
    """
    ended = [
        cart._replace(
            head=cart.head._replace(
                state=CartState.abandoned,
                version=cart.head.version + 1,
                active_at=tx.now,
                holds=False,
                ended_at=tx.now,
            )
        )
        for cart in carts
    ]
    store_carts.change(tx, [cart.head for cart in ended])
    announce(
        tx,
        [
            Announcement(
                cart_subject(cart.head.cart_id),
                CartAbandoned(
                    cart.head.cart_id, cart.head.channel, decisions_carts.told_lines(cart.lines)
                ),
                f"abandon:{cart.head.cart_id}",
                actors[cart.head.cart_id],
            )
            for cart in ended
        ],
    )
    return ended


def lapse(tx: Tx, limit: int = SWEEP_BATCH) -> list[str]:
    """Carts whose holds are over, at most `limit`: the flow gives their stock back and tells it."""
    return store_carts.lapse(tx, limit)


def expire(tx: Tx, limit: int = SWEEP_BATCH) -> int:
    """Expire carts that nobody touched in time; gives how many. Fact: CartExpired."""
    expired = store_carts.expire(tx, limit)
    lines = store_carts.lines_of(tx, expired) if expired else {}
    announce(
        tx,
        [
            Announcement(
                cart_subject(cart_id),
                CartExpired(cart_id, channel, decisions_carts.told_lines(lines.get(cart_id, ()))),
                f"expire:{cart_id}",
                SYSTEM,
            )
            for cart_id, channel in sorted(expired.items())
        ],
    )
    return len(expired)


def forget(tx: Tx, limit: int = SWEEP_BATCH) -> int:
    """Remove carts that ended long ago, at most `limit`; gives how many."""
    return store_carts.forget(tx, tx.now - timedelta(days=RETENTION_DAYS), limit)


def tell_released(
    tx: Tx,
    released: Mapping[str, Sequence[ReleasedLine]],
    *,
    reason: str,
    actors: Mapping[str, str],
) -> None:
    """Tell which units carts hold no more. Fact: HoldsReleased.

    reason  expired, changed or abandoned
    actors  by cart id, who caused it; the system where nobody is named
    """
    announce(
        tx,
        [
            Announcement(
                cart_subject(cart_id),
                HoldsReleased(cart_id, reason, tuple(lines)),
                f"release:{cart_id}",
                actors.get(cart_id, SYSTEM),
            )
            for cart_id, lines in sorted(released.items())
            if lines
        ],
    )


def audit(tx: Tx) -> tuple[list[str], dict[str, int]]:
    """Findings in words (empty = all is well) and what was looked at."""
    return (
        store_carts.audit(tx, tx.now - LATE, AUDIT_FINDINGS_MAX),
        {"carts": store_carts.audit_count(tx)},
    )
