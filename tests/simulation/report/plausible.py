"""Figures as a run might give them, made from a seed, for tests and for looking at the page."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple

from entrepot.simulation.day_close import AGES, STAGES
from entrepot.simulation.report import figures as f
from entrepot.simulation.report.assumed import assumed
from entrepot.simulation.report.shares import per, ppm, quantile
from tests.simulation.scenario import SCENARIO

MICRO = 1_000_000
FIRST = date(2011, 8, 4)
CENTERS = (
    ("BRS", "Bristol", 51.4552, -2.5967),
    ("DAR", "Dartford", 51.4466, 0.2142),
    ("DAV", "Daventry", 52.2569, -1.1607),
    ("GLA", "Glasgow (Bellshill)", 55.8167, -4.0167),
    ("LDS", "Leeds (Castleford)", 53.7259, -1.3626),
    ("VEN", "Venlo", 51.3700, 6.1681),
)
SERVICES = (
    ("albion-48", "48 Hours", "Albion Parcels", "standard", 310, 190),
    ("albion-next-day", "Next Day", "Albion Parcels", "express", 420, 240),
    ("ironbridge-pallet", "Pallet", "Ironbridge Freight", "standard", 4_800, 2_600),
    ("meridian-economy", "International Economy", "Meridian Post", "economy", 760, 520),
    ("meridian-express", "International Express", "Meridian Post", "express", 1_980, 2_900),
)
HISTORY = {
    "sale": 794_512,
    "credit": 15_470,
    "write_off": 3_046,
    "found": 1_214,
    "without_price": 2_402,
    "refused_country": 763,
    "no_item": 205,
    "not_goods": 6_031,
    "second_arrival": 22_523,
}


class Area(NamedTuple):
    """A destination of the scenario."""

    country: str
    prefix: str
    name: str
    latitude: float
    longitude: float
    people: int


class Parcel(NamedTuple):
    """One parcel of one order; `late` None = on the way."""

    order: int
    center: int
    service: int
    area: int
    day: int
    fate: str
    late: int | None
    mass_g: int


def areas() -> list[Area]:
    """The areas of the scenario, those of Great Britain and some of elsewhere."""
    with (SCENARIO / "areas.csv").open(encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return [
            Area(
                row["country"],
                row["postal_prefix"],
                row["name"],
                float(row["latitude"]),
                float(row["longitude"]),
                int(row["population"]) // (1 if row["country"] == "GB" else 12),
            )
            for row in rows
            if row["postal_prefix"]
        ]


def plausible(
    seed: int = 1, *, days: int = 28, orders: int = 1_850, centers: int = 6, times: int = 1
) -> f.Figures:
    """Figures of a made-up run.

    days, orders  0 orders is a run in which nobody ordered
    centers       how many, 1 to 6
    times         multiplies every count
    """
    made = _Made(Random(seed), days, orders if days else 0, centers, times)
    return made.figures()


class _Made:
    """A run drawn parcel by parcel, so that its figures agree with each other."""

    def __init__(self, chance: Random, days: int, orders: int, centers: int, times: int) -> None:
        self.chance, self.times = chance, times
        self.days, self.count = days, orders
        self.centers = CENTERS[:centers]
        self.areas = areas()
        self.order_days = sorted(self._order_day() for _ in range(orders))
        self.parcels = list(self._parcels())

    def _order_day(self) -> int:
        while True:
            day = self.chance.randrange(self.days)
            weekday = (FIRST + timedelta(days=day)).weekday()
            if self.chance.random() < (1, 0.95, 1, 1, 0.9, 0.02, 0.35)[weekday]:
                return day

    def _parcels(self) -> Any:
        weights = [area.people for area in self.areas]
        homes = self.chance.choices(range(len(self.areas)), weights, k=self.count)
        for order, (day, area) in enumerate(zip(self.order_days, homes, strict=True)):
            if order % 97 == 5:
                continue  # cancelled
            for _ in range(2 if self.chance.random() < 0.11 else 1):
                yield self._parcel(order, day, area)

    def _parcel(self, order: int, day: int, area: int) -> Parcel:
        there = self.areas[area]
        near = sorted(
            range(len(self.centers)),
            key=lambda n: (
                (self.centers[n][2] - there.latitude) ** 2
                + ((self.centers[n][3] - there.longitude) * 0.6) ** 2
            ),
        )
        center = near[0] if self.chance.random() < 0.72 else self.chance.choice(near)
        home = there.country == "GB"
        service = self.chance.choices((0, 1, 2), (62, 36, 2))[0] if home else 3
        if not home and self.chance.random() < 0.2:
            service = 4
        late = self.chance.choices(
            (-3, -2, -1, 0, 1, 2, 3, 5, 9), (4, 11, 31, 49, 3, 1, 1, 0.4, 0.1)
        )
        roll = self.chance.random()
        fate = "lost" if roll < 0.0015 else "on_the_way" if day >= self.days - 1 else "delivered"
        mass = int(self.chance.lognormvariate(7.6, 0.9)) + 200
        return Parcel(
            order, center, service, area, day, fate, late[0] if fate == "delivered" else None, mass
        )

    def figures(self) -> f.Figures:
        destinations, lanes = self._flows()
        sent = len({p.order for p in self.parcels}) * self.times
        grams = sum(self._grams(p) for p in self.parcels) * self.times
        stock = self._stock()
        return f.Figures(
            settings=self._settings(),
            demand=self._demand(),
            delivery=self._delivery(sent),
            backlog=self._backlog(),
            stock=stock,
            centers=tuple(self._center(n, stock) for n in range(len(self.centers))),
            services=tuple(self._service(n) for n in range(len(SERVICES))),
            destinations=destinations,
            lanes=lanes,
            cost=self._cost(sent),
            carbon=f.Carbon(co2e_g=grams, per_order_g=per(grams, sent), unstated_parcels=0),
            returns=f.Returns(
                returns=sent // 31,
                graded=sent // 33,
                received_each=sent // 3,
                restocked_each=sent // 4,
                scrapped_each=sent // 20,
                refund_minor=sent * 61,
            ),
            purchases=f.Purchases(
                raised=184 * self.times,
                received=151 * self.times,
                late=19 * self.times,
                ordered_each=211_904 * self.times,
                received_each=178_330 * self.times,
                damaged_each=412 * self.times,
                cost_minor=14_230_655 * self.times,
            ),
            history=self._history(),
            world=(
                f.Counted("backordered", 118 * self.times),
                f.Counted("parcels_lost", sum(p.fate == "lost" for p in self.parcels)),
                f.Counted("placed", self.count * self.times),
                f.Counted("short_lines", 61 * self.times),
            ),
            assumed=assumed(),
            audit=f.Audit(
                ok=True,
                findings=(),
                looked_at=(
                    f.Counted("movements", 148_220 * self.times),
                    f.Counted("balances", 24_118),
                    f.Counted("orders", self.count * self.times),
                    f.Counted("facts", 41_907 * self.times),
                ),
            ),
        )

    def _settings(self) -> f.Settings:
        start = datetime.combine(FIRST, time(), UTC)
        return f.Settings(
            retailer="UK Gifts",
            currency="GBP",
            country="GB",
            zone="Europe/London",
            starts_at=start,
            ends_at=start + timedelta(days=self.days),
            first_day=FIRST,
            last_day=FIRST + timedelta(days=self.days - 1),
            reached_at=start + timedelta(days=self.days + 9),
            state="ended",
            seed=1,
            target_ppm=950_000,
            sources=(
                "Orders: Chen, D. (2019), Online Retail II, UCI Machine Learning Repository, "
                "DOI 10.24432/C5CG6D, CC BY 4.0.",
                "Places: GeoNames, CC BY 4.0.",
            ),
        )

    def _cost(self, sent: int) -> f.Cost:
        carriage = self._carriage(self.parcels) * 1_000
        box = len(self.parcels) * 85_000 * self.times
        item = len(self.parcels) * 80_600 * self.times
        paid = sent * 461
        return f.Cost(
            box_mills=box,
            item_mills=item,
            carriage_mills=carriage,
            paid_minor=paid,
            box_per_order_mills=per(box, sent),
            item_per_order_mills=per(item, sent),
            carriage_per_order_mills=per(carriage, sent),
            per_order_mills=per(box + item + carriage, sent),
            paid_per_order_mills=per(paid * 1_000, sent),
            parcels_per_100_orders=per(100 * len(self.parcels) * self.times, sent),
        )

    def _demand(self) -> f.Demand:
        placed, cancelled = Counter(self.order_days), Counter(self.order_days[5::97])
        found = tuple(
            f.OrderDay(
                FIRST + timedelta(days=n),
                placed[n] * self.times,
                cancelled[n] * self.times,
                (placed[n] - cancelled[n]) * (240 + n % 5 * 17) * self.times,
            )
            for n in sorted(placed)
        )
        orders, gone = sum(d.orders for d in found), sum(d.cancelled for d in found)
        opened = orders // 40
        return f.Demand(
            orders=orders,
            completed=orders - gone - opened,
            open=opened,
            awaiting_payment=0,
            cancelled=gone,
            lines=(orders - gone) * 21,
            units_each=sum(d.units_each for d in found),
            goods_minor=(orders - gone) * 41_733,
            days=found,
        )

    def _kept(self, parcels: Sequence[Parcel]) -> f.Kept:
        fates = Counter(p.fate for p in parcels)
        on_time = sum(p.late is not None and p.late <= 0 for p in parcels)
        late = fates["delivered"] - on_time
        overdue = fates["on_the_way"] // 9
        return f.Kept(
            parcels=len(parcels) * self.times,
            delivered=fates["delivered"] * self.times,
            on_time=on_time * self.times,
            late=late * self.times,
            lost=fates["lost"] * self.times,
            returned=0,
            on_the_way=fates["on_the_way"] * self.times,
            overdue=overdue * self.times,
            kept_ppm=ppm(on_time, on_time + late + fates["lost"] + overdue),
        )

    def _delivery(self, sent: int) -> f.Delivery:
        late = Counter(p.late for p in self.parcels if p.late is not None)
        last = {p.order: p for p in self.parcels if p.fate == "delivered"}
        door = Counter(max(1, 3 + (p.late or 0) + p.service // 2 * 2) for p in last.values())
        shipped = Counter(p.day for p in self.parcels)
        arrived = Counter(p.day + 2 for p in self.parcels if p.fate == "delivered")
        pairs = [(days, count * self.times) for days, count in sorted(door.items())]
        return f.Delivery(
            parcels=self._kept(self.parcels),
            in_time_ppm=984_000,
            late_by=tuple(f.LateBy(d, n * self.times) for d, n in sorted(late.items())),
            orders=sent,
            arrived=sum(n for _, n in pairs),
            as_told_ppm=ppm(sum(n for d, n in pairs if d <= 5), sum(n for _, n in pairs)),
            door=tuple(f.DoorDays(*pair) for pair in pairs),
            door_median_days=quantile(pairs, 500_000),
            door_slow_days=quantile(pairs, 950_000),
            days=tuple(
                f.ParcelDay(
                    FIRST + timedelta(days=n), shipped[n] * self.times, arrived[n] * self.times
                )
                for n in sorted({*shipped, *arrived})
            ),
        )

    def _backlog(self) -> f.Backlog:
        found = []
        waiting = 12.0
        placed = Counter(self.order_days)
        for n in range(self.days + 8 if self.count else 0):
            waiting = max(0.0, waiting * 0.93 + placed[n] * 0.06)
            stages = (
                int(waiting),
                int(placed[n] * 0.42),
                int(placed[n] * 0.06),
                int(placed[n] * 0.03),
                int(placed[n] * 0.31),
            )
            old = (int(waiting * 0.1), int(waiting * 0.3), int(waiting * 0.25))
            young = sum(stages) - sum(old)
            ages = (young - young // 5 - young // 9, young // 5, young // 9, *old)
            scaled = tuple(s * self.times for s in stages)
            found.append(
                f.BacklogDay(
                    FIRST + timedelta(days=n),
                    sum(scaled),
                    scaled,
                    tuple(a * self.times for a in ages),
                )
            )
        most = max(found, key=lambda d: d.parts, default=None)
        return f.Backlog(
            stages=STAGES,
            ages=AGES,
            days=tuple(found),
            most_parts=most.parts if most else 0,
            most_on=most.day if most else None,
            left_parts=found[-1].parts if found else 0,
            queued_orders=self.count // 60 * self.times,
            queues=(
                f.Queue("backorder", "purchasing", "no stock", self.count // 60 * self.times, 22),
            )
            if self.count >= 60
            else (),
        )

    def _stock(self) -> f.Stock:
        shares = (0.13, 0.24, 0.29, 0.1, 0.17, 0.07)[: len(self.centers)]
        found = []
        for n in range(self.days):
            level = 1 - 0.28 * n / 28 + 0.11 * (n // 9) + self.chance.random() * 0.015
            each = tuple(int(610_000 * s * max(level, 0.2)) * self.times for s in shares)
            found.append(f.StockDay(FIRST + timedelta(days=n), each, tuple(e * 93 for e in each)))
        return f.Stock(
            on_hand_each=sum(found[-1].on_hand_each) if found else 0,
            value_minor=sum(found[-1].value_minor) if found else 0,
            days=tuple(found),
        )

    def _center(self, n: int, stock: f.Stock) -> f.Center:
        node, name, latitude, longitude = self.centers[n]
        mine = [p for p in self.parcels if p.center == n]
        kept = self._kept(mine)
        return f.Center(
            node=node,
            name=name,
            latitude_microdeg=round(latitude * MICRO),
            longitude_microdeg=round(longitude * MICRO),
            units_each=kept.parcels * 240,
            kept=kept,
            in_time_ppm=992_000 - n * 3_100 if mine else None,
            picked_ppm=998_700 - n * 150 if mine else None,
            in_stock_ppm=941_000 - n * 11_000,
            on_hand_each=stock.days[-1].on_hand_each[n] if stock.days else 0,
            value_minor=stock.days[-1].value_minor[n] if stock.days else 0,
            box_per_parcel_mills=82_000 + n * 4_000 if mine else None,
            item_per_parcel_mills=71_000 + n * 2_500 if mine else None,
            carriage_per_parcel_mills=per(self._carriage(mine) * 1_000, kept.parcels),
        )

    def _service(self, n: int) -> f.Service:
        service, name, carrier, speed, _, _ = SERVICES[n]
        mine = [p for p in self.parcels if p.service == n]
        kept = self._kept(mine)
        carriage = self._carriage(mine)
        grams = sum(self._grams(p) for p in mine) * self.times
        return f.Service(
            service=service,
            name=name,
            carrier=carrier,
            speed=speed,
            kept=kept,
            mass_g=sum(p.mass_g for p in mine) * self.times,
            carriage_minor=carriage,
            carriage_per_parcel_mills=per(carriage * 1_000, kept.parcels),
            co2e_g=grams,
            co2e_per_parcel_g=per(grams, kept.parcels),
        )

    def _carriage(self, parcels: Sequence[Parcel]) -> int:
        return sum(SERVICES[p.service][4] + p.mass_g // 50 for p in parcels) * self.times

    def _grams(self, parcel: Parcel) -> int:
        return SERVICES[parcel.service][5] + parcel.mass_g * 55 // 1_000

    def _flows(self) -> tuple[tuple[f.Destination, ...], tuple[f.Lane, ...]]:
        lanes = Counter((p.area, p.center) for p in self.parcels)
        reached = sorted({area for area, _ in lanes})
        position = {area: n for n, area in enumerate(reached)}
        destinations = tuple(
            f.Destination(
                country=self.areas[area].country,
                area=self.areas[area].prefix,
                name=self.areas[area].name,
                latitude_microdeg=round(self.areas[area].latitude * MICRO),
                longitude_microdeg=round(self.areas[area].longitude * MICRO),
                parcels=sum(lanes[area, c] for c in range(len(self.centers))) * self.times,
            )
            for area in reached
        )
        return destinations, tuple(
            f.Lane(center, position[area], count * self.times)
            for (area, center), count in sorted(lanes.items())
        )

    def _history(self) -> f.HistoryRows:
        return f.HistoryRows(
            rows=sum(HISTORY.values()),
            invoices=44_187,
            went=tuple(f.Went(kind, f"why {kind}", rows) for kind, rows in HISTORY.items()),
            not_goods=(
                f.Went("DOT", "postage of the web shop", 1_447),
                f.Went("M", "by hand", 998),
            ),
            refused=(f.Went("Unspecified", "names no country", 763),),
            credits_tied=12_901,
            credits_tied_in_part=242,
            credits_untied=2_327,
            sales=36_600,
            refused_sales=14,
            span_sales=self.count,
        )
