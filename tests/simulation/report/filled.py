"""A database as a run leaves it, filled at once instead of played."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

FILL = Path(__file__).with_name("fill.sql")


def fill(
    owner: psycopg.Connection[Any], *, orders: int, days: int, skus: int, since: datetime
) -> None:
    """Rows of `orders` orders placed over `days` days from `since`; the network must be there."""
    values = {"orders": orders, "days": days, "skus": skus, "since": since}
    for statement in FILL.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            owner.execute(statement, values, prepare=False)
