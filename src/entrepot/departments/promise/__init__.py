"""Promise says when an order can arrive, in which options, and seals what was offered.

Owns: the arithmetic from an instant to a date with its probability (handling time, pickups, days
in transit), the choice of options worth showing, and offers: signed tokens that hold lines,
destination, plan, date and price until they expire. It has no tables; an offer is written
nowhere until an order names it.

Facts: none; the flow that places an order writes what was promised.

Deliberately not here: which node sends what (sourcing), what anything costs (pricing, carriage),
where transit distributions come from (network). Boxes are taken as independent of each other;
whoever fits the distributions puts what boxes share, such as a carrier's bad week, into them.
"""
