"""Write the scenario's files anew from the history and the rules beside it.

    python scenarios/uk-gifts/make.py [FOLDER]

Without a folder the scenario's own files are written. Nothing depends on time, chance or machine:
the same history and rules give the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "making"))

from goods import write_goods  # noqa: E402  found beside this file
from network import write_network  # noqa: E402


def main(folder: Path) -> None:
    """Write every file of the scenario into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_network(folder)
    write_goods(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
