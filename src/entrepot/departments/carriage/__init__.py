"""Parcels on their way: booked, labeled, handed over, tracked, delivered or not.

Owns shipments, one per carton, with their cost and tracking number, and the events that carriers
tell about them. What a carrier calls an event is put into one closed list of kinds, and who caused
a delay into one of parties; late news never takes a shipment back.

Facts: ShipmentBooked, ShipmentHandedOver, ShipmentDelivered, ShipmentDelayed, ShipmentLost,
ShipmentReturned, ShipmentVoided.

Deliberately knows no rates and no dates (network and promise: the flow passes cost and latest
date), packs nothing (warehouse), and keeps no name or address: a label gets them as values.
"""
