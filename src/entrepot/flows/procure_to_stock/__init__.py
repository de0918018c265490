"""From a shortage to goods on the shelf: reorder, raise, advance, receive, end purchase orders.

The order is written first, what it announces or brings to the stock after it (lock order), in one
transaction; backorders are filled by the facts of the stock.
"""
