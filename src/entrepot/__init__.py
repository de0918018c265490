"""Entrepot: the information management system of a large online retailer, in one package."""

__version__ = "0.1.0"
