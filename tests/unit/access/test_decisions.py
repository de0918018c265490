"""Who a key stands for, and what is permitted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.access import decisions
from entrepot.departments.access.cache import ENTRIES_MAX, LIFE_S, KeyCache
from entrepot.departments.access.model import (
    CreateKey,
    KeyInfo,
    Permission,
    Principal,
    PrincipalKind,
    StoredKey,
)
from entrepot.words.outcome import Refusal, RefusalCode

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY, PREFIX = decisions.make_key(bytes(range(decisions.KEY_RANDOM_BYTES)))


@dataclass(frozen=True)
class Case:
    """A key as the database holds it."""

    key: str = KEY
    scopes: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    permissions: tuple[str, ...] = ("orders:read", "stock:read")

    def stored(self) -> StoredKey:
        info = KeyInfo(PREFIX, "shop", self.scopes, NOW, self.expires_at, None, self.revoked_at)
        hashed = decisions.hash_of(self.key)
        return StoredKey(info, hashed, PrincipalKind.service, self.permissions)


def principal(*permissions: Permission) -> Principal:
    return Principal("shop", PrincipalKind.service, frozenset(permissions), PREFIX)


@given(st.binary(min_size=42, max_size=42))
def test_the_form_of_a_key(rand: bytes) -> None:
    key, prefix = decisions.make_key(rand)
    assert re.fullmatch(r"ent_[a-z2-7]{16}_[A-Za-z0-9_-]{43}", key)
    assert decisions.prefix_of(key) == prefix == key[4:20]


@pytest.mark.parametrize(
    "text",
    ["", KEY[:-1], f"{KEY}A", f" {KEY}", f"{KEY}\n", KEY.upper(), KEY.replace("ent_", "abc_"), "ü"],
)
def test_other_text_is_no_key(text: str) -> None:
    assert decisions.prefix_of(text) is None


def test_a_proven_key() -> None:
    found = decisions.prove(KEY, Case().stored(), NOW)
    assert found == principal(Permission.orders_read, Permission.stock_read)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (None, "not a key of this installation"),
        (Case(key=KEY + "x"), "not a key of this installation"),
        (Case(revoked_at=NOW - timedelta(days=1)), "was revoked at 2026-02-28T12:00:00"),
        (Case(expires_at=NOW), "expired at 2026-03-01T12:00:00"),
        (Case(key=KEY + "x", revoked_at=NOW, expires_at=NOW), "not a key of this installation"),
    ],
)
def test_a_key_that_is_not_good(case: Case | None, words: str) -> None:
    found = decisions.prove(KEY, case and case.stored(), NOW)
    assert isinstance(found, Refusal) and found.code is RefusalCode.unauthenticated
    assert words in found.message
    assert KEY not in found.message and KEY[21:] not in found.message


def test_a_key_is_good_until_it_expires() -> None:
    case = Case(expires_at=NOW + timedelta(microseconds=1))
    assert isinstance(decisions.prove(KEY, case.stored(), NOW), Principal)


@pytest.mark.parametrize(
    ("roles", "scopes", "expected"),
    [
        ((), None, set()),
        (("orders:read", "orders:read"), None, {"orders:read"}),
        (("orders:read", "stock:read"), ("stock:read",), {"stock:read"}),
        (("orders:read",), ("stock:read",), set()),
        (("orders:read", "launch:rocket"), ("launch:rocket",), set()),
        (tuple(Permission), None, set(Permission)),
    ],
)
def test_permissions_are_the_roles_cut_down_to_the_scopes(
    roles: tuple[str, ...], scopes: tuple[str, ...] | None, expected: set[str]
) -> None:
    assert decisions.permitted(roles, scopes) == expected


@pytest.mark.parametrize("permission", [*Permission, "launch:rocket", ""])
def test_what_is_not_given_is_forbidden(permission: str) -> None:
    refusal = decisions.permit(principal(), permission)
    assert refusal is not None and refusal.code is RefusalCode.forbidden
    assert refusal.facts["permission"] == permission


@pytest.mark.parametrize("permission", list(Permission))
def test_what_is_given_is_permitted(permission: Permission) -> None:
    assert decisions.permit(principal(permission), permission) is None
    assert decisions.permit(principal(permission), permission.value) is None
    others = [p for p in Permission if p is not permission]
    assert all(decisions.permit(principal(permission), p) for p in others)


@pytest.mark.parametrize("good", ["admin", "supplier/ACME-7", "svc.shop:1", "A" * 100])
def test_good_ids(good: str) -> None:
    assert decisions.check_principal_id(good) is None


@pytest.mark.parametrize("bad", ["", "a@b.cd", "Ada Lovelace", "-x", "A" * 101, "a\n", "é"])
def test_ids_that_could_be_personal(bad: str) -> None:
    refusal = decisions.check_principal_id(bad)
    assert refusal is not None and refusal.code is RefusalCode.bad_identifier
    assert not bad or bad not in refusal.message


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (CreateKey("c", "a", "nobody"), RefusalCode.not_found),
        (CreateKey("c", "a", "shop", ("orders:eat",)), RefusalCode.bad_value),
        (CreateKey("c", "a", "shop", ()), RefusalCode.missing_value),
        (CreateKey("c", "a", "shop", None, NOW), RefusalCode.bad_date),
    ],
)
def test_keys_that_are_not_made(command: CreateKey, code: RefusalCode) -> None:
    refusal = decisions.check_key(command, {"shop": 1}, NOW)
    assert refusal is not None and refusal.code is code


def test_keys_that_are_made() -> None:
    later = NOW + timedelta(days=1)
    for command in (
        CreateKey("c", "a", "shop"),
        CreateKey("c", "a", "shop", ("orders:read",), later),
    ):
        assert decisions.check_key(command, {"shop": 1}, NOW) is None


def test_the_last_use_is_written_once_a_minute() -> None:
    assert decisions.is_stale(None, NOW)
    assert decisions.is_stale(NOW - timedelta(seconds=60), NOW)
    assert not decisions.is_stale(NOW - timedelta(seconds=59), NOW)


def test_the_built_in_roles_permit_only_what_there_is() -> None:
    schema = resources.files("entrepot.departments.access").joinpath("schema.sql").read_text()
    given_ones = re.findall(r"\('(\w+)', '(\w+:\w+)'\)", schema)
    assert {p for _, p in given_ones} == set(Permission)
    assert {p for role, p in given_ones if role == "admin"} == set(Permission)
    assert {role for role, _ in given_ones} == {
        *("admin", "service", "planner", "buyer"),
        *("warehouse", "care", "storefront", "auditor"),
    }
    personal = {"customers:read", "customers:erase"}
    assert {role for role, p in given_ones if p in personal} == {"admin", "care"}
    assert {role for role, p in given_ones if p == "access:manage"} == {"admin"}


def test_the_cache_forgets_after_its_life() -> None:
    cache, who = KeyCache(), principal()
    assert cache.get(KEY, 100.0) is None
    cache.put(KEY, who, 100.0)
    assert cache.get(KEY, 100.0) is who
    assert cache.get(KEY, 100.0 + LIFE_S - 0.001) is who
    assert cache.get(KEY, 100.0 + LIFE_S) is None
    assert cache.get(f"{KEY}x", 100.0) is None
    assert LIFE_S <= 5


def test_the_cache_is_bounded_and_holds_no_secrets() -> None:
    cache, who = KeyCache(), principal()
    for n in range(ENTRIES_MAX + 1):
        cache.put(f"{KEY}{n}", who, 1.0)
    assert cache.get(f"{KEY}{ENTRIES_MAX}", 1.0) is who
    assert cache.get(f"{KEY}0", 1.0) is None
    assert KEY[21:] not in repr(vars(cache))
