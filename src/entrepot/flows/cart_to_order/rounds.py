"""A batch in which one cart stands several times is done in rounds, each cart once in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar


class OnCart(Protocol):
    """A command about one cart."""

    @property
    def cart_id(self) -> str:
        """Which cart."""


C = TypeVar("C", bound=OnCart)
A = TypeVar("A")


def in_rounds(commands: Sequence[C], work: Callable[[list[C]], list[A]]) -> list[A]:
    """Do `work` for all commands, those about one cart one after another; answers in order."""
    answers: dict[int, A] = {}
    left = list(range(len(commands)))
    while left:
        first: dict[str, int] = {}
        for number in left:
            first.setdefault(commands[number].cart_id, number)
        now = sorted(first.values())
        answers.update(zip(now, work([commands[number] for number in now]), strict=True))
        left = [number for number in left if number not in answers]
    return [answers[number] for number in range(len(commands))]
