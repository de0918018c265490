"""What is invented about the world, said beside what came of it."""

from __future__ import annotations

from entrepot.simulation import world
from entrepot.simulation.report.figures import Assumed

PPM_PER_PERCENT = 10_000


def assumed() -> tuple[Assumed, ...]:
    """The chances and spans that the simulated world draws from."""
    return tuple(
        Assumed(what, value)
        for what, value in (
            ("customers who always take the cheapest option", _percent(world.CHEAPEST_PPM)),
            ("customers who always take the fastest", _percent(world.FASTEST_PPM)),
            ("lines of which a picker does not find all", _percent(world.LINE_SHORT_PPM)),
            ("parcels that take longer than published", _percent(world.DELAYED_PPM)),
            ("by at most", f"{world.DELAY_DAYS_MAX} days"),
            ("parcels that are lost", _percent(world.LOST_PPM)),
            ("suppliers' deliveries that are late", _percent(world.SUPPLIER_LATE_PPM)),
            ("late by at most", f"{world.SUPPLIER_LATE_DAYS_MAX} days"),
            ("supplied lines that come short", _percent(world.SUPPLIER_LINE_SHORT_PPM)),
            ("supplied lines with damage", _percent(world.SUPPLIER_LINE_DAMAGED_PPM)),
            (
                "returns on their way back",
                f"{world.RETURN_DAYS_MIN} to {world.RETURN_DAYS_MAX} days",
            ),
            ("returned goods fit to be sold again", _percent(world.RESTOCKED_PPM)),
        )
    )


def _percent(ppm: int) -> str:
    whole, rest = divmod(ppm, PPM_PER_PERCENT)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + " %"
