"""The report as one HTML page that needs nothing else: no network, no script; pure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib import resources

from entrepot.simulation.report import pictures, tables
from entrepot.simulation.report.figures import Figures
from entrepot.simulation.report.pictures import Picture
from entrepot.simulation.report.shown import counted, day, figure, words

STYLE = "page.css"
STATE_WORDS = {
    "running": "stopped while orders came in",
    "draining": "stopped while the last parcels were on their way",
    "ended": "played to its end",
}
SETTING_WORDS = {
    "starts_at": "orders from",
    "ends_at": "orders until before",
    "reached_at": "played up to",
    "zone": "days are those of",
    "currency": "currency",
    "seed": "seed",
    "target_ppm": "promises to be kept",
}


def page(figures: Figures) -> str:
    """The whole page, well-formed as XML too."""
    style = resources.files(__package__).joinpath(STYLE).read_text(encoding="utf-8")
    settings = figures.settings
    title = f"{settings.retailer}: report of a run"
    body = "".join((_network(figures), _demand(figures), _promises(figures), _backlog(figures)))
    body += "".join((_stock(figures), _cost(figures), _carbon(figures), _supply(figures)))
    body += "".join((_history(figures), _audit(figures), _made(figures)))
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en" xmlns="http://www.w3.org/1999/xhtml"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(title)}</title><style>\n{style}</style></head>\n"
        f"<body>{_header(figures)}<main>{_keys(figures)}{body}</main>{_footer(figures)}"
        "</body></html>\n"
    )


def _header(figures: Figures) -> str:
    settings = figures.settings
    ok = figures.audit.ok
    verdict = "Audit: all is well" if ok else f"Audit: {len(figures.audit.findings)} findings"
    return (
        '<header><div class="head"><div><div class="over">Report of a run</div>'
        f"<h1>{escape(settings.retailer)}</h1>"
        f"<p>Orders of {day(settings.first_day)} to {day(settings.last_day)}, "
        f"seed {figure(figures, 'settings.seed')}, "
        f"{STATE_WORDS.get(settings.state, settings.state)}</p></div>"
        f'<a class="verdict {"yes" if ok else "no"}" href="#audit">{verdict}</a></div></header>'
    )


def _keys(figures: Figures) -> str:
    """The key figures, each with what it is to be read against."""

    def say(path: str) -> str:
        return figure(figures, path)

    most_on = figures.backlog.most_on
    cards = (
        ("Orders placed", say("demand.orders"), f"{say('demand.units_each')} units of goods"),
        (
            "Promises kept",
            say("delivery.parcels.kept_ppm"),
            f"by parcels; aim {say('settings.target_ppm')}. Whole orders by the date told first: "
            f"{say('delivery.as_told_ppm')}",
        ),
        (
            "From order to door",
            say("delivery.door_median_days"),
            f"half of the orders; 95 % within {say('delivery.door_slow_days')}",
        ),
        (
            "Cost to send an order",
            say("cost.per_order_mills"),
            f"customers paid {say('cost.paid_per_order_mills')}",
        ),
        ("CO₂e per order", say("carbon.per_order_g"), f"{say('carbon.co2e_g')} in all"),
        (
            "Largest backlog",
            say("backlog.most_parts"),
            f"parts, on {day(most_on)}" if most_on else "parts",
        ),
        ("Stock", say("stock.value_minor"), f"{say('stock.on_hand_each')} units at cost"),
        (
            "Orders not sent",
            say("demand.cancelled"),
            f"cancelled; {say('backlog.queued_orders')} entries in queues",
        ),
    )
    shown = "".join(
        f'<div class="key"><dt>{name}</dt><dd><div class="big">{big}</div>'
        f'<div class="more">{more}</div></dd></div>'
        for name, big, more in cards
    )
    return f'<dl class="keys">{shown}</dl>'


def _section(name: str, title: str, says: str, *parts: str) -> str:
    note = f'<p class="note">{says}</p>' if says else ""
    return f'<section id="{name}"><h2>{title}</h2>{note}{"".join(parts)}</section>'


def _figure(picture: Picture) -> str:
    return (
        f"<figure><figcaption><b>{escape(picture.title)}</b><span>{escape(picture.unit)}</span>"
        f"</figcaption>{picture.svg}{_legend(picture.legend)}</figure>"
    )


def _legend(entries: Iterable[tuple[str, str]]) -> str:
    listed = "".join(f'<li><i class="{style}"></i>{escape(text)}</li>' for style, text in entries)
    return f'<ul class="legend">{listed}</ul>' if listed else ""


def _pair(shown: Iterable[Picture]) -> str:
    return f'<div class="pair">{"".join(map(_figure, shown))}</div>'


def _details(summary: str, inside: str) -> str:
    return f"<details><summary>{summary}</summary>{inside}</details>" if inside else ""


def _network(figures: Figures) -> str:
    maps = [_figure(picture) for picture in pictures.maps(figures)]
    drawn = '<p class="note">No parcel left the house.</p>'
    if figures.destinations:
        *rest, last = maps or [""]
        drawn = f'<div class="pair">{"".join(rest)}<div>{last}{tables.beyond(figures)}</div></div>'
    return _section(
        "network",
        "Network",
        f"{figure(figures, 'delivery.parcels.parcels')} parcels from "
        f"{counted(len(figures.centers), 'centers')} to "
        f"{counted(len(figures.destinations), 'areas')}.",
        drawn,
    )


def _demand(figures: Figures) -> str:
    if not figures.demand.days:
        return _section("demand", "Demand", "", "<p>No orders were placed.</p>")
    return _section(
        "demand",
        "Demand",
        f"{figure(figures, 'demand.completed')} orders are completed, "
        f"{figure(figures, 'demand.open')} open, "
        f"{figure(figures, 'demand.awaiting_payment')} await payment, "
        f"{figure(figures, 'demand.cancelled')} were cancelled; "
        f"{figure(figures, 'demand.lines')} lines, "
        f"goods for {figure(figures, 'demand.goods_minor')}.",
        _pair((pictures.orders(figures), pictures.units(figures))),
        _details("Day by day", tables.days(figures)),
    )


def _promises(figures: Figures) -> str:
    shown = []
    if figures.delivery.late_by:
        shown.append(pictures.late_by(figures))
    if figures.delivery.door:
        shown.append(pictures.door(figures))
    return _section(
        "promises",
        "Promised and delivered",
        f"{figure(figures, 'delivery.parcels.delivered')} parcels were delivered, "
        f"{figure(figures, 'delivery.parcels.on_time')} of them by the date promised last and "
        f"{figure(figures, 'delivery.parcels.late')} after it; "
        f"{figure(figures, 'delivery.parcels.lost')} were lost, "
        f"{figure(figures, 'delivery.parcels.on_the_way')} are on the way. Lost and overdue "
        "parcels break their promise. "
        f"{figure(figures, 'delivery.in_time_ppm')} of the parts left by the day of the pickup "
        "they were meant for.",
        _pair(shown) if shown else "<p>Nothing was delivered.</p>",
        tables.services(figures),
        _legend(pictures.PROMISE_LEGEND),
    )


def _backlog(figures: Figures) -> str:
    backlog = figures.backlog
    drawn = '<p class="note">Nothing stayed in the house over the end of a day.</p>'
    if backlog.most_parts:
        drawn = _pair((pictures.backlog_by_stage(figures), pictures.backlog_by_age(figures)))
    left = "<h3>In queues at the end</h3>" + tables.queues(figures)
    return _section(
        "backlog",
        "Backlog",
        f"A part is what one center sends of an order. {figure(figures, 'backlog.left_parts')} "
        "parts are in the house at the end; what cannot go on stands in a queue.",
        drawn,
        left if backlog.queues else '<p class="note">No queue holds anything.</p>',
    )


def _stock(figures: Figures) -> str:
    stock = [_figure(pictures.stock_value(figures))] if figures.stock.days else []
    return _section(
        "centers",
        "Centers, stock and service",
        f"{figure(figures, 'stock.on_hand_each')} units worth "
        f"{figure(figures, 'stock.value_minor')} at the end.",
        *stock,
        tables.centers(figures),
    )


def _cost(figures: Figures) -> str:
    return _section(
        "cost",
        "Cost",
        f"{figure(figures, 'delivery.orders')} orders were sent, in "
        f"{figure(figures, 'cost.parcels_per_100_orders')} parcels per 100 orders. Box handling "
        f"cost {figure(figures, 'cost.box_mills')}, item handling "
        f"{figure(figures, 'cost.item_mills')}, carriage {figure(figures, 'cost.carriage_mills')}; "
        f"customers paid {figure(figures, 'cost.paid_minor')} for delivery.",
        '<div class="pair"><figure><figcaption><b>Cost of an order</b></figcaption>',
        tables.order_cost(figures),
        "</figure><figure><figcaption><b>Cost of a parcel, by center</b></figcaption>",
        tables.center_cost(figures),
        "</figure></div>",
    )


def _carbon(figures: Figures) -> str:
    return _section(
        "carbon",
        "Carbon",
        "CO₂ equivalent of carriage by the footprints stated for each service and zone; "
        f"{figure(figures, 'carbon.unstated_parcels')} parcels went where none is stated.",
        tables.service_carbon(figures),
    )


def _supply(figures: Figures) -> str:
    bought = (
        ("orders to suppliers", figure(figures, "purchases.raised")),
        ("received in full", figure(figures, "purchases.received")),
        ("late", figure(figures, "purchases.late")),
        ("units ordered", figure(figures, "purchases.ordered_each")),
        ("units received", figure(figures, "purchases.received_each")),
        ("of them damaged", figure(figures, "purchases.damaged_each")),
        ("cost of what was received", figure(figures, "purchases.cost_minor")),
    )
    returned = (
        ("returns", figure(figures, "returns.returns")),
        ("graded", figure(figures, "returns.graded")),
        ("units received", figure(figures, "returns.received_each")),
        ("back to sale", figure(figures, "returns.restocked_each")),
        ("scrapped", figure(figures, "returns.scrapped_each")),
        ("refunded", figure(figures, "returns.refund_minor")),
    )
    return _section(
        "supply",
        "Purchases and returns",
        "",
        '<div class="pair"><div>',
        tables.pairs(bought, ("bought from suppliers", "count")),
        "</div><div>",
        tables.pairs(returned, ("sent back by customers", "count")),
        "</div></div>",
    )


def _history(figures: Figures) -> str:
    history = figures.history
    if history is None:
        return ""
    goods, countries = ("stock code", "what it is"), ("country", "why it is refused")
    return _section(
        "history",
        "Where the rows of the history went",
        f"{figure(figures, 'history.rows')} rows of {figure(figures, 'history.invoices')} invoices "
        f"were read, {figure(figures, 'history.sales')} of them sales that can be orders; "
        f"{figure(figures, 'history.span_sales')} fall into this run. "
        f"Of the rows that came back {figure(figures, 'history.credits_tied')} are tied to earlier "
        f"sales, {figure(figures, 'history.credits_tied_in_part')} in part, "
        f"{figure(figures, 'history.credits_untied')} to none.",
        tables.history_rows(figures),
        _details(
            "Stock codes that are no goods",
            tables.went(figures, "history.not_goods", history.not_goods, goods),
        ),
        _details(
            f"Countries that are refused, with {figure(figures, 'history.refused_sales')} invoices",
            tables.went(figures, "history.refused", history.refused, countries),
        ),
    )


def _audit(figures: Figures) -> str:
    audit = figures.audit
    findings = "".join(f"<li>{escape(finding)}</li>" for finding in audit.findings)
    looked = "".join(
        f"<div><dt>{escape(words(entry.what))}</dt>"
        f"<dd>{figure(figures, f'audit.looked_at.{n}.count')}</dd></div>"
        for n, entry in enumerate(audit.looked_at)
    )
    return _section(
        "audit",
        "Audit: all is well" if audit.ok else "Audit: something is broken",
        "Movements sum to zero, balances equal the ledger, every order has ended or stands in a "
        "queue, every fact was handled once and in order.",
        f'<ul class="finding">{findings}</ul>' if findings else "",
        f'<dl class="looked">{looked}</dl>',
    )


def _made(figures: Figures) -> str:
    """How the run was made: what was set, what was invented, what the world did."""
    chosen = [(text, figure(figures, f"settings.{name}")) for name, text in SETTING_WORDS.items()]
    assumed = [(escape(a.what), escape(a.value)) for a in figures.assumed]
    did = [
        (escape(words(entry.what)), figure(figures, f"world.{n}.count"))
        for n, entry in enumerate(figures.world)
    ]
    return _section(
        "made",
        "How this run was made",
        "The same history, scenario, window and seed give the same report.",
        '<div class="pair"><div>',
        tables.pairs(chosen, ("setting", "value")),
        _details("What the simulated world did", tables.pairs(did, ("what", "count"))),
        "</div><div>",
        tables.pairs(assumed, ("invented about the world", "value")),
        "</div></div>",
    )


def _footer(figures: Figures) -> str:
    lines = [*figures.settings.sources, "Outlines of the maps: Natural Earth, public domain."]
    return (
        "<footer><p>Each figure on this page stands in report.json beside it, under the path in "
        f"its data-at attribute.</p>{''.join(f'<p>{escape(line)}</p>' for line in lines)}</footer>"
    )
