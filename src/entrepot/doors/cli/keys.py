"""Commands about principals and their API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from entrepot.departments.access import service as access
from entrepot.departments.access.model import (
    ChangeRole,
    CreateKey,
    CreatePrincipal,
    NewKey,
    PrincipalKind,
    RevokeKey,
)
from entrepot.doors.cli.endings import FOUND_WRONG, complain, console
from entrepot.doors.cli.opened import SYSTEM_ACTOR, opened_house
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal

APP = typer.Typer(no_args_is_help=True, help="API keys: make, list, end.")


def _or_exit(answers: list[object]) -> None:
    for answer in answers:
        if isinstance(answer, Refusal):
            complain(answer.message)
            raise typer.Exit(FOUND_WRONG)


@APP.command("create")
def create(
    principal: Annotated[str, typer.Argument(help="Who it is for, such as `webshop`.")],
    role: Annotated[
        list[str] | None, typer.Option(help="Grant this role first; may be repeated.")
    ] = None,
    kind: Annotated[
        PrincipalKind, typer.Option(help="Kind of a principal that does not exist yet.")
    ] = PrincipalKind.service,
    days: Annotated[
        int | None, typer.Option(min=1, max=3_650, help="Let it expire after so many days.")
    ] = None,
) -> None:
    """Make an API key and print it once. A new principal is created with its first key."""

    def work(tx: Tx) -> NewKey:
        command_id = f"key-create:{tx.new_id()}"
        _or_exit(
            [
                *access.create_principals(
                    tx, [CreatePrincipal(command_id, SYSTEM_ACTOR, principal, kind)]
                ),
                *access.grant_roles(
                    tx, [ChangeRole(command_id, SYSTEM_ACTOR, principal, r) for r in role or []]
                ),
            ]
        )
        expires_at = None if days is None else tx.now + timedelta(days=days)
        (made,) = access.create_keys(
            tx, [CreateKey(command_id, SYSTEM_ACTOR, principal, expires_at=expires_at)]
        )
        _or_exit([made])
        assert isinstance(made, NewKey)
        return made

    with opened_house(name="key") as house:
        made = house.database.run(work)
    console.print(f"key of {escape(principal)}, shown only now:")
    console.print(f"[bold]{made.key}[/]", soft_wrap=True)


@APP.command("list")
def listed() -> None:
    """Every key without its secret, and who holds which role."""
    with opened_house(name="key") as house, house.database.transaction(read_only=True) as tx:
        roles = {p.principal_id: ", ".join(p.roles) for p in access.list_principals(tx)}
        keys = access.list_keys(tx)
    heads = ("key", "principal", "roles", "made", "expires", "last used", "ended")
    table = Table(*(Column(head, overflow="fold") for head in heads))
    for key in keys:
        times = (key.created_at, key.expires_at, key.last_used_at, key.revoked_at)
        table.add_row(
            key.prefix,
            escape(key.principal_id),
            roles.get(key.principal_id, ""),
            *(t.isoformat(timespec="minutes") if t else "" for t in times),
        )
    console.print(table)


@APP.command("revoke")
def revoke(prefix: Annotated[str, typer.Argument(help="The key's public part.")]) -> None:
    """End a key; it stops working within five seconds."""

    def work(tx: Tx) -> None:
        command = RevokeKey(f"key-revoke:{tx.new_id()}", SYSTEM_ACTOR, prefix)
        _or_exit(list(access.revoke_keys(tx, [command])))

    with opened_house(name="key") as house:
        house.database.run(work)
    console.print(f"key {escape(prefix)} is ended")
