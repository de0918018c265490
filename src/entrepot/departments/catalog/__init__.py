"""Items: what can be sold, how heavy and large it is, how it is packed and handled.

Owns one row per SKU and the list of GTINs in use, each of which names one SKU.

Facts: ItemRegistered, ItemChanged, ItemRetired. Each holds the whole item.

Deliberately does not know prices (pricing), stock (inventory), suppliers (purchasing) or search.
An item is retired, never removed: old orders name it.
"""
