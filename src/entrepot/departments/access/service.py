"""The access verbs: batches in, answers in order out, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec

from entrepot.departments.access import chain, decisions, store
from entrepot.departments.access.model import (
    ADMIN_ROLE,
    FIRST_ADMIN,
    SYSTEM,
    Anchor,
    AuditEntry,
    AuditRow,
    ChangeRole,
    CreateKey,
    CreatePrincipal,
    Done,
    KeyCreated,
    KeyInfo,
    KeyRevoked,
    NewKey,
    Principal,
    PrincipalCreated,
    PrincipalInfo,
    PrincipalKind,
    Revoked,
    RevokeKey,
    RoleGranted,
    RoleRevoked,
    Unchanged,
)
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.facts import Fact
from entrepot.words.outcome import Refusal, RefusalCode

PAGE_MAX = 1_000
FIRST_START = "first-start"
LAST_POSITION = 2**63 - 1

Change = CreatePrincipal | ChangeRole | CreateKey | RevokeKey


# --- authentication ------------------------------------------------------------------------------


def authenticate(tx: Tx, presented_key: str, *, note_use: bool = True) -> Principal | Refusal:
    """Who an API key stands for and what it may.

    note_use  write the time of use, at most once a minute; False where nothing may be written

    Refuses: unauthenticated.
    """
    prefix = decisions.prefix_of(presented_key)
    if prefix is None:
        return decisions.unknown_key()
    stored = store.find_key(tx, prefix)
    found = decisions.prove(presented_key, stored, tx.now)
    if (
        note_use
        and stored is not None
        and isinstance(found, Principal)
        and decisions.is_stale(stored.info.last_used_at, tx.now)
    ):
        store.touch_key(tx, prefix, tx.now - decisions.LAST_USED_EVERY)
    return found


def resume(tx: Tx, prefix: str) -> Principal | Refusal:
    """Who a key that was proven before stands for now, by its public prefix.

    Only for a prefix that came back in a seal of our own: a prefix proves nothing by itself.
    Refuses: unauthenticated.
    """
    stored = store.find_key(tx, prefix)
    return decisions.unknown_key() if stored is None else decisions.stands_for(stored, tx.now)


def create_first_admin(tx: Tx) -> str | None:
    """The API key of the first administrator, or None when there was one before.

    Exactly one caller ever gets a key, however many start at once. Show it once: it stands
    nowhere else.
    """
    if not store.claim_first_admin(tx):
        return None
    create_principals(tx, [CreatePrincipal(FIRST_START, SYSTEM, FIRST_ADMIN, PrincipalKind.person)])
    grant_roles(tx, [ChangeRole(FIRST_START, SYSTEM, FIRST_ADMIN, ADMIN_ROLE)])
    (made,) = create_keys(tx, [CreateKey(FIRST_START, SYSTEM, FIRST_ADMIN)])
    assert isinstance(made, NewKey), made
    return made.key


# --- principals, roles, keys ---------------------------------------------------------------------


def create_principals(
    tx: Tx, commands: Sequence[CreatePrincipal]
) -> list[Done | Unchanged | Refusal]:
    """Make principals known.

    Refuses: bad_identifier; duplicate_value when the id belongs to another kind.
    Facts: PrincipalCreated.
    """
    kinds = {i: p.kind for i, p in store.principals(tx, (c.principal_id for c in commands)).items()}
    answers: list[Done | Unchanged | Refusal] = []
    for command in commands:
        known = kinds.get(command.principal_id)
        if refusal := decisions.check_principal_id(command.principal_id):
            answers.append(refusal)
        elif known is None:
            kinds[command.principal_id] = command.kind
            answers.append(Done(command.principal_id))
        elif known is command.kind:
            answers.append(Unchanged(command.principal_id))
        else:
            answers.append(_other_kind(command, known))
    done = [c for c, a in zip(commands, answers, strict=True) if isinstance(a, Done)]
    store.add_principals(tx, done)
    _tell(tx, [(c, c.principal_id, PrincipalCreated(c.principal_id, c.kind.value)) for c in done])
    return answers


def _other_kind(command: CreatePrincipal, known: PrincipalKind) -> Refusal:
    return Refusal(
        RefusalCode.duplicate_value,
        f"principal_id: {command.principal_id} is a {known} already and cannot be a "
        f"{command.kind}; choose another id",
        "principal_id",
    )


def grant_roles(tx: Tx, commands: Sequence[ChangeRole]) -> list[Done | Unchanged | Refusal]:
    """Let principals do what a role permits.

    Refuses: not_found for principal or role. Facts: RoleGranted.
    """
    answers, done = _change_roles(tx, commands, held=True)
    store.add_grants(tx, done)
    _tell(tx, [(c, c.principal_id, RoleGranted(c.principal_id, c.role)) for c in done])
    return answers


def revoke_roles(tx: Tx, commands: Sequence[ChangeRole]) -> list[Done | Unchanged | Refusal]:
    """Take roles away; processes that remember a key follow within `cache.LIFE_S`.

    Refuses: not_found for principal or role. Facts: RoleRevoked.
    """
    answers, done = _change_roles(tx, commands, held=False)
    store.remove_grants(tx, done)
    _tell(tx, [(c, c.principal_id, RoleRevoked(c.principal_id, c.role)) for c in done])
    return answers


def _change_roles(
    tx: Tx, commands: Sequence[ChangeRole], *, held: bool
) -> tuple[list[Done | Unchanged | Refusal], list[ChangeRole]]:
    known = store.principals(tx, (c.principal_id for c in commands))
    holds = {(i, role) for i, p in known.items() for role in p.roles}
    roles = store.roles(tx)
    answers: list[Done | Unchanged | Refusal] = []
    done: list[ChangeRole] = []
    for command in commands:
        key = (command.principal_id, command.role)
        if command.principal_id not in known:
            answers.append(decisions.no_principal(command.principal_id))
        elif command.role not in roles:
            answers.append(decisions.no_role(command.role, roles))
        elif (key in holds) is held:
            answers.append(Unchanged(command.principal_id))
        else:
            holds ^= {key}
            done.append(command)
            answers.append(Done(command.principal_id))
    return answers, done


def create_keys(tx: Tx, commands: Sequence[CreateKey]) -> list[NewKey | Refusal]:
    """Make API keys. The key in an answer is to be shown once; keep no answer with its command.

    Refuses: not_found for the principal; bad_value or missing_value for scopes; bad_date.
    Facts: KeyCreated.
    """
    known = store.principals(tx, (c.principal_id for c in commands))
    answers: list[NewKey | Refusal] = []
    for command in commands:
        refusal = decisions.check_key(command, known, tx.now)
        answers.append(refusal or _new_key(tx, command))
    made = [(c, a) for c, a in zip(commands, answers, strict=True) if isinstance(a, NewKey)]
    store.add_keys(tx, [(a.info, decisions.hash_of(a.key)) for _, a in made])
    _tell(tx, [(c, c.principal_id, _key_created(a.info)) for c, a in made])
    return answers


def _new_key(tx: Tx, command: CreateKey) -> NewKey:
    key, prefix = decisions.make_key(tx.random_bytes(decisions.KEY_RANDOM_BYTES))
    return NewKey(
        key,
        KeyInfo(
            prefix=prefix,
            principal_id=command.principal_id,
            scopes=command.scopes,
            created_at=tx.now,
            expires_at=command.expires_at,
            last_used_at=None,
            revoked_at=None,
        ),
    )


def _key_created(info: KeyInfo) -> KeyCreated:
    return KeyCreated(info.principal_id, info.prefix, info.scopes, info.expires_at)


def revoke_keys(tx: Tx, commands: Sequence[RevokeKey]) -> list[Revoked | Refusal]:
    """End API keys; processes that remember one follow within `cache.LIFE_S`. Repeatable.

    Refuses: not_found. Facts: KeyRevoked.
    """
    known = store.keys(tx, (c.prefix for c in commands))
    answers: list[Revoked | Refusal] = []
    done: dict[str, RevokeKey] = {}
    for command in commands:
        info = known.get(command.prefix)
        if info is None:
            answers.append(decisions.no_key(command.prefix))
            continue
        if info.revoked_at is None:
            done.setdefault(command.prefix, command)
        answers.append(Revoked(command.prefix, info.revoked_at or tx.now))
    store.revoke_keys(tx, list(done))
    told = [(c, known[c.prefix].principal_id) for c in done.values()]
    _tell(tx, [(c, owner, KeyRevoked(owner, c.prefix)) for c, owner in told])
    return answers


def list_principals(tx: Tx, after: str = "", limit: int = PAGE_MAX) -> list[PrincipalInfo]:
    """Principals by id, from after the given one, at most PAGE_MAX."""
    return store.principal_page(tx, after, min(limit, PAGE_MAX))


def list_keys(
    tx: Tx, principal_id: str | None = None, after: str = "", limit: int = PAGE_MAX
) -> list[KeyInfo]:
    """Keys by prefix, from after the given one, ended ones too; at most PAGE_MAX."""
    return store.key_page(tx, principal_id, after, min(limit, PAGE_MAX))


_ACTIONS = {
    PrincipalCreated: "access.create_principal",
    RoleGranted: "access.grant_role",
    RoleRevoked: "access.revoke_role",
    KeyCreated: "access.create_key",
    KeyRevoked: "access.revoke_key",
}


def _tell(tx: Tx, changes: Sequence[tuple[Change, str, Fact]]) -> None:
    """Announce what changed about principals, and audit it."""
    announce(
        tx,
        [
            Announcement(f"principal/{principal_id}", fact, command.command_id, command.actor)
            for command, principal_id, fact in changes
        ],
    )
    record(
        tx,
        [
            AuditEntry(
                actor=command.actor,
                action=_ACTIONS[type(fact)],
                subject=f"principal/{principal_id}",
                command_id=command.command_id,
                details=_details(fact),
            )
            for command, principal_id, fact in changes
        ],
    )


def _details(fact: Fact) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(fact)
    del fields["principal_id"]
    return fields


# --- audit log -----------------------------------------------------------------------------------


def record(tx: Tx, entries: Iterable[AuditEntry]) -> None:
    """Add entries to the audit log, in the given order within each stream.

    The end of each stream stays locked until the transaction ends, and others who record in it
    wait: call it last, after every other lock.
    """
    by_stream = sorted(entries, key=lambda e: e.stream)
    for stream, group in groupby(by_stream, key=lambda e: e.stream):
        batch = list(group)
        before = store.take_head(tx, stream, len(batch))
        store.append(tx, before, chain.extend(before, batch, tx.now))


def read_audit(tx: Tx, stream: str, after: int = 0, limit: int = PAGE_MAX) -> list[AuditRow]:
    """Entries of a stream in order, from after a position, at most PAGE_MAX."""
    return store.audit_page(tx, stream, after, LAST_POSITION, min(limit, PAGE_MAX))


def anchor(tx: Tx) -> list[Anchor]:
    """The end of every stream; kept outside the database, it shows what is changed before it."""
    return store.heads(tx)


def verify(tx: Tx, stream: str, anchors: Iterable[Anchor] = ()) -> int | None:
    """The first position of a stream that is not as it was written; None when it is whole.

    Finds entries changed, removed, swapped or added past the verbs, and a changed head. Entries
    cut off the end together with the head, and a chain computed anew, show only by an anchor.
    """
    end = store.end(tx, stream)
    rows = store.audit(tx, stream, 0, end.last or 0)
    return chain.first_break(stream, rows, end, (a for a in anchors if a.stream == stream))


def verify_all(tx: Tx, anchors: Sequence[Anchor] = ()) -> dict[str, int]:
    """The first broken position by stream, for the streams that are broken.

    anchors  streams that have nothing left in the database are found by them
    """
    names = {*store.streams(tx), *(a.stream for a in anchors)}
    found = {stream: verify(tx, stream, anchors) for stream in sorted(names)}
    return {stream: position for stream, position in found.items() if position is not None}


def audit_findings(tx: Tx, anchors: Sequence[Anchor] = ()) -> list[str]:
    """What `verify_all` found, in words; empty = all is well."""
    return [
        f"audit log {stream}: from entry {position} on it is not what was written"
        for stream, position in verify_all(tx, anchors).items()
    ]
