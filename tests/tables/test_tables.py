"""Every scenario of this folder, line by line; and that a wrong line is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from tests.tables.ledger import BadTable, Row, days_of, parse
from tests.tables.verbs import START, VERBS, Story

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.txt"))

StoryMaker = Callable[[], Story]


@pytest.fixture
def a_story(database_on: Callable[[Clock], Database]) -> StoryMaker:
    def make() -> Story:
        clock = VirtualClock(START, seed=1)
        return Story(database_on(clock), clock)

    return make


def play(story: Story, file: str, text: str) -> str | None:
    """Carry a scenario out; None when every line ends as it says, else what went otherwise."""
    for row in parse(file, text):
        before = {} if row.sku == "-" else story.counts(row.sku, row.node)
        ending = story.do(row)
        expected, found = _compared(story, row, ending, before)
        if expected != found:
            return (
                f"{file}:{row.line}: {row.text.strip()}\n  expected {expected}\n  found    {found}"
            )
        if findings := story.audit():
            return f"{file}:{row.line}: {row.text.strip()}\n  audit: {'; '.join(findings)}"
    return None


def _compared(
    story: Story, row: Row, ending: str | None, before: dict[str, int]
) -> tuple[object, object]:
    """What the line says and what is there, cut to what the line says."""
    if row.sku == "-":
        return row.ending, ending
    after = story.counts(row.sku, row.node)
    if row.ending or ending:
        return (row.ending, before), (ending, after)
    found = {
        name: after[name] if days_of(name) is None else story.available_in(row.sku, days_of(name))
        for name in row.expected
    }
    return row.expected, found


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_scenario(a_story: StoryMaker, file: Path) -> None:
    wrong = play(a_story(), f"tests/tables/{file.name}", file.read_text(encoding="utf-8"))
    if wrong:
        pytest.fail(wrong, pytrace=False)


def test_every_verb_and_its_refusals_stand_in_some_scenario() -> None:
    rows = [row for f in FILES for row in parse(f.name, f.read_text(encoding="utf-8"))]
    assert {row.movement[0] for row in rows} == {*VERBS, "later"}
    assert {(row.movement[0], row.ending) for row in rows if row.ending} >= REFUSALS


REFUSALS = {
    ("open", "refused bad_quantity"),
    ("open", "refused already_counted"),
    ("open", "repeated"),
    ("receive", "refused bad_quantity"),
    ("expect", "refused bad_quantity"),
    ("expect", "refused wrong_state"),
    ("adjust", "refused bad_quantity"),
    ("adjust", "refused bad_value"),
    ("adjust", "refused not_enough_stock"),
    ("count", "refused bad_quantity"),
    ("count", "refused not_enough_stock"),
    ("quarantine", "refused bad_quantity"),
    ("quarantine", "refused not_enough_stock"),
    ("requalify", "refused bad_quantity"),
    ("requalify", "refused not_enough_stock"),
    ("scrap", "refused not_enough_stock"),
    ("hold", "refused bad_quantity"),
    ("hold", "refused bad_date"),
    ("hold", "refused not_enough_stock"),
    ("reserve", "refused bad_quantity"),
    ("reserve", "refused not_enough_stock"),
    ("wait", "refused bad_quantity"),
    ("fill", "refused not_enough_stock"),
    ("fill", "refused wrong_state"),
    ("allocate", "refused unknown_reservation"),
    ("allocate", "refused wrong_state"),
    ("undo", "refused wrong_state"),
    ("ship", "refused wrong_state"),
    ("cancel", "refused wrong_state"),
    ("short", "refused unknown_reservation"),
    ("short", "refused wrong_state"),
    ("short", "refused bad_quantity"),
    ("short", "refused bad_value"),
}

HEAD = "# sku  node  movement   each   on_hand  atp  atp+7\n"
OPENED = HEAD + "  MUG  DC1   open         10        10   10     10\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "  MUG  DC1   adjust lost  -1         9    8\n",
            "x.txt:3: MUG  DC1   adjust lost  -1         9    8\n"
            "  expected {'on_hand': 9, 'atp': 8}\n  found    {'on_hand': 9, 'atp': 9}",
        ),
        (
            "  MUG  DC1   adjust lost -11   refused bad_value\n",
            "expected ('refused bad_value', ",
        ),
        ("  MUG  DC1   adjust lost -11         0\n", "found    ('refused not_enough_stock', "),
        ("  MUG  DC1   adjust lost  -1   refused not_enough_stock\n", "found    (None, "),
        ("  MUG  DC1   open         10        10\n", "found    ('repeated', "),
        ("  MUG  DC1   expect e1 8d  5" + " " * 20 + "15\n", "found    {'atp+7': 10}"),
    ],
)
def test_a_line_that_says_something_else_is_found(
    a_story: StoryMaker, line: str, said: str
) -> None:
    assert play(a_story(), "x.txt", OPENED) is None
    wrong = play(a_story(), "x.txt", OPENED.replace("MUG", "CUP") + line.replace("MUG", "CUP"))
    assert wrong is not None
    assert said.replace("MUG", "CUP") in wrong
    assert wrong.startswith("x.txt:3: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  MUG  DC1   open         10\n", "x.txt:1: a row before the line that names the columns"),
        ("# sku  node  movement   each   on_hnd\n", "x.txt:1: no column 'on_hnd'"),
        (OPENED + "  MUG  DC1   open        10\n", "x.txt:3: '10' stands under no column"),
        (OPENED + "  MUG   open            1\n", "x.txt:3: 'open' stands under no column"),
        (OPENED + "  MUG  DC1                 1\n", "x.txt:3: a row has a SKU"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(text: str, said: str) -> None:
    with pytest.raises(BadTable) as raised:
        list(parse("x.txt", text))
    assert str(raised.value).startswith(said)
