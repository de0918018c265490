"""The report as files: the page, and the same figures as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from entrepot.ground.files import write_durably
from entrepot.simulation.report.figures import Figures
from entrepot.simulation.report.page import page

PAGE_FILE, JSON_FILE = "report.html", "report.json"
READABLE = 0o644


class Written(NamedTuple):
    """Where the report lies."""

    page: Path
    json: Path


def as_json(figures: Figures) -> bytes:
    """The figures as JSON, the same bytes for the same figures."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n"


def write(folder: Path, figures: Figures) -> Written:
    """Write page and JSON into a folder, made if it is missing; each replaces its older one whole.

    The JSON comes last: where it is, its page is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = Written(folder / PAGE_FILE, folder / JSON_FILE)
    write_durably(written.page, page(figures), mode=READABLE)
    write_durably(written.json, as_json(figures), mode=READABLE)
    return written
