"""Stock: how much, where, in which state, and what is promised of it.

Owns the ledger of movements (double entry: each takes from one account and gives to another), the
balances derived from it by the same statement, cart holds, reservations for order lines, waiting
demand, and expected receipts. Answers what is available to promise, now and by date.

Facts: StockReceived, StockAdjusted, StockCounted, StockQuarantined, ReceiptExpected. Reserving and
releasing are told by the facts of the order they serve, so that an order costs one fact.

Deliberately does not choose nodes (sourcing), know customers or prices, or move goods inside a
node: bins and handling units belong to the warehouse.
"""
