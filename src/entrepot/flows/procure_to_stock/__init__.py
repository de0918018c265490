"""From a shortage to goods on the shelf: reorder, raise, advance, receive, end purchase orders.

The order is written first, then the receipt in the warehouse, then what it announces or brings to
the stock (lock order), in one transaction; backorders are filled by the facts of the stock.
"""
