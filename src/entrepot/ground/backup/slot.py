"""What PostgreSQL keeps for the archive, and how far the archive is.

The slot makes PostgreSQL keep its write-ahead log until it was streamed, whoever runs and whoever
does not: no stop, kill or absence of the archiver makes a gap. What it keeps is bounded
(ENTREPOT_BACKUP_WAL_MIB): beyond that the slot is lost, and orders go on.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote

import psycopg

from entrepot.ground.cluster_settings import SOCKET_PORT, SUPERUSER

SLOT = "entrepot_backup"
RECEIVER = "entrepot-archiver"
PAGE_BYTES = 8_192
PAGE_HEADERS = (24, 40)  # of a page, and of the first of a segment

# Backups and the stream take as long as they take.
_NO_LIMITS = "-c statement_timeout=0 -c transaction_timeout=0 -c lock_timeout=0"

_IDENTITY = """
SELECT system_identifier::text, current_setting('wal_segment_size'),
       current_setting('summarize_wal')
  FROM pg_control_system()
"""
_SLOT = "SELECT wal_status, active_pid FROM pg_replication_slots WHERE slot_name = %s"
_CREATE = "SELECT lsn FROM pg_create_physical_replication_slot(%s, true)"
_DROP = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s"
_END_WALSENDER = "SELECT pg_terminate_backend(%s, 5000)"
_IS_STREAMED = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active"
_POSITIONS = """
SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint,
       (SELECT max(r.write_lsn - '0/0')::bigint FROM pg_stat_replication AS r
         WHERE r.application_name = %(receiver)s),
       (SELECT (pg_current_wal_flush_lsn() - s.restart_lsn)::bigint FROM pg_replication_slots AS s
         WHERE s.slot_name = %(slot)s)
"""


class System(NamedTuple):
    """A running cluster.

    identifier  PostgreSQL's own, of the cluster and every copy of it
    """

    identifier: str
    segment_size: str
    summarizes: bool


class Positions(NamedTuple):
    """Positions in the write-ahead log, bytes.

    written   where the last record ends; what was acknowledged until now lies before it
    received  what the archive has; None when nobody streams
    kept      bytes kept for the archive; 0 without a slot
    """

    written: int
    received: int | None
    kept: int


def connection_text(socket_folder: object, name: str) -> str:
    """What PostgreSQL's programs connect with, as `name`."""
    return (
        f"postgresql://{SUPERUSER}@/{SUPERUSER}?host={quote(str(socket_folder), safe='')}"
        f"&port={SOCKET_PORT}&application_name={name}&options={quote(_NO_LIMITS)}"
    )


def system(connection: psycopg.Connection[Any]) -> System:
    """The cluster behind a connection."""
    row = connection.execute(_IDENTITY).fetchone()
    assert row is not None
    return System(row[0], row[1], row[2] == "on")


def is_kept(connection: psycopg.Connection[Any]) -> bool:
    """Whether there is a slot that has kept everything."""
    row = connection.execute(_SLOT, (SLOT,)).fetchone()
    return row is not None and row[0] != "lost"


def is_streamed(connection: psycopg.Connection[Any]) -> bool:
    """Whether somebody streams from the slot."""
    return connection.execute(_IS_STREAMED, (SLOT,)).fetchone() is not None


def create(connection: psycopg.Connection[Any]) -> None:
    """Keep the log from now on, and forget what an earlier slot kept."""
    drop(connection)
    connection.execute(_CREATE, (SLOT,))


def drop(connection: psycopg.Connection[Any]) -> None:
    """Keep nothing any more."""
    end_receiver(connection)
    connection.execute(_DROP, (SLOT,))


def give_up(url: str) -> None:
    """Keep nothing any more in the cluster behind `url`."""
    with psycopg.connect(url, autocommit=True) as connection:
        drop(connection)


def end_receiver(connection: psycopg.Connection[Any]) -> None:
    """End whoever streams from the slot, such as what a killed archiver has left behind."""
    row = connection.execute(_SLOT, (SLOT,)).fetchone()
    if row is not None and row[1] is not None:
        connection.execute(_END_WALSENDER, (row[1],))


def positions(connection: psycopg.Connection[Any]) -> Positions:
    """How far the log and the archive are."""
    row = connection.execute(_POSITIONS, {"receiver": RECEIVER, "slot": SLOT}).fetchone()
    assert row is not None
    return Positions(_end_of_record(row[0]), row[1], row[2] or 0)


def _end_of_record(position: int) -> int:
    """Where the record before a position ends: the next one begins after the header of its page.

    Source: PostgreSQL 18, XLogBytePosToRecPtr and XLogBytePosToEndRecPtr in xlog.c.
    """
    into_page = position % PAGE_BYTES
    return position - into_page if into_page in PAGE_HEADERS else position
