"""The access tables' only speaker of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from entrepot.departments.access.chain import End, genesis
from entrepot.departments.access.model import (
    Anchor,
    AuditRow,
    ChangeRole,
    CreatePrincipal,
    KeyInfo,
    PrincipalInfo,
    PrincipalKind,
    StoredKey,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.access")

AUDIT_PAGE = 2_000


def find_key(tx: Tx, prefix: str) -> StoredKey | None:
    """The key with this prefix and what its principal may."""
    row = tx.row(Q.find_key, {"prefix": prefix})
    if row is None:
        return None
    return StoredKey(_key(row[:7]), row[7], PrincipalKind(row[8]), tuple(row[9]))


def _key(row: tuple[Any, ...]) -> KeyInfo:
    return KeyInfo(*row)._replace(scopes=None if row[2] is None else tuple(row[2]))


def touch_key(tx: Tx, prefix: str, before: datetime) -> None:
    """Note that the key was used now, unless someone noted it after `before`."""
    tx.run(Q.touch_key, {"prefix": prefix, "at": tx.now, "before": before})


def principals(tx: Tx, principal_ids: Iterable[str]) -> dict[str, PrincipalInfo]:
    """The principals with these ids that there are."""
    rows = tx.rows(Q.read_principals, {"principal_ids": sorted(set(principal_ids))})
    return {row[0]: _principal(row) for row in rows}


def principal_page(tx: Tx, after: str, limit: int) -> list[PrincipalInfo]:
    """Principals by id, from after the given one."""
    rows = tx.rows(Q.list_principals, {"after": after, "limit": limit})
    return [_principal(row) for row in rows]


def _principal(row: tuple[Any, ...]) -> PrincipalInfo:
    return PrincipalInfo(row[0], PrincipalKind(row[1]), row[2], tuple(row[3]))


def add_principals(tx: Tx, commands: Sequence[CreatePrincipal]) -> None:
    """Write principals.

    Raises: Conflict when one of the ids was taken meanwhile.
    """
    if commands:
        tx.run(
            Q.insert_principals,
            {
                "principal_ids": [c.principal_id for c in commands],
                "kinds": [c.kind.value for c in commands],
                "at": tx.now,
            },
        )


def roles(tx: Tx) -> list[str]:
    """The names of all roles."""
    return [row[0] for row in tx.rows(Q.read_roles)]


def add_grants(tx: Tx, commands: Sequence[ChangeRole]) -> None:
    """Write role grants.

    Raises: Conflict when one was made meanwhile.
    """
    if commands:
        tx.run(Q.insert_grants, {**_grants(commands), "at": tx.now})


def remove_grants(tx: Tx, commands: Sequence[ChangeRole]) -> None:
    """Take role grants away.

    Raises: Conflict when one was taken away meanwhile.
    """
    if commands:
        tx.guard(
            Q.delete_grants, _grants(commands), len(commands), "a role was taken away meanwhile"
        )


def _grants(commands: Sequence[ChangeRole]) -> dict[str, list[str]]:
    return {
        "principal_ids": [c.principal_id for c in commands],
        "roles": [c.role for c in commands],
    }


def add_keys(tx: Tx, keys: Sequence[tuple[KeyInfo, bytes]]) -> None:
    """Write keys with the hashes of their secrets."""
    if keys:
        tx.run(
            Q.insert_keys,
            {
                "prefixes": [k.prefix for k, _ in keys],
                "principal_ids": [k.principal_id for k, _ in keys],
                "hashes": [secret_hash for _, secret_hash in keys],
                "scopes": [None if k.scopes is None else " ".join(k.scopes) for k, _ in keys],
                "expires": [k.expires_at for k, _ in keys],
                "at": tx.now,
            },
        )


def keys(tx: Tx, prefixes: Iterable[str]) -> dict[str, KeyInfo]:
    """The keys with these prefixes that there are."""
    rows = tx.rows(Q.read_keys, {"prefixes": sorted(set(prefixes))})
    return {row[0]: _key(row) for row in rows}


def key_page(tx: Tx, principal_id: str | None, after: str, limit: int) -> list[KeyInfo]:
    """Keys by prefix, from after the given one; of one principal, or of all."""
    rows = tx.rows(Q.list_keys, {"principal_id": principal_id, "after": after, "limit": limit})
    return [_key(row) for row in rows]


def revoke_keys(tx: Tx, prefixes: Sequence[str]) -> None:
    """End keys that are not ended yet.

    Raises: Conflict when one was ended meanwhile.
    """
    if prefixes:
        tx.guard(
            Q.revoke_keys,
            {"prefixes": list(prefixes), "at": tx.now},
            len(prefixes),
            "a key was revoked meanwhile",
        )


def claim_first_admin(tx: Tx) -> bool:
    """True for one transaction in the life of the database."""
    return tx.count(Q.claim_first_admin, {"at": tx.now}) == 1


def take_head(tx: Tx, stream: str, count: int) -> Anchor:
    """The end of a stream before `count` positions reserved now; others wait until the commit."""
    row = tx.row(Q.take_head, {"stream": stream, "count": count, "genesis": genesis(stream)})
    assert row is not None
    return Anchor(stream, *row)


def append(tx: Tx, before: Anchor, rows: Sequence[AuditRow]) -> None:
    """Write entries into the positions that `take_head` reserved."""
    written = tx.count(
        Q.append_audit,
        {
            "stream": before.stream,
            "previous_hash": before.hash,
            "head_position": rows[-1].position,
            "head_hash": rows[-1].hash,
            "positions": [r.position for r in rows],
            "ats": [r.at for r in rows],
            "actors": [r.actor for r in rows],
            "actions": [r.action for r in rows],
            "subjects": [r.subject for r in rows],
            "command_ids": [r.command_id for r in rows],
            "details": [r.details for r in rows],
            "hashes": [r.hash for r in rows],
        },
    )
    assert written == len(rows), "the head was taken by this transaction"


def heads(tx: Tx) -> list[Anchor]:
    """The end of every stream, as its head says."""
    return [Anchor(*row) for row in tx.rows(Q.read_heads)]


def streams(tx: Tx) -> list[str]:
    """Every stream with a head or an entry."""
    return [row[0] for row in tx.rows(Q.read_streams)]


def end(tx: Tx, stream: str) -> End:
    """What the head of a stream says, and where its entries really end."""
    row = tx.row(Q.read_end, {"stream": stream})
    assert row is not None
    return End(*row)


def audit(tx: Tx, stream: str, after: int, last: int) -> Iterator[AuditRow]:
    """Entries of a stream in order, from after one position up to another, read page by page."""
    while True:
        page = audit_page(tx, stream, after, last, AUDIT_PAGE)
        yield from page
        if len(page) < AUDIT_PAGE:
            return
        after = page[-1].position


def audit_page(tx: Tx, stream: str, after: int, last: int, limit: int) -> list[AuditRow]:
    """At most `limit` entries of a stream after a position, in order."""
    rows = tx.rows(Q.read_audit, {"stream": stream, "after": after, "last": last, "limit": limit})
    return [AuditRow(*row) for row in rows]
