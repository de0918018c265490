"""Idempotent commands over HTTP: the header Idempotency-Key names the command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import Request

from entrepot.doors.http.admission import house_of, principal_of
from entrepot.doors.http.problems import Refused
from entrepot.ground import commands
from entrepot.ground.commands import Command, Repeated
from entrepot.ground.database import Tx
from entrepot.words.identifiers import parse_command_id
from entrepot.words.outcome import Refusal, RefusalCode

T = TypeVar("T", bound=msgspec.Struct)
HEADER = "Idempotency-Key"


def command_key(key: str, actor: str) -> str:
    """The command id for a caller's key.

    Raises: Refused when the key is missing or malformed.
    """
    if not key:
        raise Refused(
            Refusal(
                code=RefusalCode.missing_value,
                message=(
                    f"{HEADER}: found nothing, expected a key that names this command, such as a "
                    "random UUID; repeating the request with it is then safe"
                ),
                field=HEADER,
            )
        )
    parsed = parse_command_id(key, HEADER)
    if isinstance(parsed, Refusal):
        raise Refused(parsed)
    return commands.scoped(actor, parsed)


def once(
    request: Request[Any, Any, Any],
    key: str,
    content: msgspec.Struct,
    answer: type[T],
    work: Callable[[Tx, str, str], T | Refusal],
) -> T:
    """Do `work` once for this key; a repeat gives the first answer, also when that was a refusal.

    content  what is asked, with the address it was sent to: the same key with other content is
             refused
    work     called with the transaction, the command id and the actor

    Raises: Refused.
    """
    actor = principal_of(request).principal_id
    command_id = command_key(key, actor)
    asked = msgspec.json.encode([request.url.path, content], order="deterministic")

    def attempt(tx: Tx) -> T | Refusal:
        (claim,) = commands.claim(tx, [Command(command_id, asked)])
        if isinstance(claim, Refusal):
            return claim
        if isinstance(claim, Repeated):
            refused, first = msgspec.json.decode(claim.answer, type=tuple[bool, msgspec.Raw])
            if refused:
                return msgspec.json.decode(first, type=Refusal)
            return msgspec.json.decode(first, type=answer)
        found = work(tx, command_id, actor)
        kept = msgspec.json.encode((isinstance(found, Refusal), found))
        commands.answer(tx, {command_id: kept})
        return found

    found = house_of(request).database.run(attempt)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found
