"""Whether the network's files are right, each row alone and all of them together.

The files are seen on top of what the database holds: a folder may bring the whole network or only
what changed. Whatever does not fit is refused row by row; the rest still makes a working network.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from entrepot.departments.network import checks
from entrepot.departments.network.decisions import Parts, assemble
from entrepot.departments.network.model import (
    ANY_DAY,
    ANY_NODE,
    Network,
    NodeKind,
    NodeStatus,
    RateCard,
    Retailer,
)
from entrepot.flows.onboarding.cells import WEEKDAYS, read_row
from entrepot.flows.onboarding.network_rows import READERS, RateRow
from entrepot.flows.onboarding.rows import RefusedRow, Row
from entrepot.words.outcome import Refusal, RefusalCode, shown

# Table, the attribute of `Network` its values stand in, and their check; in the order in which
# they depend on each other.
TABLES: tuple[tuple[str, str, Callable[[Network, Any], Refusal | None]], ...] = (
    ("calendars", "calendars", checks.check_work_calendar),
    ("nodes", "nodes", checks.check_node),
    ("carriers", "carriers", checks.check_carrier),
    ("services", "services", checks.check_service),
    ("service_nodes", "offerings", checks.check_offering),
    ("zones", "zones", checks.check_zone_rule),
    ("transits", "transits", checks.check_transit),
    ("rates", "rates", checks.check_rate_card),
    ("carbon", "footprints", checks.check_footprint),
    ("areas", "areas", checks.check_area),
)


class Entry(NamedTuple):
    """A value and the rows that say so: one, or several for a rate card or equal rows."""

    value: Any
    rows: tuple[Row, ...]


class NetworkPlan(NamedTuple):
    """What the files come to.

    entries  by table, to be written in this order
    network  the network as it will be
    notes    what is no error and yet seldom meant
    """

    entries: Mapping[str, list[Entry]]
    network: Network
    refused: list[RefusedRow]
    notes: list[str]


def check_network(
    before: Network, retailer: Retailer, tables: Mapping[str, Iterable[Row]]
) -> NetworkPlan:
    """The files' rows as values that fit the network and each other.

    before  the network as the database holds it
    """
    draft = _Draft(before, retailer)
    for table, attribute, check in TABLES:
        for entry in _entries(table, tables.get(table, ()), retailer, draft.refused):
            refusal = check(draft.view, entry.value)
            if refusal is None:
                draft.put(table, attribute, entry)
            else:
                draft.refuse(entry, refusal)
    _check_transits(draft)
    _check_rates(draft)
    network = draft.assembled()
    if _check_zones(draft, network):
        network = draft.assembled()
    return NetworkPlan(draft.entries, network, draft.refused, list(_notes(network)))


class _Draft:
    """The database's network with the folder's values put on top of it one by one."""

    def __init__(self, before: Network, retailer: Retailer) -> None:
        self.before = before
        self.retailer = retailer
        self.parts: dict[str, dict[Any, Any]] = {
            attribute: dict(getattr(before, attribute)) for _, attribute, _ in TABLES
        }
        # The checks look values up by key only; what is derived is made at the end.
        self.view = Network(
            number=before.number,
            fingerprint=before.fingerprint,
            retailer=retailer,
            node_calendars={},
            serving={},
            **self.parts,
        )
        self.entries: dict[str, list[Entry]] = {table: [] for table, _, _ in TABLES}
        self.refused: list[RefusedRow] = []

    def put(self, table: str, attribute: str, entry: Entry) -> None:
        self.entries[table].append(entry)
        self.parts[attribute][entry.value.key] = entry.value

    def refuse(self, entry: Entry, refusal: Refusal) -> None:
        self.refused.extend(RefusedRow(row, refusal) for row in entry.rows)

    def take_back(
        self, table: str, attribute: str, refusals: Callable[[Any], Refusal | None]
    ) -> bool:
        """Refuse those of a table's entries that do not fit after all; whether there are any."""
        kept = []
        for entry in self.entries[table]:
            refusal = refusals(entry.value)
            if refusal is None:
                kept.append(entry)
                continue
            self.refuse(entry, refusal)
            key = entry.value.key
            was = getattr(self.before, attribute).get(key)
            if was is None:
                del self.parts[attribute][key]
            else:
                self.parts[attribute][key] = was
        changed = len(kept) < len(self.entries[table])
        self.entries[table] = kept
        return changed

    def assembled(self) -> Network:
        return assemble(
            self.before.number,
            self.before.fingerprint,
            Parts(self.retailer, *(self.parts[attribute].values() for _, attribute, _ in TABLES)),
        )


def _entries(
    table: str, rows: Iterable[Row], retailer: Retailer, refused: list[RefusedRow]
) -> Iterator[Entry]:
    """The rows as values by key; equal rows stand together, other rows of a key are refused."""
    read = READERS[table]
    found: dict[Any, tuple[Any, list[Row]]] = {}
    for row in rows:
        value = read_row(row, lambda cells: read(cells, retailer))
        if isinstance(value, Refusal):
            refused.append(RefusedRow(row, value))
            continue
        key = (*value[:3], value.step.up_to_mass_g) if isinstance(value, RateRow) else value.key
        first, same = found.setdefault(key, (value, []))
        if first == value:
            same.append(row)
        else:
            refused.append(RefusedRow(row, given_twice(key, same[0].line)))
    entries = (Entry(value, tuple(same)) for value, same in found.values())
    return _cards(entries) if table == "rates" else entries


def given_twice(key: object, line: int) -> Refusal:
    """The refusal of a row that says something else than an earlier one of the same key."""
    words = "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
    return Refusal(
        RefusalCode.duplicate_value,
        f"{shown(words)}: found other values in line {line}, expected one row; "
        "remove one of the two, or add them up",
    )


def _cards(steps: Iterable[Entry]) -> Iterator[Entry]:
    """Rate steps gathered into cards."""
    cards: dict[tuple[str, int, str], list[Entry]] = defaultdict(list)
    for entry in steps:
        cards[entry.value[:3]].append(entry)
    for key, entries in cards.items():
        by_mass = sorted((e.value.step for e in entries), key=attrgetter("up_to_mass_g"))
        rows = sorted((row for e in entries for row in e.rows), key=attrgetter("line"))
        yield Entry(RateCard(*key, tuple(by_mass)), tuple(rows))


def _check_transits(draft: _Draft) -> None:
    """Refuse transit times that leave a pickup day out, or for which there is no rate."""
    days: dict[tuple[str, int], set[int]] = defaultdict(set)
    for service_id, zone, weekday in draft.parts["transits"]:
        days[service_id, zone].add(weekday)
    rated = {(s, zone) for s, zone, c in draft.parts["rates"] if c == draft.retailer.currency}

    def refusal(transit: Any) -> Refusal | None:
        key = (transit.service_id, transit.zone)
        missing = set(draft.parts["services"][transit.service_id].pickup_days) - days[key]
        if ANY_DAY not in days[key] and missing:
            return _refusal(
                "weekday",
                f"no transit time of {key[0]} to zone {key[1]} for pickups on "
                + ", ".join(WEEKDAYS[day] for day in sorted(missing)),
                "one for every pickup day, or one for any day; add the rows",
            )
        if key not in rated:
            return _refusal(
                "zone",
                f"no rate in {draft.retailer.currency} for {key[0]} to zone {key[1]}",
                "one for every zone a service goes to; add it to rates",
            )
        return None

    draft.take_back("transits", "transits", refusal)


def _check_rates(draft: _Draft) -> None:
    """Refuse rates to where there is no transit time."""
    reached = {(s, zone) for s, zone, _ in draft.parts["transits"]}

    def refusal(card: RateCard) -> Refusal | None:
        if (card.service_id, card.zone) in reached:
            return None
        return _refusal(
            "zone",
            f"no transit time of {card.service_id} to zone {card.zone}",
            "one for every zone a service has rates for; add it to transits",
        )

    draft.take_back("rates", "rates", refusal)


def _check_zones(draft: _Draft, network: Network) -> bool:
    """Refuse zones that no service reaches; whether there were any."""
    shipping = [
        node.node_id
        for node in network.nodes.values()
        if node.status is NodeStatus.open and node.kind is not NodeKind.supplier_site
    ]

    def refusal(rule: Any) -> Refusal | None:
        nodes = shipping if rule.node_id == ANY_NODE else [rule.node_id]
        closed = rule.node_id != ANY_NODE and rule.node_id not in shipping
        if closed or any((node, rule.zone) in network.serving for node in nodes):
            return None
        return _refusal(
            "zone",
            f"zone {rule.zone}, which no service reaches from {rule.node_id}",
            "a zone with transit times and rates of a service that can be had there "
            "(service_nodes); add them",
        )

    return draft.take_back("zones", "zones", refusal)


def _refusal(column: str, found: str, expected: str) -> Refusal:
    return Refusal(RefusalCode.bad_value, f"{column}: found {found}, expected {expected}", column)


def _notes(network: Network) -> Iterator[str]:
    offered = {service_id for service_id, _ in network.offerings}
    for service_id in sorted(set(network.services) - offered):
        yield f"service {service_id} can be had at no node: name one in service_nodes"
    serving = {node_id for node_id, _ in network.serving}
    for node in network.nodes.values():
        ships = node.kind is not NodeKind.supplier_site and node.status is NodeStatus.open
        if ships and node.node_id not in serving:
            yield f"node {node.node_id} ships nothing: no service can be had there"
