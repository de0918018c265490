"""Reading Parquet files a slice at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars

from entrepot.flows.onboarding.rows import UnusableFolder

# A slice decodes the row groups it touches, often much larger: few slices read them few times.
SLICE_ROWS = 50_000

_NESTED = (polars.Struct, polars.Object, polars.Binary)


def columns(path: Path) -> list[str]:
    """The columns of a file.

    Raises: UnusableFolder when it is no Parquet file, or a column holds no single values.
    """
    schema = _scan(path).collect_schema()
    nested = [f"{name} ({kind})" for name, kind in schema.items() if isinstance(kind, _NESTED)]
    if nested:
        raise UnusableFolder(
            [
                f"{path.name}: found {', '.join(nested)}, expected columns of text, numbers, dates "
                "or lists of them; flatten or leave out the others"
            ]
        )
    return list(schema)


def records(path: Path) -> Iterator[tuple[Any, ...]]:
    """The rows of a file in order; no more than SLICE_ROWS are held at once."""
    scan = _scan(path)
    offset = 0
    while True:
        try:
            frame = scan.slice(offset, SLICE_ROWS).collect()
        except polars.exceptions.PolarsError as error:
            raise _unreadable(path, error) from error
        yield from frame.iter_rows()
        offset += frame.height
        if frame.height < SLICE_ROWS:
            return


def _scan(path: Path) -> polars.LazyFrame:
    try:
        scan = polars.scan_parquet(path, glob=False)
        scan.collect_schema()
    except polars.exceptions.PolarsError as error:
        raise _unreadable(path, error) from error
    return scan


def _unreadable(path: Path, error: Exception) -> UnusableFolder:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return UnusableFolder([f"{path.name}: cannot be read as Parquet ({reason})"])
