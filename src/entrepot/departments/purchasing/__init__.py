"""Suppliers and what was agreed with them: costs, minimum quantities, packs, lead times.

Owns suppliers with the distribution of their lead time, and terms per item and supplier.

Facts: SupplierRegistered, TermsAgreed.

Deliberately does not decide what to buy (replenishment), and does not ask whether a SKU exists.
"""
