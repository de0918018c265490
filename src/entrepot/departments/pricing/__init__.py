"""Prices: what one each of an item costs the customer, by list, currency and time.

Owns price lists. Every price ever set stays, with the id of its version, so that an order can name
the version it was sold at.

Facts: PriceSet.

Deliberately knows no promotions, taxes or delivery charges, and does not ask whether a SKU exists.
"""
