"""What backups of one data home are made with."""

from __future__ import annotations

import os
from typing import NamedTuple

from entrepot.ground.backup import place as places
from entrepot.ground.backup.place import Place
from entrepot.ground.backup.slot import System
from entrepot.ground.clock import Clock
from entrepot.ground.cluster import Cluster
from entrepot.ground.cluster_account import Account, Programs, programs_for, server_account
from entrepot.ground.files import account_name
from entrepot.ground.settings import Settings
from entrepot.words.outcome import Broken

_NEEDED = ("pg_basebackup", "pg_combinebackup", "pg_receivewal", "pg_verifybackup", "pg_waldump")


class Tools(NamedTuple):
    """Settings, clock, PostgreSQL's programs and the account they run as."""

    settings: Settings
    clock: Clock
    account: Account
    programs: Programs
    cluster: Cluster

    @staticmethod
    def of(settings: Settings, clock: Clock, cluster: Cluster | None = None) -> Tools:
        """The tools for an installation.

        Raises: Broken when there are none: another PostgreSQL is used, or it lacks programs.
        """
        if not settings.is_embedded:
            raise Broken(
                "ENTREPOT_DATABASE_URL: found an address; the PostgreSQL behind it is backed up by "
                "whoever runs it, `entrepot backup` is for the embedded one"
            )
        account = server_account(settings.pg_user)
        programs = programs_for(account, settings.pg_bin, settings.data / "programs")
        missing = [name for name in _NEEDED if not (programs.folder / name).is_file()]
        if missing:
            raise Broken(
                f"{programs.folder}: found no {', '.join(missing)}, which backups are made with; "
                "point ENTREPOT_PG_BIN at a whole PostgreSQL, or leave it out"
            )
        return Tools(settings, clock, account, programs, cluster or Cluster(settings, clock=clock))

    @staticmethod
    def reader(settings: Settings, clock: Clock) -> Tools:
        """Tools that run as ourselves, for looking into backups; nothing is made for them.

        Raises: Broken when PostgreSQL's programs are missing.
        """
        account = Account(account_name(), os.geteuid(), os.getegid(), switch=False)
        programs = programs_for(account, settings.pg_bin, settings.data / "programs")
        return Tools(settings, clock, account, programs, Cluster(settings, clock=clock))

    def place(self, system: System) -> Place:
        """The folder of backups, claimed.

        Raises: Broken when none is set or it cannot be used.
        """
        if self.settings.backup is None:
            raise Broken(
                "ENTREPOT_BACKUP: not set, expected a folder on another disk; nothing is backed up "
                "without it (docs/backup.md)"
            )
        if system.segment_size != "16MB":
            raise Broken(
                f"PostgreSQL: found segments of {system.segment_size} in its write-ahead log, "
                "expected 16MB; this cluster cannot be backed up by `entrepot backup`"
            )
        return places.claim(self.settings, system.identifier, self.account, self.clock)
