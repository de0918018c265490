"""The network verbs: a snapshot to read from, and changes in batches.

Changes of the network come one after another: each locks the version row before it reads. A change
that says what is there already is answered `Unchanged` and leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import msgspec

from entrepot.departments.network import checks, store
from entrepot.departments.network.decisions import assemble, fingerprint_after
from entrepot.departments.network.model import (
    Area,
    Carrier,
    Change,
    Changed,
    CloseNode,
    Footprint,
    Network,
    NetworkChanged,
    Node,
    NodeClosed,
    NodeOpened,
    NodeStatus,
    Offering,
    RateCard,
    Retailer,
    Service,
    Transit,
    Unchanged,
    WorkCalendar,
    ZoneRule,
)
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.facts import Fact
from entrepot.words.outcome import Conflict, Refusal, RefusalCode, shown

V = TypeVar(
    "V",
    Retailer,
    WorkCalendar,
    Node,
    Carrier,
    Service,
    Offering,
    ZoneRule,
    Transit,
    RateCard,
    Footprint,
    Area,
)
Answers = list[Changed[V] | Unchanged[V] | Refusal]

READ_ATTEMPTS = 5
KEPT_MAX = 4
ROOM = "network"


class _Kept:
    """The networks read last, by fingerprint. Equal fingerprints mean equal networks, whichever
    database or unfinished transaction they come from, so that one cache serves them all."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._networks: dict[bytes, Network] = {}

    def get(self, fingerprint: bytes) -> Network | None:
        return self._networks.get(fingerprint)

    def add(self, network: Network) -> None:
        with self._lock:
            while len(self._networks) >= KEPT_MAX:
                del self._networks[next(iter(self._networks))]
            self._networks[network.fingerprint] = network


_KEPT = _Kept()


def snapshot(tx: Tx) -> Network:
    """The network as this transaction found it: one small query, and everything read only after a
    change.

    Raises: Conflict when the network changes faster than it can be read.
    """
    if ROOM not in tx.kept:
        tx.kept[ROOM] = _read(tx)
    network: Network = tx.kept[ROOM]
    return network


def _read(tx: Tx) -> Network:
    number, fingerprint = store.version(tx)
    for _ in range(READ_ATTEMPTS):
        kept = _KEPT.get(fingerprint)
        if kept is not None:
            return kept
        parts = store.read(tx)
        # Another transaction may commit between two of these reads: only a network that has the
        # same version after them is one.
        before, (number, fingerprint) = fingerprint, store.version(tx)
        if before == fingerprint:
            network = assemble(number, fingerprint, parts)
            _KEPT.add(network)
            return network
    raise Conflict("the network changed while it was read", kind="network")


class _Kind(NamedTuple):
    """How one kind of value is found, checked and written."""

    name: str
    held: Callable[[Network], Mapping[Any, Any]]
    check: Callable[[Network, Any], Refusal | None]
    put: Callable[[Tx, Sequence[Any]], None]


_RETAILER = _Kind(
    "retailer",
    lambda n: {n.retailer.key: n.retailer} if n.retailer is not None else {},
    checks.check_retailer,
    store.put_retailer,
)
_CALENDAR = _Kind(
    "calendar", lambda n: n.calendars, checks.check_work_calendar, store.put_calendars
)
_NODE = _Kind("node", lambda n: n.nodes, checks.check_node, store.put_nodes)
_CARRIER = _Kind("carrier", lambda n: n.carriers, checks.check_carrier, store.put_carriers)
_SERVICE = _Kind("service", lambda n: n.services, checks.check_service, store.put_services)
_OFFERING = _Kind("offering", lambda n: n.offerings, checks.check_offering, store.put_offerings)
_ZONE = _Kind("zone", lambda n: n.zones, checks.check_zone_rule, store.put_zone_rules)
_TRANSIT = _Kind("transit", lambda n: n.transits, checks.check_transit, store.put_transits)
_RATE = _Kind("rate", lambda n: n.rates, checks.check_rate_card, store.put_rates)
_FOOTPRINT = _Kind(
    "footprint", lambda n: n.footprints, checks.check_footprint, store.put_footprints
)
_AREA = _Kind("area", lambda n: n.areas, checks.check_area, store.put_areas)


def set_retailer(tx: Tx, changes: Sequence[Change[Retailer]]) -> Answers[Retailer]:
    """Say who runs this network. Refuses: missing_value, bad_value, bad_country."""
    return _set(tx, _RETAILER, changes)


def set_calendars(tx: Tx, changes: Sequence[Change[WorkCalendar]]) -> Answers[WorkCalendar]:
    """Set working hours. Refuses: bad_identifier, missing_value, bad_value."""
    return _set(tx, _CALENDAR, changes)


def open_nodes(tx: Tx, changes: Sequence[Change[Node]]) -> Answers[Node]:
    """Open nodes, or replace what is known of them; one with status closed closes.

    Refuses: bad_identifier, missing_value, bad_value, bad_country, bad_postal_code.
    Facts: NodeOpened, NodeClosed, NetworkChanged.
    """
    return _set(tx, _NODE, changes)


def close_nodes(
    tx: Tx, commands: Sequence[CloseNode]
) -> list[Changed[Node] | Unchanged[Node] | Refusal]:
    """Let nodes take no more work.

    Refuses: unknown_node. Facts: NodeClosed, NetworkChanged.
    """
    store.lock_version(tx)
    nodes = _read(tx).nodes
    known = [c for c in commands if c.node_id in nodes]
    closed = [msgspec.structs.replace(nodes[c.node_id], status=NodeStatus.closed) for c in known]
    answers = iter(
        _set(
            tx,
            _NODE,
            [Change(c.command_id, c.actor, node) for c, node in zip(known, closed, strict=True)],
        )
    )
    return [
        next(answers)
        if c.node_id in nodes
        else Refusal(
            RefusalCode.unknown_node,
            f"node_id: found {shown(c.node_id)}, expected the id of a known node; correct it",
            "node_id",
        )
        for c in commands
    ]


def set_carriers(tx: Tx, changes: Sequence[Change[Carrier]]) -> Answers[Carrier]:
    """Set carriers. Refuses: bad_identifier, missing_value, bad_value."""
    return _set(tx, _CARRIER, changes)


def set_services(tx: Tx, changes: Sequence[Change[Service]]) -> Answers[Service]:
    """Set services. Refuses: bad_identifier, missing_value, bad_value."""
    return _set(tx, _SERVICE, changes)


def offer_services(tx: Tx, changes: Sequence[Change[Offering]]) -> Answers[Offering]:
    """Say where services can be had. Refuses: unknown_service, unknown_node, bad_value."""
    return _set(tx, _OFFERING, changes)


def set_zones(tx: Tx, changes: Sequence[Change[ZoneRule]]) -> Answers[ZoneRule]:
    """Set zone rules. Refuses: unknown_node, bad_country, bad_postal_code, bad_value."""
    return _set(tx, _ZONE, changes)


def set_transits(tx: Tx, changes: Sequence[Change[Transit]]) -> Answers[Transit]:
    """Set transit times. Refuses: unknown_service, bad_value."""
    return _set(tx, _TRANSIT, changes)


def set_rates(tx: Tx, changes: Sequence[Change[RateCard]]) -> Answers[RateCard]:
    """Set rate cards. Refuses: unknown_service, bad_value, bad_price."""
    return _set(tx, _RATE, changes)


def set_footprints(tx: Tx, changes: Sequence[Change[Footprint]]) -> Answers[Footprint]:
    """Set footprints. Refuses: unknown_service, bad_value."""
    return _set(tx, _FOOTPRINT, changes)


def set_areas(tx: Tx, changes: Sequence[Change[Area]]) -> Answers[Area]:
    """Set areas. Refuses: missing_value, bad_value, bad_country, bad_postal_code."""
    return _set(tx, _AREA, changes)


def _set(tx: Tx, kind: _Kind, changes: Sequence[Change[V]]) -> Answers[V]:
    number, fingerprint = store.lock_version(tx)
    network = _read(tx)
    held = dict(kind.held(network))
    before = dict(held)
    answers: Answers[V] = []
    written: dict[Hashable, Change[V]] = {}
    for change in changes:
        key = change.value.key
        refusal = kind.check(network, change.value)
        if refusal is not None:
            answers.append(refusal)
        elif held.get(key) == change.value:
            answers.append(Unchanged(change.value))
        else:
            held[key] = change.value
            written[key] = change
            answers.append(Changed(change.value))
    if written:
        values = [change.value for change in written.values()]
        kind.put(tx, values)
        store.raise_version(tx, number + 1, fingerprint_after(fingerprint, kind.name, values))
        announce(tx, _told(kind, before, written, number + 1))
        tx.kept.pop(ROOM, None)
    return answers


def _told(
    kind: _Kind,
    before: Mapping[Hashable, Any],
    written: Mapping[Hashable, Change[Any]],
    number: int,
) -> list[Announcement]:
    told = []
    for key, change in written.items():
        node = change.value
        if isinstance(node, Node):
            was = before[key].status if key in before else None
            if was is not node.status:
                opened = node.status is NodeStatus.open
                fact: Fact = NodeOpened(node) if opened else NodeClosed(node)
                told.append(
                    Announcement(f"node/{node.node_id}", fact, change.command_id, change.actor)
                )
    first = next(iter(written.values()))
    keys = tuple("/".join(map(str, k)) if isinstance(k, tuple) else str(k) for k in written)
    told.append(
        Announcement(
            "network", NetworkChanged(kind.name, keys, number), first.command_id, first.actor
        )
    )
    return told
