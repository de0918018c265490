"""The work inside a node: what is picked, packed and handed over, and what is received.

Owns the work a node has for each part of an order, its lines with what was short and why, the
cartons with their SSCCs, and inbound receipts with what was over, short or damaged.

Facts: WorkReleased, PickShort, WorkPacked, HandedOver, WorkCancelled, GoodsReceived, GoodsPutAway.

Deliberately moves no stock (inventory), books no parcel (carriage), knows no bins, and does not
decide when work is released: the flow gives dates and priorities.
"""
