"""Principals, roles and keys in the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from entrepot.departments.access import decisions
from entrepot.departments.access import service as access
from entrepot.departments.access.model import (
    ChangeRole,
    CreateKey,
    CreatePrincipal,
    Done,
    NewKey,
    Permission,
    Principal,
    PrincipalKind,
    Revoked,
    RevokeKey,
    Unchanged,
)
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database, Tx
from entrepot.ground.events import drain, facts_of
from entrepot.words.outcome import Refusal, RefusalCode

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
THREADS = 12
ME = "test"


def shop(tx: Tx, *roles: str, scopes: tuple[str, ...] | None = None) -> NewKey:
    """A shop with roles and a key."""
    access.create_principals(tx, [CreatePrincipal("c", ME, "shop", PrincipalKind.service)])
    access.grant_roles(tx, [ChangeRole("c", ME, "shop", role) for role in roles])
    (made,) = access.create_keys(tx, [CreateKey("c", ME, "shop", scopes)])
    assert isinstance(made, NewKey)
    return made


def who(database: Database, key: str) -> Principal | RefusalCode:
    found = database.run(lambda tx: access.authenticate(tx, key))
    return found.code if isinstance(found, Refusal) else found


def test_the_first_admin_is_made_once(database: Database) -> None:
    together = threading.Barrier(THREADS)

    def start(_: int) -> str | None:
        together.wait(20)
        return database.run(access.create_first_admin)

    with ThreadPoolExecutor(THREADS) as pool:
        keys = [key for key in pool.map(start, range(THREADS)) if key is not None]
    assert len(keys) == 1
    admin = who(database, keys[0])
    assert isinstance(admin, Principal) and admin.principal_id == "admin"
    assert admin.permissions == set(Permission)
    assert database.run(access.create_first_admin) is None
    with database.transaction() as tx:
        assert len(access.list_keys(tx)) == 1


def test_a_start_that_fails_leaves_the_first_admin_to_the_next(database: Database) -> None:
    with pytest.raises(KeyboardInterrupt), database.transaction() as tx:
        assert access.create_first_admin(tx)
        raise KeyboardInterrupt
    assert database.run(access.create_first_admin)


def test_a_key_stands_for_its_principal(database: Database) -> None:
    made = database.run(lambda tx: shop(tx, "storefront", "warehouse"))
    found = who(database, made.key)
    assert isinstance(found, Principal)
    assert (found.principal_id, found.kind) == ("shop", PrincipalKind.service)
    assert found.key_prefix == made.info.prefix
    assert {"orders:place", "stock:adjust"} <= found.permissions
    assert not {"access:manage", "customers:read"} & found.permissions
    last = "A" if made.key[-2] != "A" else "B"
    for wrong in (made.key[:-2] + last + made.key[-1], f"{made.key}x", "", "ent_x_y"):
        assert who(database, wrong) is RefusalCode.unauthenticated


def test_scopes_cut_a_key_down(database: Database) -> None:
    made = database.run(lambda tx: shop(tx, "storefront", scopes=("orders:read", "audit:read")))
    found = who(database, made.key)
    assert isinstance(found, Principal) and found.permissions == {"orders:read"}


def test_roles_come_and_go(database: Database) -> None:
    made = database.run(lambda tx: shop(tx))
    assert who(database, made.key).permissions == frozenset()  # type: ignore[union-attr]

    def change(verb: Callable[..., list[object]], *roles: str) -> list[object]:
        commands = [ChangeRole("c2", ME, "shop", role) for role in roles]
        return database.run(lambda tx: verb(tx, commands))

    assert change(access.grant_roles, "planner", "planner", "care") == [
        Done("shop"),
        Unchanged("shop"),
        Done("shop"),
    ]
    assert change(access.revoke_roles, "planner", "buyer") == [Done("shop"), Unchanged("shop")]
    found = who(database, made.key)
    assert isinstance(found, Principal)
    assert "customers:read" in found.permissions and "network:write" not in found.permissions
    unknown = change(access.grant_roles, "king")[0]
    assert isinstance(unknown, Refusal) and "expected one of admin, auditor" in unknown.message
    nobody = database.run(
        lambda tx: access.revoke_roles(tx, [ChangeRole("c", ME, "nobody", "care")])
    )[0]
    assert isinstance(nobody, Refusal) and nobody.code is RefusalCode.not_found
    with database.transaction() as tx:
        assert [(p.principal_id, p.roles) for p in access.list_principals(tx)] == [
            ("shop", ("care",))
        ]


def test_principals_are_made_once(database: Database) -> None:
    commands = [
        CreatePrincipal("c1", ME, "supplier/A", PrincipalKind.supplier),
        CreatePrincipal("c2", ME, "supplier/A", PrincipalKind.supplier),
        CreatePrincipal("c3", ME, "supplier/A", PrincipalKind.person),
        CreatePrincipal("c4", ME, "ada@example.com", PrincipalKind.person),
    ]
    first = database.run(lambda tx: access.create_principals(tx, commands))
    assert first[:2] == [Done("supplier/A"), Unchanged("supplier/A")]
    assert [a.code for a in first[2:] if isinstance(a, Refusal)] == [
        RefusalCode.duplicate_value,
        RefusalCode.bad_identifier,
    ]
    again = database.run(lambda tx: access.create_principals(tx, commands[:1]))
    assert again == [Unchanged("supplier/A")]


@pytest.mark.parametrize("verb", ["create", "grant", "revoke_role", "revoke_key"])
def test_many_who_do_the_same_at_once_do_it_once(database: Database, verb: str) -> None:
    made = database.run(lambda tx: shop(tx, "care"))
    together = threading.Barrier(THREADS)
    verbs: dict[str, Callable[[Tx], list[object]]] = {
        "create": lambda tx: access.create_principals(
            tx, [CreatePrincipal("c", ME, "new", PrincipalKind.person)]
        ),
        "grant": lambda tx: access.grant_roles(tx, [ChangeRole("c", ME, "shop", "buyer")]),
        "revoke_role": lambda tx: access.revoke_roles(tx, [ChangeRole("c", ME, "shop", "care")]),
        "revoke_key": lambda tx: access.revoke_keys(tx, [RevokeKey("c", ME, made.info.prefix)]),
    }  # type: ignore[dict-item]

    def act(_: int) -> object:
        together.wait(20)
        return database.run(verbs[verb])[0]

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(act, range(THREADS)))
    if verb == "revoke_key":
        assert len(set(answers)) == 1 and isinstance(answers[0], Revoked)
    else:
        assert sum(isinstance(a, Done) for a in answers) == 1
        assert sum(isinstance(a, Unchanged) for a in answers) == THREADS - 1
    drain(database)
    with database.transaction() as tx:
        subject = "principal/new" if verb == "create" else "principal/shop"
        names = [fact[1] for fact in facts_of(tx, subject)]
        before = [] if verb == "create" else ["PrincipalCreated", "RoleGranted", "KeyCreated"]
        assert names[: len(before)] == before and len(names) == len(before) + 1
        assert access.verify(tx, "access") is None


def test_a_revoked_key_is_dead(database_on: Callable[[Clock], Database]) -> None:
    clock = VirtualClock(NOON, seed=1)
    database = database_on(clock)
    made = database.run(lambda tx: shop(tx, "storefront"))
    command = RevokeKey("c9", ME, made.info.prefix)
    assert (
        database.run(lambda tx: access.revoke_keys(tx, [command, command]))
        == [Revoked(made.info.prefix, NOON)] * 2
    )
    clock.sleep(60)
    assert database.run(lambda tx: access.revoke_keys(tx, [command])) == [
        Revoked(made.info.prefix, NOON)
    ]
    assert who(database, made.key) is RefusalCode.unauthenticated
    unknown = database.run(lambda tx: access.revoke_keys(tx, [RevokeKey("c", ME, "x")]))[0]
    assert isinstance(unknown, Refusal) and unknown.code is RefusalCode.not_found


def test_a_key_expires(database_on: Callable[[Clock], Database]) -> None:
    clock = VirtualClock(NOON, seed=1)
    database = database_on(clock)
    database.run(lambda tx: shop(tx, "storefront"))
    command = CreateKey("c", ME, "shop", ("orders:read",), NOON + timedelta(days=1))
    (made,) = database.run(lambda tx: access.create_keys(tx, [command]))
    assert isinstance(made, NewKey)
    clock.sleep(86_399)
    assert isinstance(who(database, made.key), Principal)
    clock.sleep(1)
    assert who(database, made.key) is RefusalCode.unauthenticated


def test_the_last_use_is_noted_once_a_minute(
    database_on: Callable[[Clock], Database],
) -> None:
    clock = VirtualClock(NOON, seed=1)
    database = database_on(clock)
    made = database.run(lambda tx: shop(tx))

    def use(after_s: int, **how: bool) -> datetime | None:
        clock.sleep(after_s)
        database.run(lambda tx: access.authenticate(tx, made.key, **how))
        with database.transaction() as tx:
            return access.list_keys(tx, "shop")[0].last_used_at

    assert use(0, note_use=False) is None
    assert use(0) == NOON
    assert use(59) == NOON
    assert use(1) == NOON + timedelta(seconds=60)
    assert use(600, note_use=False) == NOON + timedelta(seconds=60)
    with database.transaction(read_only=True) as tx:
        assert isinstance(access.authenticate(tx, made.key, note_use=False), Principal)


def test_keys_are_listed_without_secrets(database: Database) -> None:
    database.run(lambda tx: access.create_first_admin(tx))
    made = database.run(lambda tx: shop(tx, scopes=("orders:read",)))
    with database.transaction() as tx:
        every, (mine,) = access.list_keys(tx), access.list_keys(tx, "shop")
        assert mine == made.info and len(every) == 2
        assert access.list_keys(tx, after=every[0].prefix) == every[1:]
        assert access.list_keys(tx, limit=1) == every[:1]
    assert made.key not in repr(every) and decisions.hash_of(made.key).hex() not in repr(every)


def test_no_secret_is_stored_anywhere(database: Database, owner: psycopg.Connection) -> None:
    key = database.run(access.create_first_admin)
    assert key is not None
    tables = owner.execute(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    found = {False}
    for table in tables:
        query = psycopg.sql.SQL("SELECT t::text FROM {} AS t").format(
            psycopg.sql.Identifier(*table)
        )
        text = " ".join(str(row[0]) for row in owner.execute(query))
        assert key[21:] not in text, table
        found.add(key[4:20] in text)
    assert found == {False, True}, "the search finds the public prefix"


def test_every_change_is_told_and_audited(database: Database) -> None:
    made = database.run(lambda tx: shop(tx, "care", scopes=("orders:read",)))
    prefix = made.info.prefix
    database.run(lambda tx: access.revoke_keys(tx, [RevokeKey("c7", "boss", prefix)]))
    database.run(lambda tx: access.revoke_roles(tx, [ChangeRole("c8", "boss", "shop", "care")]))
    drain(database)
    with database.transaction() as tx:
        names = [fact[1] for fact in facts_of(tx, "principal/shop")]
        rows = access.read_audit(tx, "access")
        assert access.read_audit(tx, "access", after=3, limit=1) == rows[3:4]
    assert names == ["PrincipalCreated", "RoleGranted", "KeyCreated", "KeyRevoked", "RoleRevoked"]
    assert [(r.position, r.actor, r.action, r.command_id, r.details) for r in rows] == [
        (1, ME, "access.create_principal", "c", '{"kind":"service"}'),
        (2, ME, "access.grant_role", "c", '{"role":"care"}'),
        (
            *(3, ME, "access.create_key", "c"),
            f'{{"expires_at":null,"prefix":"{prefix}","scopes":["orders:read"]}}',
        ),
        (4, "boss", "access.revoke_key", "c7", f'{{"prefix":"{prefix}"}}'),
        (5, "boss", "access.revoke_role", "c8", '{"role":"care"}'),
    ]
    assert {r.subject for r in rows} == {"principal/shop"}
