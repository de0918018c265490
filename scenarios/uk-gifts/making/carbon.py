"""Grams of CO2 equivalent, from the British government's factors and distances that are assumed.

Source of the factors: UK Government GHG Conversion Factors for Company Reporting 2025 (Department
for Energy Security and Net Zero), sheet Freighting goods, kg CO2e per tonne and kilometer; Open
Government Licence 3.0. They are of the year 2025, not of the years of the history.
Assumed: the distances, the detour, the last 15 km by van, and 120 g per parcel for sorting.
"""

from __future__ import annotations

# kg CO2e per tonne and kilometer, which is also grams per kilogram and kilometer.
HGV = 0.10163  # HGV (all diesel), all HGVs, average laden
VAN = 0.63130  # vans, average up to 3.5 tonnes, diesel
AIR_SHORT = 1.27835  # freight flights, short-haul, to/from UK, with radiative forcing
AIR_LONG = 0.89939  # freight flights, long-haul, to/from UK, with radiative forcing

DETOUR = 1.25
LAST_KM = 15
PER_BOX_G = {"parcel": 120, "pallet": 900}

# Zone -> kilometers as the crow flies.
KM = {
    1: 60,
    2: 170,
    3: 380,
    4: 480,
    5: 430,
    6: 330,
    7: 340,
    10: 90,
    11: 480,
    12: 1_050,
    13: 2_100,
    14: 5_000,
    15: 8_800,
    16: 13_500,
    21: 560,
    22: 850,
    23: 720,
}
LONG_HAUL = frozenset({14, 15, 16})


def per_kg(service_id: str, zone: int) -> int:
    """Grams per kilogram, rounded: by road, but express abroad and all beyond Europe by air."""
    air = service_id == "meridian-express" and zone != 10
    if zone in LONG_HAUL:
        haul = KM[zone] * AIR_LONG
    elif air:
        haul = KM[zone] * AIR_SHORT
    else:
        haul = KM[zone] * DETOUR * HGV
    return round(haul + LAST_KM * VAN)


def per_box(service_id: str) -> int:
    """Grams per parcel."""
    return PER_BOX_G["pallet" if service_id.endswith("pallet") else "parcel"]
