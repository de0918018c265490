"""Arrays written by columns arrive as PostgreSQL would have them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.ground.database import Database
from entrepot.words.outcome import RefusalCode

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)))
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
COLUMNS: list[tuple[str, st.SearchStrategy[Any]]] = [
    ("text", TEXT | st.sampled_from(["NULL", "", '"', "\\", "{}", ",", 'a","b', "é", "\n"])),
    ("bigint", st.integers(-(2**63), 2**63 - 1)),
    ("uuid", st.binary(min_size=16, max_size=16).map(lambda b: UUID(bytes=b))),
    ("boolean", st.booleans()),
    ("bytea", st.binary()),
    ("date", st.dates(date(1, 1, 1), date(9999, 12, 31))),
    (
        "timestamptz",
        st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    ),
]


@pytest.mark.parametrize(("kind", "items"), COLUMNS, ids=[kind for kind, _ in COLUMNS])
def test_columns_come_back(database: Database, kind: str, items: st.SearchStrategy[Any]) -> None:
    query = f"SELECT %(column)s::{kind}[]"

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(items | st.none(), max_size=8))
    def there_and_back(column: list[Any]) -> None:
        with database.transaction() as tx:
            (found,) = tx.row(query, {"column": column})  # type: ignore[arg-type, misc]
        assert found == column

    there_and_back()


def test_times_of_another_zone_and_enumerations(database: Database) -> None:
    east = NOON.astimezone(timezone(timedelta(hours=9)))
    with database.transaction() as tx:
        assert tx.row("SELECT %s::timestamptz[]", ([east, None],)) == ([NOON, None],)
        assert tx.row("SELECT %s::text[]", ([RefusalCode.no_price],)) == (["no_price"],)
        assert tx.row("SELECT %s::text[]", ([],)) == ([],)
        assert tx.row("SELECT %s::integer[]", ([[1, 2], [3, 4]],)) == ([[1, 2], [3, 4]],)


def test_a_time_without_zone_is_a_bug(database: Database) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(AssertionError, match="time zone"), database.transaction() as tx:
        tx.row("SELECT %s::timestamptz[]", ([naive],))


def test_mixed_columns_are_refused(database: Database) -> None:
    with pytest.raises(psycopg.DataError), database.transaction() as tx:
        tx.row("SELECT %s::text[]", (["a", UUID(int=1)],))
