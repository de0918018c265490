"""Pure decisions about access: what a key looks like, who it stands for, what is permitted."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from entrepot.departments.access.model import (
    CreateKey,
    Permission,
    Principal,
    StoredKey,
)
from entrepot.words.outcome import Refusal, RefusalCode, shown

PREFIX_BYTES = 10
SECRET_BYTES = 32
KEY_RANDOM_BYTES = PREFIX_BYTES + SECRET_BYTES
PRINCIPAL_ID_CHARACTERS_MAX = 100
LAST_USED_EVERY = timedelta(minutes=1)

_KEY = re.compile(r"ent_([a-z2-7]{16})_[A-Za-z0-9_-]{43}")
_PRINCIPAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_NO_HASH = bytes(32)


def make_key(rand: bytes) -> tuple[str, str]:
    """A new API key `ent_<prefix>_<secret>` and its prefix.

    rand  KEY_RANDOM_BYTES unpredictable bytes; 256 bits of them become the secret
    """
    assert len(rand) == KEY_RANDOM_BYTES, f"{len(rand)} random bytes, expected {KEY_RANDOM_BYTES}"
    prefix = b32encode(rand[:PREFIX_BYTES]).decode().lower()
    secret = urlsafe_b64encode(rand[PREFIX_BYTES:]).rstrip(b"=").decode()
    return f"ent_{prefix}_{secret}", prefix


def prefix_of(presented_key: str) -> str | None:
    """The public prefix of a text in the form of a key; None for any other text."""
    match = _KEY.fullmatch(presented_key)
    return match[1] if match else None


def hash_of(key: str) -> bytes:
    """What is stored of a key. Its secret has 256 random bits: one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode()).digest()


def prove(presented_key: str, stored: StoredKey | None, at: datetime) -> Principal | Refusal:
    """Who the presented key stands for; takes the same time for a wrong and an unknown key.

    Refuses: unauthenticated. Why (revoked, expired) is told only to who has the secret.
    """
    expected = stored.secret_hash if stored else _NO_HASH
    if not hmac.compare_digest(hash_of(presented_key), expected) or stored is None:
        return unknown_key()
    return stands_for(stored, at)


def stands_for(stored: StoredKey, at: datetime) -> Principal | Refusal:
    """Who a proven key stands for, as long as it is good.

    Refuses: unauthenticated, saying since when it is not.
    """
    if stored.info.revoked_at is not None:
        return _ended("was revoked", stored.info.revoked_at)
    if stored.info.expires_at is not None and stored.info.expires_at <= at:
        return _ended("expired", stored.info.expires_at)
    return Principal(
        principal_id=stored.info.principal_id,
        kind=stored.kind,
        permissions=permitted(stored.permissions, stored.info.scopes),
        key_prefix=stored.info.prefix,
    )


def unknown_key() -> Refusal:
    """The answer to a key that is not one of ours."""
    return Refusal(
        RefusalCode.unauthenticated,
        "API key: it is not a key of this installation; make one with `entrepot key create` or "
        "ask an administrator for one",
    )


def _ended(how: str, at: datetime) -> Refusal:
    return Refusal(
        RefusalCode.unauthenticated,
        f"API key: it {how} at {at.isoformat(timespec='seconds')}; ask an administrator for a "
        "new one",
    )


def permitted(roles: Iterable[str], scopes: Sequence[str] | None) -> frozenset[Permission]:
    """Permissions of all roles, cut down to the scopes; a name this release does not know is none.

    roles  the names of the permissions that the roles bring, doubles too
    """
    names = set(roles) if scopes is None else set(roles) & set(scopes)
    return frozenset(p for p in Permission if p.value in names)


def permit(principal: Principal, permission: str) -> Refusal | None:
    """None when the principal has the permission: the one check there is.

    Refuses: forbidden, also for a permission that does not exist.
    """
    if permission in principal.permissions:
        return None
    return Refusal(
        RefusalCode.forbidden,
        f"{principal.principal_id}: this needs the permission {permission}, which its roles or "
        "the key's scopes do not give; ask an administrator for a role or another key",
        facts={"permission": permission, "principal_id": principal.principal_id},
    )


def is_stale(last_used_at: datetime | None, at: datetime) -> bool:
    """Whether the time of last use is to be written again."""
    return last_used_at is None or last_used_at <= at - LAST_USED_EVERY


def check_principal_id(principal_id: str) -> Refusal | None:
    """Refuses: bad_identifier unless 1 to 100 of A-Z a-z 0-9 . _ : / - and beginning with one of
    the first; an address of mail never fits, so that no id is personal data by accident.
    """
    if _PRINCIPAL_ID.fullmatch(principal_id):
        return None
    return Refusal(
        RefusalCode.bad_identifier,
        f"principal_id: found {len(principal_id)} characters that do not fit, expected 1 to "
        f"{PRINCIPAL_ID_CHARACTERS_MAX} letters, digits or . _ : / - such as supplier/ACME; use "
        "an id that tells no person's name",
        "principal_id",
    )


def check_key(command: CreateKey, principals: Mapping[str, object], at: datetime) -> Refusal | None:
    """Refuses: not_found for the principal; bad_value for a scope; bad_date for the expiry."""
    if command.principal_id not in principals:
        return no_principal(command.principal_id)
    for scope in command.scopes or ():
        if scope not in list(Permission):
            return Refusal(
                RefusalCode.bad_value,
                f"scopes: found {shown(scope)}, expected some of {', '.join(Permission)}",
                "scopes",
            )
    if command.scopes == ():
        return Refusal(
            RefusalCode.missing_value,
            "scopes: found none, expected at least one; leave scopes out for all",
            "scopes",
        )
    if command.expires_at is not None and command.expires_at <= at:
        return Refusal(
            RefusalCode.bad_date,
            f"expires_at: found {command.expires_at.isoformat()}, expected a time after "
            f"{at.isoformat(timespec='seconds')}",
            "expires_at",
        )
    return None


def no_principal(principal_id: str) -> Refusal:
    """The answer to the id of a principal that there is not."""
    return Refusal(
        RefusalCode.not_found,
        f"principal_id: found {shown(principal_id)}, expected a principal that was created before",
        "principal_id",
    )


def no_role(role: str, roles: Sequence[str]) -> Refusal:
    """The answer to the name of a role that there is not."""
    return Refusal(
        RefusalCode.not_found,
        f"role: found {shown(role)}, expected one of {', '.join(roles)}",
        "role",
    )


def no_key(prefix: str) -> Refusal:
    """The answer to the prefix of a key that there is not."""
    return Refusal(
        RefusalCode.not_found,
        f"prefix: found {shown(prefix)}, expected the part of a key between `ent_` and the "
        "second `_`; `entrepot key list` shows them",
        "prefix",
    )
