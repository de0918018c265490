"""Tables of the page; each figure in them says where it stands in report.json."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from entrepot.simulation.report import atlas
from entrepot.simulation.report.charts import strip
from entrepot.simulation.report.figures import Figures, Kept, Went
from entrepot.simulation.report.pictures import color
from entrepot.simulation.report.shown import counted, day, figure, money_of_mills, number, words

DAYS_MOST = 92
BEYOND_MOST = 12

Row = Sequence[str]


CARDS_FROM = 4


def table(heads: Sequence[str], rows: Iterable[Row], *, sums: bool = False) -> str:
    """A table; one of CARDS_FROM columns or more becomes a card per row on small screens.

    heads  words, with a first letter for the column: `<` text, `>` number, `-` drawn
    sums   the last row is the sum of those above
    """
    styles = [_STYLES[head[0]] for head in heads]
    names = [escape(head[1:]) for head in heads]
    head = "".join(f"<th{s}>{name}</th>" for name, s in zip(names, styles, strict=True))
    body = [
        "".join(
            f'<td{s} data-label="{name}">{cell}</td>'
            for cell, s, name in zip(row, styles, names, strict=True)
        )
        for row in rows
    ]
    ends = body.pop() if sums else None
    lines = "".join(f"<tr>{cells}</tr>" for cells in body)
    if ends is not None:
        lines += f'<tr class="sum">{ends}</tr>'
    style = ' class="cards"' if len(heads) >= CARDS_FROM else ""
    return (
        f'<div class="scroll"><table{style}><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


_STYLES = {"<": "", ">": ' class="num"', "-": ' class="drawn"'}


def _promise_strip(kept: Kept) -> str:
    """On time, late, lost, and still to come, of all parcels."""
    rest = kept.parcels - kept.on_time - kept.late - kept.lost - kept.returned - kept.overdue
    return strip(
        [
            ("good", kept.on_time),
            ("warn", kept.late + kept.overdue),
            ("bad", kept.lost + kept.returned),
            ("quiet", rest),
        ],
        kept.parcels,
        f"of {counted(kept.parcels, 'parcels')}: {number(kept.on_time)} on time, "
        f"{number(kept.late)} late, {number(kept.lost)} lost",
    )


def services(figures: Figures) -> str:
    """Carrier services and their promises."""
    rows = []
    for n, service in enumerate(figures.services):
        at = f"services.{n}"
        rows.append(
            (
                f"{escape(service.carrier)} {escape(service.name)}",
                _promise_strip(service.kept),
                figure(figures, f"{at}.kept.kept_ppm"),
                figure(figures, f"{at}.kept.parcels"),
                figure(figures, f"{at}.kept.late"),
                figure(figures, f"{at}.kept.overdue"),
                figure(figures, f"{at}.kept.lost"),
            )
        )
    heads = ("<service", "-of its parcels", ">promises kept", ">parcels", ">late", ">overdue")
    return table((*heads, ">lost"), rows)


def centers(figures: Figures) -> str:
    """Centers: what they shipped, how well, and what lies there."""
    rows = []
    for n, center in enumerate(figures.centers):
        at = f"centers.{n}"
        paths = (
            "kept.parcels",
            "units_each",
            "in_time_ppm",
            "picked_ppm",
            "kept.kept_ppm",
            "in_stock_ppm",
            "on_hand_each",
            "value_minor",
        )
        rows.append(
            (
                f'<i class="{color(n)}"></i>{escape(center.name)} ({escape(center.node)})',
                *(figure(figures, f"{at}.{path}") for path in paths),
            )
        )
    return table(
        (
            "<center",
            ">parcels shipped",
            ">units shipped",
            ">handed over in time",
            ">units found by pickers",
            ">promises kept",
            ">SKUs in stock",
            ">units in stock",
            ">stock value",
        ),
        rows,
    )


COST_PARTS = (("box", "p0"), ("item", "p1"), ("carriage", "p2"))


def order_cost(figures: Figures) -> str:
    """The mean order: what sending it cost by part, and what its customer paid for that."""
    cost = figures.cost
    values = [getattr(cost, f"{part}_per_order_mills") or 0 for part, _ in COST_PARTS]
    paid = cost.paid_per_order_mills or 0
    full = max(sum(values), paid)

    def row(words: str, pieces: Sequence[tuple[str, int]], path: str) -> Row:
        style = pieces[-1][0] if len(pieces) < len(COST_PARTS) else "none"
        name = f'<i class="{style}"></i>{words}'
        return name, strip(pieces, full, words), figure(figures, f"cost.{path}")

    rows = [
        row(
            "carriage" if part == "carriage" else f"{part} handling",
            [("none", sum(values[:n])), (style, values[n])],
            f"{part}_per_order_mills",
        )
        for n, (part, style) in enumerate(COST_PARTS)
    ]
    together = [(style, value) for (_, style), value in zip(COST_PARTS, values, strict=True)]
    rows.append(row("cost of an order", together, "per_order_mills"))
    rows.append(row("paid for its delivery", [("good", paid)], "paid_per_order_mills"))
    return table(("<part", "-per order that was sent", ">per order"), rows)


def center_cost(figures: Figures) -> str:
    """The mean parcel of each center, by part of its cost."""
    fields = [f"{part}_per_parcel_mills" for part, _ in COST_PARTS]
    costs = [[getattr(center, field) or 0 for field in fields] for center in figures.centers]
    full = max((sum(parts) for parts in costs), default=0)
    currency = figures.settings.currency
    rows = []
    for n, (center, parts) in enumerate(zip(figures.centers, costs, strict=True)):
        named = list(zip(COST_PARTS, parts, strict=True))
        said = ", ".join(f"{part} {money_of_mills(mills, currency)}" for (part, _), mills in named)
        drawn = strip([(style, mills) for (_, style), mills in named], full, said)
        shown = [figure(figures, f"centers.{n}.{field}") for field in fields]
        rows.append((escape(center.name), drawn, *shown))
    return table(("<center", "-per parcel", ">box", ">items", ">carriage"), rows)


def service_carbon(figures: Figures) -> str:
    """CO2e of each service."""
    full = max((s.co2e_per_parcel_g or 0 for s in figures.services), default=0)
    rows = []
    for n, service in enumerate(figures.services):
        name = f"{service.carrier} {service.name}"
        rows.append(
            (
                escape(name),
                strip([("leaf", service.co2e_per_parcel_g or 0)], full, name),
                figure(figures, f"services.{n}.co2e_per_parcel_g"),
                figure(figures, f"services.{n}.co2e_g"),
                figure(figures, f"services.{n}.carriage_per_parcel_mills"),
            )
        )
    heads = ("<service", "-CO₂e per parcel", ">CO₂e per parcel", ">CO₂e in all")
    return table((*heads, ">carriage per parcel"), rows)


def beyond(figures: Figures) -> str:
    """Destinations that no map shows, those with the most parcels; '' when there are none."""
    found = []
    for n, place in enumerate(figures.destinations):
        lat, lon = place.latitude_microdeg, place.longitude_microdeg
        known = lat is not None and lon is not None
        if not known or not atlas.mapped(atlas.Place(lat or 0, lon or 0, place.name)):
            found.append((place.parcels, n))
    if not found:
        return ""
    found.sort(key=lambda pair: (-pair[0], pair[1]))
    listed = [
        f"{escape(figures.destinations[n].name)} ({escape(figures.destinations[n].country)}) "
        f"<b>{figure(figures, f'destinations.{n}.parcels')}</b>"
        for _, n in found[:BEYOND_MOST]
    ]
    if len(found) > len(listed):
        listed.append(f"and {len(found) - len(listed)} more places")
    return f'<p class="note">Parcels beyond the maps: {", ".join(listed)}.</p>'


def queues(figures: Figures) -> str:
    """What stands in queues."""
    rows = []
    for n, queue in enumerate(figures.backlog.queues):
        at = f"backlog.queues.{n}"
        cells = (escape(words(queue.queue)), escape(words(queue.reason)), escape(queue.owner))
        rows.append((*cells, figure(figures, f"{at}.orders"), figure(figures, f"{at}.oldest_days")))
    return table(("<queue", "<reason", "<owner", ">entries", ">oldest"), rows)


def history_rows(figures: Figures) -> str:
    """Where the rows of the history went."""
    assert figures.history is not None, "asked only when there is one"
    history = figures.history
    rows = []
    for n, went in enumerate(history.went):
        style = "main" if went.what == "sale" else "quiet"
        rows.append(
            (
                escape(words(went.what)),
                strip([(style, went.rows)], history.rows, went.what),
                figure(figures, f"history.went.{n}.rows"),
                escape(went.why),
            )
        )
    rows.append(("all rows read", "", figure(figures, "history.rows"), ""))
    return table(("<kind of row", "-of all rows", ">rows", "<what becomes of it"), rows, sums=True)


def went(figures: Figures, path: str, listed: Sequence[Went], heads: tuple[str, str]) -> str:
    """Rows by name, each with its reason."""
    return table(
        (f"<{heads[0]}", ">rows", f"<{heads[1]}"),
        [
            (escape(each.what), figure(figures, f"{path}.{n}.rows"), escape(each.why))
            for n, each in enumerate(listed)
        ],
    )


def pairs(entries: Iterable[tuple[str, str]], heads: tuple[str, str]) -> str:
    """Two columns: words, and figures."""
    return table((f"<{heads[0]}", f">{heads[1]}"), list(entries))


def days(figures: Figures) -> str:
    """Day by day; '' for a long run, whose days stand in report.json alone."""
    demand = {d.day: n for n, d in enumerate(figures.demand.days)}
    parcels = {d.day: n for n, d in enumerate(figures.delivery.days)}
    backlog = {d.day: n for n, d in enumerate(figures.backlog.days)}
    every = sorted({*demand, *parcels, *backlog})
    if not 0 < len(every) <= DAYS_MOST:
        return ""
    rows = []
    for each in every:
        cells = [f"{each:%a} {day(each)}"]
        for path, found, fields in (
            ("demand.days", demand, ("orders", "units_each")),
            ("delivery.days", parcels, ("shipped", "delivered")),
            ("backlog.days", backlog, ("parts",)),
        ):
            n = found.get(each)
            cells += [
                "" if n is None else figure(figures, f"{path}.{n}.{field}") for field in fields
            ]
        rows.append(cells)
    heads = ("<day", ">orders", ">units", ">parcels shipped", ">parcels delivered")
    return table((*heads, ">parts in the house at its end"), rows)
