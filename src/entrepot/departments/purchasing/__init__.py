"""Suppliers, what was agreed with them, and the orders given to them.

Owns suppliers with the distribution of their lead time, terms per item and supplier, and purchase
orders from raising to the last receipt: what was ordered, what came, whole, damaged or over, and
what does not come any more. Decides by a plain rule what to buy and how much.

Facts: SupplierRegistered, TermsAgreed, PurchaseOrderRaised, PurchaseOrderAdvanced,
PurchaseOrderReceived, PurchaseOrderClosed.

Deliberately does not forecast (demand is passed in), does not ask whether a SKU or node exists, and
moves no stock: the flow books what came.
"""
