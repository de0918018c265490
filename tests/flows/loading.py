"""What tests of a load share: running it, spoiling its files, and every row there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from entrepot.doors.folder.reader import read_folder
from entrepot.flows.onboarding.load import load_folder
from entrepot.flows.onboarding.rows import RefusedRow, Report
from entrepot.ground.database import Database
from entrepot.ground.migrate import own_schemas


def load(database: Database, folder: Path, **how: Any) -> tuple[Report, list[RefusedRow]]:
    refused: list[RefusedRow] = []
    report = load_folder(database, read_folder(folder), actor="me", refuse=refused.append, **how)
    assert len(refused) == report.refused
    for file in report.files:
        assert file.accepted + file.repeated + file.refused == file.read, file
    return report, refused


def replace(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text, f"{name} has no {old!r}"
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def without(folder: Path, name: str, *beginnings: str) -> None:
    lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(beginnings)]
    assert len(kept) < len(lines)
    (folder / name).write_text("".join(kept), encoding="utf-8")


def dump(owner: psycopg.Connection) -> dict[str, list[str]]:
    """Every row of every table of the house, as text."""
    names = owner.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(%s) ORDER BY 1, 2",
        (own_schemas(),),
    ).fetchall()
    return {
        f"{schema}.{table}": [
            row[0]
            for row in owner.execute(
                sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(
                    sql.Identifier(schema, table)
                )
            )
        ]
        for schema, table in names
    }


def told(refused: list[RefusedRow]) -> list[str]:
    return [f"{r.row.file}:{r.row.line}: {r.refusal.message}" for r in refused]
