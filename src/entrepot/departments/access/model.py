"""Access values: principals, permissions, keys, audit entries, and the facts about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from entrepot.words.facts import Fact

SYSTEM = "system"
FIRST_ADMIN = "admin"
ADMIN_ROLE = "admin"


class PrincipalKind(StrEnum):
    """What kind of actor a principal is."""

    person = "person"
    service = "service"
    supplier = "supplier"
    customer_agent = "customer_agent"


class Permission(StrEnum):
    """Everything that can be permitted; a closed list, and part of the published interface."""

    carts_read = "carts:read"
    carts_write = "carts:write"
    orders_quote = "orders:quote"
    orders_place = "orders:place"
    orders_read = "orders:read"
    orders_cancel = "orders:cancel"
    orders_pay = "orders:pay"
    stock_read = "stock:read"
    stock_adjust = "stock:adjust"
    stock_receive = "stock:receive"
    catalog_write = "catalog:write"
    network_write = "network:write"
    prices_write = "prices:write"
    suppliers_write = "suppliers:write"
    customers_read = "customers:read"
    customers_erase = "customers:erase"
    access_manage = "access:manage"
    audit_read = "audit:read"
    operations_read = "operations:read"
    operations_manage = "operations:manage"
    load_write = "load:write"


class Principal(NamedTuple):
    """An authenticated actor.

    permissions  of all its roles, cut down to the scopes of the key it showed
    key_prefix   the public part of that key
    """

    principal_id: str
    kind: PrincipalKind
    permissions: frozenset[Permission]
    key_prefix: str


class PrincipalInfo(NamedTuple):
    """A principal as it stands, with its roles by name."""

    principal_id: str
    kind: PrincipalKind
    created_at: datetime
    roles: tuple[str, ...]


class KeyInfo(NamedTuple):
    """An API key without its secret.

    scopes        None = everything its principal may
    last_used_at  exact to a minute
    """

    prefix: str
    principal_id: str
    scopes: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class StoredKey(NamedTuple):
    """What authentication reads of a key and its principal."""

    info: KeyInfo
    secret_hash: bytes
    kind: PrincipalKind
    permissions: tuple[str, ...]


# Commands


class CreatePrincipal(msgspec.Struct, frozen=True):
    """Make a principal known; it may do nothing until it is granted a role."""

    command_id: str
    actor: str
    principal_id: str
    kind: PrincipalKind


class ChangeRole(msgspec.Struct, frozen=True):
    """Grant a role to a principal, or take it away."""

    command_id: str
    actor: str
    principal_id: str
    role: str


class CreateKey(msgspec.Struct, frozen=True):
    """Make an API key. `scopes` None = everything the principal may, now and later."""

    command_id: str
    actor: str
    principal_id: str
    scopes: tuple[str, ...] | None = None
    expires_at: datetime | None = None


class RevokeKey(msgspec.Struct, frozen=True):
    """End an API key, by its public prefix."""

    command_id: str
    actor: str
    prefix: str


# Answers


class Done(NamedTuple):
    """Written."""

    principal_id: str


class Unchanged(NamedTuple):
    """Nothing to do: it was so already."""

    principal_id: str


class NewKey(NamedTuple):
    """A key made; `key` stands here and nowhere else: show it once and forget it."""

    key: str
    info: KeyInfo


class Revoked(NamedTuple):
    """The key is ended; `at` is when that was first done."""

    prefix: str
    at: datetime


# Audit


class AuditEntry(NamedTuple):
    """Something done, about to be recorded.

    action   `area.verb`; the area names the stream, the chain the entry becomes part of
    subject  what it was done to, with its kind: `stock/MUG/DC1`
    details  JSON values without floats; never personal data, nothing secret
    """

    actor: str
    action: str
    subject: str
    command_id: str
    details: Mapping[str, Any] = {}

    @property
    def stream(self) -> str:
        """The chain it belongs to."""
        return self.action.partition(".")[0]


class AuditRow(NamedTuple):
    """An entry as it stands in the log; `details` is the JSON text that was hashed."""

    stream: str
    position: int
    at: datetime
    actor: str
    action: str
    subject: str
    command_id: str
    details: str
    hash: bytes


class Anchor(NamedTuple):
    """The end of a stream at some time; kept where the database's owner cannot reach it."""

    stream: str
    position: int
    hash: bytes


# Facts


class PrincipalCreated(Fact, frozen=True):
    """A principal is known."""

    principal_id: str
    kind: str


class RoleGranted(Fact, frozen=True):
    """A principal may do what the role permits."""

    principal_id: str
    role: str


class RoleRevoked(Fact, frozen=True):
    """A principal may no longer do what the role permits."""

    principal_id: str
    role: str


class KeyCreated(Fact, frozen=True):
    """A principal has one more API key."""

    principal_id: str
    prefix: str
    scopes: tuple[str, ...] | None
    expires_at: datetime | None


class KeyRevoked(Fact, frozen=True):
    """An API key is no longer good."""

    principal_id: str
    prefix: str
