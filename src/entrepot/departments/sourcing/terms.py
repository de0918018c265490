"""The terms of the cost model: what a rate card means per box, per kilogram, and in parcels."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter

GRAMS_PER_KILOGRAM = 1_000


def linear_card(steps: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """A rate card as (base, per kilogram): the straight line through its first and last step.

    steps  (mass in grams up to which, cost), ascending in both, at least one; any unit of cost

    The split needs a cost per box and a cost per each; the card itself is applied to its boxes
    afterwards. The base is what a box costs at no mass, 0 or more.
    """
    (first_g, first), (last_g, last) = steps[0], steps[-1]
    if last_g == first_g:
        return first, 0
    per_kg = (last - first) * GRAMS_PER_KILOGRAM // (last_g - first_g)
    return max(0, first - by_mass(per_kg, first_g)), per_kg


def by_mass(per_kg: int, mass_g: int) -> int:
    """The cost of a mass at so much per kilogram, rounded up."""
    return -(-per_kg * mass_g // GRAMS_PER_KILOGRAM)


def parcels(mass_g: int, steps: Sequence[tuple[int, int]], max_mass_g: int) -> tuple[int, int]:
    """What lies in one box as parcels no heavier than the service takes: (how many, cost).

    steps  (mass in grams up to which, cost), ascending; the first step that holds a parcel counts

    Full parcels first, the rest in a lighter one.
    """
    heaviest = min(max_mass_g, steps[-1][0])
    full, rest = divmod(mass_g, heaviest)
    count, cost = full, full * _step(heaviest, steps)
    if rest or not full:
        count, cost = count + 1, cost + _step(rest, steps)
    return count, cost


def _step(mass_g: int, steps: Sequence[tuple[int, int]]) -> int:
    return steps[bisect_left(steps, mass_g, key=itemgetter(0))][1]
