"""Who reacts to facts: every subscription of an installation, in the order they are served.

A reaction commits together with its cursor, so its effects happen exactly once; `docs/facts.md`
lists every fact and who reacts.
"""

from __future__ import annotations

from entrepot.departments.tower import model as tower
from entrepot.flows.order_to_delivery import fill
from entrepot.flows.watch import figures
from entrepot.ground.events import Subscription

SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Subscription("fill-backorders", fill.FILLING_FACTS, fill.on_stock),
    Subscription(tower.SUBSCRIPTION, figures.FIGURE_FACTS, figures.on_facts),
)
