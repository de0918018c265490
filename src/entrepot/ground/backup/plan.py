"""Which backup and which part of the archive bring back an instant, or why none do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from entrepot.ground.backup import place as places
from entrepot.ground.backup import wal
from entrepot.ground.backup.place import Backup, Place
from entrepot.ground.backup.state import told
from entrepot.ground.cluster_account import Account, Programs
from entrepot.ground.settings import Expected
from entrepot.words.outcome import Broken, shown


class Plan(NamedTuple):
    """How an instant is brought back.

    chain      the backups, the full one first
    run        the log after them; None = the backup alone
    at         everything acknowledged until then will be there
    target     where the replay stops; None = at the end of the run, which has nothing later
    least_lsn  position that the replay must reach, or something is damaged
    """

    chain: list[Backup]
    run: wal.Run | None
    at: datetime
    target: datetime | None
    least_lsn: int


class Reach(NamedTuple):
    """From when to when one can restore, starting from one backup.

    missing  what is not there though later parts of the archive are; None = nothing
    """

    starts_at: datetime
    ends_at: datetime
    run: wal.Run | None
    commit: wal.Commit | None
    noted: wal.Reached | None
    missing: str | None


def reach(place: Place, backup: Backup, programs: Programs, account: Account) -> Reach:
    """How far the archive leads on from a backup."""
    stretches = wal.read_stretches(place.wal)
    run = wal.run_after(stretches, backup.stop_lsn, backup.timeline)
    if run is None:
        cut = wal.is_cut(stretches, backup.stop_lsn, backup.timeline)
        following = wal.segment_name(backup.timeline, wal.segment_of(backup.stop_lsn) + 1)
        missing = following if cut else None
        return Reach(backup.ended_at, backup.ended_at, None, None, None, missing)
    commit = wal.last_commit(run, programs, account)
    noted = wal.read_reached(run.stretch.folder)
    if noted is not None and wal.segment_of(noted.lsn) > run.last:
        noted = None
    ends = [backup.ended_at, *(found.at for found in (commit, noted) if found is not None)]
    return Reach(backup.ended_at, max(ends), run, commit, noted, run.missing)


def choose(
    place: Place,
    programs: Programs,
    account: Account,
    at: datetime | None = None,
    name: str | None = None,
) -> Plan:
    """The plan for an instant.

    at    None = as late as possible
    name  of the backup to start from; None = the newest that ended by then
    Raises: Expected when the instant or the name is none that can be had; Broken when a part of
    the archive or a backup is missing.
    """
    backups = places.read_backups(place)
    if not backups:
        raise Broken(f"{place.base}: there is no backup in it; nothing can be restored")
    backup = _backup(backups, at, name)
    chain = places.chain(backups, backup)
    found = reach(place, backup, programs, account)
    if found.missing is not None and (at is None or at > found.ends_at):
        raise Broken(
            f"{place.wal}: segment {found.missing} of the write-ahead log is missing, though later "
            f"ones are there: after backup {backup.name} one can restore until "
            f"{told(found.ends_at)} (--to {stamp(found.ends_at)})"
            + ("" if at is None else f", not until {told(at)}")
        )
    if at is not None and at > found.ends_at:
        raise Expected(
            f"--to: found {told(at)}, expected at most {stamp(found.ends_at)}, where the archive "
            "ends; leave --to out to restore as late as possible"
        )
    commit = found.commit
    is_inside = at is not None and commit is not None and commit.at > at
    least = backup.stop_lsn
    if not is_inside:
        least = max(least, commit.lsn if commit is not None else 0)
        least = max(least, found.noted.lsn if found.noted is not None else 0)
    return Plan(chain, found.run, at or found.ends_at, at if is_inside else None, least)


def _backup(backups: Sequence[Backup], at: datetime | None, name: str | None) -> Backup:
    if name is not None:
        named = [backup for backup in backups if backup.name == name]
        if not named:
            raise Expected(
                f"--backup: found {shown(name)}, expected one of "
                f"{', '.join(backup.name for backup in backups)}"
            )
        if at is not None and at < named[0].ended_at:
            raise Expected(
                f"--to: found {told(at)}, expected at least {stamp(named[0].ended_at)}: backup "
                f"{name} ended then; leave --backup out to start from an earlier one"
            )
        return named[0]
    in_time = [backup for backup in backups if at is None or backup.ended_at <= at]
    if not in_time:
        assert at is not None, "without an instant every backup is in time"
        raise Expected(
            f"--to: found {told(at)}, expected at least {stamp(backups[0].ended_at)}: the first "
            "backup ended then, and nothing before can be restored"
        )
    return in_time[-1]


def stamp(instant: datetime) -> str:
    """An instant as `--to` takes it, exactly."""
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}Z"
