"""Keeping the books right: adjustments by people, each with its reason and its audit entry."""
