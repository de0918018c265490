"""Reading the figures of a run: the rooms through their published views, and what the run kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from entrepot.departments.network import decisions as network
from entrepot.departments.network import service as network_service
from entrepot.departments.network.model import Network, NodeKind
from entrepot.flows.views import outcome, standing
from entrepot.flows.views.outcome import Span
from entrepot.flows.watch.audit import Audit
from entrepot.ground.database import Tx
from entrepot.simulation.day_close import AGES, STAGES, DayClose
from entrepot.simulation.history import History
from entrepot.simulation.report import figures as f
from entrepot.simulation.report.assumed import assumed
from entrepot.simulation.report.rows import history_rows
from entrepot.simulation.report.shares import kept, per, ppm, quantile
from entrepot.simulation.store import Run
from entrepot.words.money import MILLS_PER_MINOR

HALF_PPM, SLOW_PPM = 500_000, 950_000
MOMENT = timedelta(microseconds=1)


class Told(NamedTuple):
    """What the run itself kept, beside what stands in the rooms.

    days     its days in order, as they ended
    history  None when it did not play one
    sources  whose data were used, and under which license, a sentence each
    """

    run: Run
    days: Sequence[DayClose]
    history: History | None
    audit: Audit
    sources: tuple[str, ...] = ()


def gather(tx: Tx, told: Told) -> f.Figures:
    """Every figure of a run, read as of `run.reached_at`.

    tx  read-only, so that the database may join by hash: whole tables are read
    """
    known = network_service.snapshot(tx)
    retailer = known.retailer
    assert retailer is not None, "a run plays a retailer"
    run = told.run
    span = Span(run.starts_at, run.ends_at, run.reached_at, retailer.zone)
    delivered = outcome.delivery(tx, span, _zones(known))
    worked = {w.node: w for w in outcome.work(tx, span)}
    stocks = {s.node: s for s in standing.stock(tx, retailer.currency)}
    centers = _centers(known, delivered, worked, stocks)
    destinations, lanes = _flows(known, delivered.lanes, [c.node for c in centers])
    grams, unstated = _carbon(known, delivered.lanes)
    sent = sum(o.orders for o in delivered.orders)
    return f.Figures(
        settings=f.Settings(
            retailer=retailer.name,
            currency=retailer.currency,
            country=retailer.country,
            zone=retailer.zone,
            starts_at=run.starts_at,
            ends_at=run.ends_at,
            first_day=_local_day(run.starts_at, retailer.zone),
            last_day=_local_day(run.ends_at - MOMENT, retailer.zone),
            reached_at=run.reached_at,
            state=run.state,
            seed=run.seed,
            target_ppm=retailer.service_level_ppm,
            sources=told.sources,
        ),
        demand=_demand(outcome.demand(tx, span)),
        delivery=_delivery(delivered, list(worked.values())),
        backlog=_backlog(tx, told.days, span.at),
        stock=_stock(stocks.values(), told.days, [c.node for c in centers]),
        centers=centers,
        services=_services(known, delivered, grams, unstated),
        destinations=destinations,
        lanes=lanes,
        cost=_cost(known, delivered, worked),
        carbon=f.Carbon(
            co2e_g=sum(grams.values()),
            per_order_g=per(sum(grams.values()), sent),
            unstated_parcels=sum(unstated.values()),
        ),
        returns=f.Returns(**outcome.returns(tx, span)._asdict()),
        purchases=f.Purchases(**outcome.purchases(tx, span)._asdict()),
        history=None if told.history is None else history_rows(told.history, run),
        world=tuple(f.Counted(what, count) for what, count in sorted(run.counts.items())),
        assumed=assumed(),
        audit=f.Audit(
            ok=told.audit.ok,
            findings=tuple(told.audit.findings),
            looked_at=tuple(f.Counted(*pair) for pair in told.audit.looked_at.items()),
        ),
    )


def _local_day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _zones(known: Network) -> dict[str, str]:
    """The zone that promised dates are counted in, by country: that of its first node."""
    nodes = sorted(known.nodes.values(), key=lambda n: n.node_id, reverse=True)
    return {node.country: node.zone for node in nodes}


def _demand(asked: outcome.Demand) -> f.Demand:
    states: Counter[str] = Counter()
    placed: Counter[date] = Counter()
    cancelled: Counter[date] = Counter()
    goods_minor = 0
    for row in asked.orders:
        states[row.state] += row.orders
        placed[row.day] += row.orders
        if row.state == "cancelled":
            cancelled[row.day] += row.orders
        else:
            goods_minor += row.goods_minor
    units = {row.day: row.units_each for row in asked.units}
    return f.Demand(
        orders=sum(states.values()),
        completed=states["completed"],
        open=states["open"],
        awaiting_payment=states["awaiting_payment"],
        cancelled=states["cancelled"],
        lines=sum(row.lines for row in asked.units),
        units_each=sum(units.values()),
        goods_minor=goods_minor,
        days=tuple(
            f.OrderDay(day, placed[day], cancelled[day], units.get(day, 0))
            for day in sorted(placed)
        ),
    )


def _delivery(delivered: outcome.Delivery, worked: Sequence[outcome.NodeWork]) -> f.Delivery:
    late_by: Counter[int] = Counter()
    for row in delivered.promised:
        if row.fate == "delivered" and row.days is not None:
            late_by[row.days] += row.parcels
    door_days: Counter[int] = Counter()
    told: Counter[bool | None] = Counter()
    for order in delivered.orders:
        told[order.as_told] += order.orders
        if order.days is not None:
            door_days[order.days] += order.orders
    door = sorted(door_days.items())
    return f.Delivery(
        parcels=kept(delivered.promised),
        in_time_ppm=ppm(sum(w.in_time for w in worked), sum(w.parts for w in worked)),
        late_by=tuple(f.LateBy(*pair) for pair in sorted(late_by.items())),
        orders=sum(o.orders for o in delivered.orders),
        arrived=sum(orders for _, orders in door),
        as_told_ppm=ppm(told[True], told[True] + told[False]),
        door=tuple(f.DoorDays(*pair) for pair in door),
        door_median_days=quantile(door, HALF_PPM),
        door_slow_days=quantile(door, SLOW_PPM),
        days=tuple(f.ParcelDay(*row) for row in delivered.days),
    )


def _backlog(tx: Tx, days: Sequence[DayClose], at: datetime) -> f.Backlog:
    closed = tuple(f.BacklogDay(d.day, sum(d.by_stage), d.by_stage, d.by_age) for d in days)
    most = max(closed, key=lambda d: d.parts, default=None)
    queues = outcome.queues(tx)
    return f.Backlog(
        stages=STAGES,
        ages=AGES,
        days=closed,
        most_parts=most.parts if most else 0,
        most_on=most.day if most else None,
        left_parts=sum(w.parts for w in standing.backlog(tx, at)),
        queued_orders=sum(q.orders for q in queues),
        queues=tuple(
            f.Queue(q.queue, q.owner, q.reason, q.orders, (at - q.oldest_at).days) for q in queues
        ),
    )


def _stock(
    now: Iterable[standing.NodeStock], days: Sequence[DayClose], nodes: Sequence[str]
) -> f.Stock:
    found = []
    for day in days:
        at = {n.node: n for n in day.nodes}
        found.append(
            f.StockDay(
                day.day,
                tuple(at[n].on_hand_each if n in at else 0 for n in nodes),
                tuple(at[n].value_minor if n in at else 0 for n in nodes),
            )
        )
    stocks = list(now)
    return f.Stock(
        on_hand_each=sum(s.on_hand_each for s in stocks),
        value_minor=sum(s.value_minor for s in stocks),
        days=tuple(found),
    )


def _centers(
    known: Network,
    delivered: outcome.Delivery,
    worked: Mapping[str, outcome.NodeWork],
    stocks: Mapping[str, standing.NodeStock],
) -> tuple[f.Center, ...]:
    """Every node that ships for the retailer, or did anything."""
    fates: dict[str, list[outcome.PromisedParcels]] = defaultdict(list)
    for row in delivered.promised:
        fates[row.node].append(row)
    carriage_minor: Counter[str] = Counter()
    for lane in delivered.lanes:
        carriage_minor[lane.node] += lane.carriage_minor
    found = []
    for node in sorted(known.nodes.values(), key=lambda n: n.node_id):
        seen = node.node_id in worked or node.node_id in stocks
        if node.kind is not NodeKind.fulfillment_center and not seen:
            continue
        work = worked.get(node.node_id, outcome.NodeWork(node.node_id, 0, 0, 0, 0, 0))
        stock = stocks.get(node.node_id, standing.NodeStock(node.node_id, 0, 0, 0, 0))
        fate = kept(fates[node.node_id])
        found.append(
            f.Center(
                node=node.node_id,
                name=node.name,
                latitude_microdeg=node.latitude_microdeg,
                longitude_microdeg=node.longitude_microdeg,
                units_each=work.units_each,
                kept=fate,
                in_time_ppm=ppm(work.in_time, work.parts),
                picked_ppm=ppm(work.asked_each - work.short_each, work.asked_each),
                in_stock_ppm=ppm(stock.skus - stock.skus_out, stock.skus),
                on_hand_each=stock.on_hand_each,
                value_minor=stock.value_minor,
                box_per_parcel_mills=node.box_cost_mills if fate.parcels else None,
                item_per_parcel_mills=per(node.item_cost_mills * work.units_each, fate.parcels),
                carriage_per_parcel_mills=per(
                    carriage_minor[node.node_id] * MILLS_PER_MINOR, fate.parcels
                ),
            )
        )
    return tuple(found)


def _services(
    known: Network,
    delivered: outcome.Delivery,
    grams: Mapping[str, int],
    unstated: Mapping[str, int],
) -> tuple[f.Service, ...]:
    fates: dict[str, list[outcome.PromisedParcels]] = defaultdict(list)
    for row in delivered.promised:
        fates[row.service].append(row)
    mass_g: Counter[str] = Counter()
    carriage_minor: Counter[str] = Counter()
    for lane in delivered.lanes:
        mass_g[lane.service] += lane.mass_g
        carriage_minor[lane.service] += lane.carriage_minor
    found = []
    for service in sorted(known.services.values(), key=lambda s: s.service_id):
        name = service.service_id
        fate = kept(fates[name])
        found.append(
            f.Service(
                service=name,
                name=service.name,
                carrier=known.carriers[service.carrier_id].name,
                speed=service.speed,
                kept=fate,
                mass_g=mass_g[name],
                carriage_minor=carriage_minor[name],
                carriage_per_parcel_mills=per(carriage_minor[name] * MILLS_PER_MINOR, fate.parcels),
                co2e_g=grams.get(name, 0),
                co2e_per_parcel_g=per(grams.get(name, 0), fate.parcels - unstated.get(name, 0)),
            )
        )
    return tuple(found)


def _cost(
    known: Network, delivered: outcome.Delivery, worked: Mapping[str, outcome.NodeWork]
) -> f.Cost:
    parcels: Counter[str] = Counter()
    for lane in delivered.lanes:
        parcels[lane.node] += lane.parcels
    box = sum(known.nodes[node].box_cost_mills * count for node, count in parcels.items())
    item = sum(known.nodes[w.node].item_cost_mills * w.units_each for w in worked.values())
    carriage = sum(lane.carriage_minor for lane in delivered.lanes) * MILLS_PER_MINOR
    paid_minor = sum(o.paid_minor for o in delivered.orders)
    orders = sum(o.orders for o in delivered.orders)
    return f.Cost(
        box_mills=box,
        item_mills=item,
        carriage_mills=carriage,
        paid_minor=paid_minor,
        box_per_order_mills=per(box, orders),
        item_per_order_mills=per(item, orders),
        carriage_per_order_mills=per(carriage, orders),
        per_order_mills=per(box + item + carriage, orders),
        paid_per_order_mills=per(paid_minor * MILLS_PER_MINOR, orders),
        parcels_per_100_orders=per(100 * sum(parcels.values()), orders),
    )


def _carbon(
    known: Network, lanes: Iterable[outcome.LaneParcels]
) -> tuple[dict[str, int], dict[str, int]]:
    """Grams of CO2e by service, and by service the parcels for which no footprint is stated."""
    grams: Counter[str] = Counter()
    unstated: Counter[str] = Counter()
    for lane in lanes:
        zone = network.zone_for(known, lane.node, lane.country, lane.postal_area)
        found = (
            None
            if zone is None
            else network.co2e_g(known, lane.service, zone, lane.mass_g, lane.parcels)
        )
        if found is None:
            unstated[lane.service] += lane.parcels
        else:
            grams[lane.service] += found
    return dict(grams), dict(unstated)


def _flows(
    known: Network, lanes: Iterable[outcome.LaneParcels], nodes: Sequence[str]
) -> tuple[tuple[f.Destination, ...], tuple[f.Lane, ...]]:
    """Where parcels went, by postal area of the network, and from which node."""
    parcels: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for lane in lanes:
        area = network.area_for(known, lane.country, lane.postal_area)
        key = area.key if area is not None else (lane.country, lane.postal_area)
        parcels[key][lane.node] += lane.parcels
    places = sorted(parcels)
    destinations = []
    for key in places:
        area = known.areas.get(key)
        destinations.append(
            f.Destination(
                country=key[0],
                area=key[1],
                name=area.name if area else " ".join(key).strip(),
                latitude_microdeg=area.latitude_microdeg if area else None,
                longitude_microdeg=area.longitude_microdeg if area else None,
                parcels=sum(parcels[key].values()),
            )
        )
    found = [
        f.Lane(position, number, parcels[key][node])
        for number, key in enumerate(places)
        for position, node in enumerate(nodes)
        if parcels[key][node]
    ]
    return tuple(destinations), tuple(found)
