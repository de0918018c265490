"""What one room did, all must."""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.words.outcome import Conflict, Refusal


def agreed(answers: Iterable[object]) -> None:
    """Raises: Conflict when a room refuses what another one already did: the facts changed
    meanwhile, and the whole is decided again over fresh ones."""
    for answer in answers:
        if isinstance(answer, Refusal):
            raise Conflict(f"changed meanwhile: {answer.message}", kind="guard")
