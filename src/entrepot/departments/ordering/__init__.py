"""Orders: what customers asked for, what they were promised, and how far it has come.

Owns carts until they become orders and how each channel treats them, orders with their lines, the
parts a node fulfills (fulfillment orders), expectations (every version of what was promised),
events (what happened), the queues in which an order that cannot go on waits with a reason and an
owner, and returns from their authorization to the grade of each unit.

Facts: OrderPlaced, OrderPaid, OrderCancelled, OrderCompleted, PartMoved, PartShort, PromiseChanged,
ReturnAuthorized, ReturnReceived, ReturnGraded, ReturnClosed, ChannelSet, CartCompleted,
CartAbandoned, CartExpired, HoldsReleased.

Deliberately knows no stock, no rates and no people: reservations belong to inventory, dates to
promise, nodes to sourcing, names and addresses to customers. Money is recorded, not moved.
"""
