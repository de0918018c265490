"""Opening an order history: CSV with any usual separator, or Parquet; columns as they come."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path

from entrepot.doors.folder.reader import FileTable, csv_records, open_table
from entrepot.flows.onboarding.columns import TableFormat
from entrepot.flows.onboarding.order_map import OrderMap, read_map
from entrepot.flows.onboarding.rows import UnusableFolder

DELIMITERS = (",", ";", "\t")
ROWS_MAX = 20_000_000
HISTORY = TableFormat("orders", "A line of an order from before.", ROWS_MAX, ())


def open_history(path: Path) -> FileTable:
    """The rows of a file of orders.

    Raises: UnusableFolder when it cannot be read.
    """
    if not path.exists():
        raise UnusableFolder([f"{path}: found nothing, expected a file of orders: CSV or Parquet"])
    binary = path.suffix == ".parquet" or not path.is_file()
    return open_table(path, HISTORY, "," if binary else _delimiter(path))


def _delimiter(path: Path) -> str:
    """The separator that finds the most columns in the head line."""
    found: dict[str, int] = {}
    for delimiter in DELIMITERS:
        # With the wrong one even quotes may stand wrong; what is wrong with all is told later.
        with suppress(UnusableFolder, OSError):
            found[delimiter] = len(next(csv_records(path, delimiter), (0, []))[1])
    return max(found, key=lambda delimiter: found[delimiter], default=",")


def open_map(path: Path) -> OrderMap:
    """The map of an order history.

    Raises: UnusableFolder naming everything in it that cannot be understood.
    """
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise UnusableFolder([f"{path}: cannot be read ({error.strerror})"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableFolder([f"{path.name}: cannot be read as TOML ({error})"]) from error
    return read_map(content, path.name)
