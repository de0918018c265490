"""What the three invented carriers offer: services, times, prices; and by what rule each is made.

Zones, as seen from the sending center:
   1   2   3   the same island, by distance: to 100 km, to 250 km, beyond
   4           Highlands and islands      5  Northern Ireland      6  Isle of Man
   7           Channel Islands           10  the Netherlands, from the center there
  11 to 16     other countries, by distance to their largest city: to 750 km, 1,500 km, 3,500 km,
               7,000 km, 10,000 km, beyond
  21  22  23   the United Kingdom from the Netherlands: mainland; Highlands, islands, Northern
               Ireland and Isle of Man; Channel Islands
"""

from __future__ import annotations

from typing import NamedTuple

CARRIERS = (
    ("albion", "Albion Parcels"),
    ("meridian", "Meridian Post"),
    ("ironbridge", "Ironbridge Freight"),
)

UK_KG = (1, 2, 5, 10, 15, 20, 25, 30)
ECONOMY_KG = (0.5, 1, 2, 5, 10, 15, 20, 25, 30)
EXPRESS_KG = (0.5, 1, 2, 5, 10, 20, 30, 50, 70)
PALLET_KG = (125, 250, 500, 750, 1_000)


class Reach(NamedTuple):
    """A service to a zone.

    base_pence, per_kg_pence  what a parcel costs us: a base and so much per kilogram of its step
    shares                    days and shares in percent of pickups in the middle of the week
    """

    base_pence: int
    per_kg_pence: float
    shares: str


class Offer(NamedTuple):
    """A service. nodes: where it can be had, with a cut-off of its own or ''."""

    service_id: str
    carrier_id: str
    name: str
    speed: str
    cut_off: str
    max_kg: int
    volumetric_divisor: str
    steps_kg: tuple[float, ...]
    nodes: dict[str, str]
    zones: dict[int, Reach]


SERVICES = (
    Offer(
        "albion-next-day",
        "albion",
        "Next Day",
        "express",
        "18:00",
        30,
        "",
        UK_KG,
        {"DAV": "19:00", "DAR": "18:30", "BRS": "", "LDS": "", "GLA": "17:30"},
        {
            1: Reach(320, 22, "1:98.5 2:1.2 3:0.3"),
            2: Reach(340, 23, "1:98 2:1.6 3:0.4"),
            3: Reach(370, 25, "1:97.5 2:2 3:0.5"),
            4: Reach(760, 48, "2:97 3:2.2 4:0.8"),
            5: Reach(820, 52, "2:97.2 3:2 4:0.8"),
            6: Reach(940, 58, "2:97 3:2.2 4:0.8"),
            7: Reach(1_080, 66, "2:96.8 3:2.4 4:0.8"),
        },
    ),
    Offer(
        "albion-48",
        "albion",
        "48 Hours",
        "standard",
        "17:00",
        30,
        "",
        UK_KG,
        {"DAV": "18:00", "DAR": "", "BRS": "", "LDS": "", "GLA": "16:30"},
        {
            1: Reach(220, 16, "1:20 2:72 3:6.5 4:1.5"),
            2: Reach(230, 17, "1:8 2:83 3:7.2 4:1.8"),
            3: Reach(250, 18, "2:89 3:8.8 4:2.2"),
            4: Reach(480, 32, "3:74 4:19 5:5 6:2"),
            5: Reach(520, 35, "3:78 4:16 5:4.5 6:1.5"),
            6: Reach(600, 40, "3:72 4:20 5:6 6:2"),
            7: Reach(690, 46, "3:66 4:24 5:7 6:3"),
        },
    ),
    Offer(
        "meridian-economy",
        "meridian",
        "International Economy",
        "economy",
        "16:00",
        30,
        "",
        ECONOMY_KG,
        {"any": ""},
        {
            10: Reach(360, 18, "1:62 2:30 3:6 4:2"),
            11: Reach(620, 82, "3:46 4:32 5:14 6:6 8:2"),
            12: Reach(760, 104, "4:42 5:31 6:17 7:7 9:3"),
            13: Reach(900, 132, "5:36 6:30 7:19 9:10 12:5"),
            14: Reach(1_080, 310, "7:30 8:28 9:20 11:14 15:8"),
            15: Reach(1_220, 395, "8:28 9:27 11:22 13:15 17:8"),
            16: Reach(1_340, 470, "9:26 10:27 12:23 15:16 20:8"),
            21: Reach(680, 88, "3:44 4:34 5:15 6:5 8:2"),
            22: Reach(920, 118, "5:45 6:32 7:15 8:5 10:3"),
            23: Reach(1_040, 134, "5:42 6:33 7:16 9:9"),
        },
    ),
    Offer(
        "meridian-express",
        "meridian",
        "International Express",
        "express",
        "16:30",
        70,
        "5000",
        EXPRESS_KG,
        {"DAV": "", "DAR": "18:00", "VEN": "18:30"},
        {
            10: Reach(820, 55, "1:98 2:1.6 3:0.4"),
            11: Reach(1_560, 205, "1:88 2:9.6 3:2.4"),
            12: Reach(1_760, 250, "1:56 2:36 3:7 4:1"),
            13: Reach(1_980, 315, "2:72 3:22 4:5 5:1"),
            14: Reach(2_540, 540, "3:70 4:22 5:6 6:2"),
            15: Reach(2_860, 665, "3:52 4:34 5:10 6:4"),
            16: Reach(3_160, 745, "4:58 5:28 6:10 7:4"),
        },
    ),
    Offer(
        "ironbridge-pallet",
        "ironbridge",
        "Pallet",
        "standard",
        "14:00",
        1_000,
        "3000",
        PALLET_KG,
        {"DAV": "", "VEN": ""},
        {
            1: Reach(3_360, 3.6, "1:46 2:45 3:7 4:2"),
            2: Reach(3_620, 4.0, "1:34 2:55 3:8 4:3"),
            3: Reach(4_150, 4.7, "2:82 3:13 4:5"),
            4: Reach(8_400, 11.0, "3:62 4:27 5:8 6:3"),
            5: Reach(9_300, 12.0, "3:66 4:24 5:7 6:3"),
            6: Reach(10_800, 14.0, "3:58 4:29 5:9 6:4"),
            7: Reach(12_900, 17.0, "4:56 5:30 6:10 7:4"),
            10: Reach(3_900, 4.4, "1:50 2:42 3:8"),
            11: Reach(8_900, 10.5, "3:48 4:35 5:12 6:5"),
            12: Reach(12_400, 14.5, "4:46 5:34 6:14 8:6"),
            13: Reach(17_800, 21.0, "6:44 7:32 8:16 10:8"),
        },
    ),
)

# How much of every day's share moves to the next day, by the day of the pickup: depots are fullest
# at both ends of the week.
LATER_PPM = {"any": 0, "mon": 10_000, "thu": 5_000, "fri": 15_000}

# What a customer pays of what it costs us.
MARGIN_PERCENT = 115
ROUNDING_PENCE = 5
