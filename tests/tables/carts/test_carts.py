"""Every scenario of this folder, line by line; and that a wrong line is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from tests.builders import a_retailer
from tests.flows.carting import channels
from tests.flows.test_place import TUESDAY_9
from tests.tables.carts.story import VERBS, BadTable, Story, parse

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.txt"))


@pytest.fixture
def story(database_on: Callable[[Clock], Database]) -> Story:
    clock = VirtualClock(TUESDAY_9, seed=1)
    database = database_on(clock)
    a_retailer(database, {})
    channels(database)
    return Story(database, clock)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_scenario(story: Story, file: Path) -> None:
    wrong = story.play(f"tests/tables/carts/{file.name}", file.read_text(encoding="utf-8"))
    if wrong:
        pytest.fail(wrong, pytrace=False)


def test_every_verb_stands_in_some_scenario() -> None:
    rows = [row for f in FILES for row in parse(f.name, f.read_text(encoding="utf-8"))]
    assert {row.does.split()[0] for row in rows} == set(VERBS)


HEAD = "# cart  does         wants    ends               holds    free\n"
OPENED = (
    HEAD
    + "  -     stock BER    A*3                                  A*3\n"
    + "  c1    open         A*2      open               A*2      A*1\n"
)


@pytest.mark.parametrize(
    "line",
    [
        "  c1    touch                 open               A*1\n",
        "  c1    touch                 open               A*2      A*2\n",
        "  c1    touch                 expired\n",
        "  c1    complete              not_enough_stock\n",
        "  c1    change       A*4      open               A*4\n",
        "  c1    change       A*4      A:time\n",
        "  c9    touch                                    A*2\n",
    ],
)
def test_a_line_that_says_something_else_is_found(story: Story, line: str) -> None:
    wrong = story.play("x.txt", OPENED + line)
    assert wrong is not None and wrong.startswith("x.txt:4: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# cart  dose\n", "x.txt:1: no column ['dose']"),
        (HEAD + "  c1     open\n", "x.txt:2: 'open' stands under no column"),
        (HEAD + "  c1             A*2\n", "x.txt:2: 'A*2' stands under no column"),
        (HEAD + "  c1                 A*2\n".replace("   A", "  A", 1), "stands under no column"),
        (HEAD + "        open\n", "x.txt:2: a row has a cart"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(text: str, said: str) -> None:
    with pytest.raises(BadTable) as raised:
        list(parse("x.txt", text))
    assert said in str(raised.value)
