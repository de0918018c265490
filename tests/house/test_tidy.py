"""The tree is tidy, and each rule of tidiness finds what it bans and passes what it does not."""

from __future__ import annotations

import pytest

from tests.house import tidy
from tests.house.tidy_code import BRITISH
from tests.house.tidy_rules import RULES, check, check_tree
from tests.house.tree import files

ROOM = "src/entrepot/departments/room/"
DECISIONS = f"{ROOM}decisions.py"
SERVICE = f"{ROOM}service.py"
CLI = "src/entrepot/doors/cli/orders.py"
CLOCK = "src/entrepot/ground/clock.py"
GROUND = "src/entrepot/ground/database.py"
SIMULATION = "src/entrepot/simulation/world.py"
TEST = "tests/unit/test_room.py"

OFF = "-" + "O"
VENDORED = "src/entrepot/doors/web/vendored/"
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 70

# rule, path, text that breaks the rule
BAD = [
    ("file-size", SERVICE, "x = 1\n" * 501),
    ("file-size", f"{ROOM}queries.sql", "SELECT 1;\n" * 501),
    ("file-size", TEST, "x = 1\n" * 501),
    ("line-length", f"{ROOM}schema.sql", "-- " + "x" * 98),
    ("marker", SERVICE, f"x = 1  # {tidy.MARKERS[0]}: later\n"),
    ("marker", SERVICE, f'def f():\n    """Gives x. {tidy.MARKERS[1]} y."""\n'),
    ("marker", f"{ROOM}queries.sql", f"SELECT 1 -- {tidy.MARKERS[2]}\n"),
    ("marker", "docs/guide.md", f"{tidy.MARKERS[0]}: write this\n"),
    *(("author", "docs/guide.md", f"written with {word.title()}.\n") for word in tidy.AUTHORS),
    *(("machine-path", SERVICE, f'x = "{path}data"\n') for path in tidy.MACHINE_PATHS),
    *(("registry", "constraints.txt", f"-i https://{name}/simple\n") for name in tidy.REGISTRIES),
    ("optimized", "Makefile", f"run:\n\tpython3.12 -I {OFF} -m entrepot\n"),
    ("optimized", "deploy/unit.service", f"Environment={tidy.OPTIMIZED}=1\n"),
    ("syntax", SERVICE, "def f(:\n"),
    ("syntax", SERVICE, "type Pair[T] = tuple[T, T]\n"),
    ("function-size", SERVICE, LONG_FUNCTION),
    ("function-size", TEST, LONG_FUNCTION.replace("def", "async def")),
    ("wall-clock", SERVICE, "import datetime as dt\nx = dt.datetime.now(dt.UTC)\n"),
    ("wall-clock", SERVICE, "from datetime import date\nx = date.today()\n"),
    ("wall-clock", SERVICE, "from time import sleep as pause\n"),
    ("wall-clock", GROUND, "import time\nclock = time.monotonic\n"),
    ("randomness", SERVICE, "import random\nx = random.random()\n"),
    ("randomness", SERVICE, "from secrets import token_hex\n"),
    ("randomness", SERVICE, "import os\nx = os.urandom(8)\n"),
    ("randomness", SERVICE, "from uuid import uuid4\n"),
    ("randomness", SERVICE, "import numpy as np\nx = np.random.rand(3)\n"),
    ("randomness", SERVICE, "import numpy as np\nx = np.random.default_rng()\n"),
    ("randomness", SERVICE, "import numpy as np\nx = np.random.default_rng(seed=None)\n"),
    ("randomness", SERVICE, "import random\nx = random.Random(7)\n"),
    ("randomness", SIMULATION, "import random\nx = random.Random()\n"),
    ("hash", DECISIONS, "def bucket(sku):\n    return hash(sku) % 10\n"),
    ("naive-time", TEST, "from datetime import datetime\nx = datetime.now()\n"),
    ("naive-time", TEST, "import datetime\nx = datetime.datetime.utcnow()\n"),
    ("naive-time", TEST, "from datetime import datetime\nx = datetime.fromtimestamp(0)\n"),
    ("environment", GROUND, "import os\nx = os.environ['HOME']\n"),
    ("environment", SERVICE, "from os import getenv\n"),
    ("print", SERVICE, "print(1)\n"),
    ("open", DECISIONS, "x = open('rates.csv')\n"),
    ("open", f"{ROOM}storage.py", "x = open('rates.csv')\n"),
    ("open", "src/entrepot/words/money.py", "x = eval('1')\n"),
    ("except", TEST, "try:\n    x = 1\nexcept:\n    raise\n"),
    ("except", SERVICE, "try:\n    x = 1\nexcept Exception:\n    x = 2\n"),
    (
        "except",
        SERVICE,
        "try:\n    x = 1\nexcept (KeyError, Exception):  # noqa: BLE001\n    x = 2\n",
    ),
    ("commit", SERVICE, "def f(tx):\n    tx.commit()\n"),
    ("commit", "src/entrepot/flows/watch/react.py", "def f(c):\n    c.rollback()\n"),
    ("mock", TEST, "from unittest.mock import patch\n"),
    ("mock", TEST, "from unittest import mock\n"),
    ("spelling", SERVICE, "def plan_fulfilment():\n    pass\n"),
    ("spelling", SERVICE, "class CatalogueItem:\n    pass\n"),
    ("spelling", SERVICE, "def f(colour):\n    organisation_id = 1\n"),
    ("spelling", f"{ROOM}cartonisation.py", ""),
    *(("spelling", TEST, f"{stem.partition('(')[0]}er = 1\n") for stem in BRITISH),
    ("sql-spelling", f"{ROOM}schema.sql", "CREATE TABLE room.fulfilment (colour text)"),
    ("built-sql", GROUND, 'def f(c, n):\n    c.execute(f"SELECT {n}")\n'),
    ("built-sql", GROUND, 'def f(c, n):\n    c.execute("LISTEN " + n)\n'),
    ("built-sql", SERVICE, 'def f(tx, n):\n    tx.run("DELETE FROM x WHERE y = %s" % n)\n'),
    ("built-sql", SERVICE, 'def f(n):\n    q = "UPDATE {} SET a = 1".format(n)\n'),
    ("built-sql", SERVICE, 'def f(n):\n    q = "SELECT a" + " FROM b" + n\n'),
    ("built-sql", SERVICE, 'def f(n):\n    q = "\\n".join(["SELECT a FROM b", n])\n'),
    ("built-sql", SERVICE, 'def f(c, sql, n):\n    c.execute(sql.SQL(f"SET ROLE {n}"))\n'),
    ("loose-sql", SERVICE, 'Q = "SELECT sku FROM inventory.stock"\n'),
    ("loose-sql", "src/entrepot/doors/http/app.py", 'Q = "DELETE FROM room.x"\n'),
    ("select-star", TEST, 'Q = "SELECT * FROM room.x"\n'),
    ("select-star", GROUND, 'Q = "DELETE FROM room.x RETURNING *"\n'),
    ("float", f"{ROOM}model.py", "class Line:\n    amount_minor: float\n"),
    ("float", f"{ROOM}model.py", "class Line:\n    quantity_each: float | None = None\n"),
    ("float", DECISIONS, "def f(cost_mills: list[float]):\n    pass\n"),
    ("float", DECISIONS, "def free_quantity() -> float:\n    return 0\n"),
    ("float", DECISIONS, "def f(quantity=1.0):\n    pass\n"),
    ("float", DECISIONS, "def f(a_minor):\n    return a_minor * 1.2\n"),
    ("float", DECISIONS, "def f(line):\n    return line.amount_minor / 100\n"),
    ("float", DECISIONS, "def f(tax_minor, rate: float):\n    return tax_minor * rate\n"),
    ("float", DECISIONS, "def f(total_minor):\n    return float(total_minor)\n"),
    ("float", DECISIONS, "def f(a, b):\n    unit_minor = a / b\n"),
    ("float", DECISIONS, "def f(on_hand):\n    reserved = int(on_hand * 0.9)\n"),
    (
        "float",
        DECISIONS,
        "def f(q_each, case):\n    return Line(q_each=math.ceil(q_each / case))\n",
    ),
    ("float", DECISIONS, "def f(row):\n    row['on_hand'] += 0.5\n"),
    ("float", DECISIONS, "def f(row):\n    row.on_hand /= 2\n"),
    ("float", DECISIONS, "def f(a):\n    return {'amount_minor': sum(x / 3 for x in a)}\n"),
    ("float", DECISIONS, "def net_minor(a):\n    return a * 0.8\n"),
    ("float", DECISIONS, "def f(a):\n    share = a / 3\n    part_minor = share\n"),
]

# rule, path, text near the rule that keeps it
GOOD = [
    ("file-size", SERVICE, "x = 1\n" * 500),
    ("file-size", "src/entrepot/migrations/0001_pre_baseline.sql", "SELECT 1;\n" * 900),
    ("file-size", "docs/facts.md", "line\n" * 900),
    ("file-size", f"{VENDORED}a.js", "line\n" * 900),
    ("line-length", f"{ROOM}schema.sql", "x" * 100),
    ("line-length", f"{VENDORED}a.min.js", "x" * 900),
    ("marker", SERVICE, f'CURRENCIES = {{"{tidy.MARKERS[2]}": 0}}\n'),
    ("marker", "tests/data/orders.csv", f"{tidy.MARKERS[0]};1\n"),
    ("author", "docs/guide.md", "The clerk is an aide of the author; a maintained air.\n"),
    *(("machine-path", SERVICE, f'x = "docs{path}"\n') for path in tidy.MACHINE_PATHS),
    ("registry", "constraints.txt", "psycopg==3.3.9\n"),
    ("optimized", "Makefile", "run:\n\tpython3 -m entrepot -O\n"),
    ("syntax", SERVICE, "match 1:\n    case int():\n        pass\n"),
    ("function-size", SERVICE, "@d(\n1,\n)\ndef f():\n" + "    x = 1\n" * 69),
    ("wall-clock", CLOCK, "import time\nx = time.time()\n"),
    ("wall-clock", SERVICE, "from datetime import datetime\ndef f(tx):\n    return tx.now\n"),
    ("wall-clock", SERVICE, "def f(time):\n    return time.time\n"),
    ("wall-clock", TEST, "import time\nx = time.perf_counter()\n"),
    ("randomness", CLOCK, "import os\nx = os.urandom(8)\n"),
    (
        "randomness",
        DECISIONS,
        "import numpy as np\ndef f(s):\n    return np.random.default_rng(s)\n",
    ),
    ("randomness", DECISIONS, "import numpy as np\ndef f(g: np.random.Generator):\n    pass\n"),
    (
        "randomness",
        SIMULATION,
        "from random import Random\ndef f(seed):\n    return Random(seed)\n",
    ),
    ("randomness", SERVICE, "from uuid import UUID\nx = UUID(int=1)\n"),
    ("hash", SERVICE, "class A:\n    def __hash__(self):\n        return hash(self.x)\n"),
    ("naive-time", TEST, "from datetime import UTC, datetime\nx = datetime.now(UTC)\n"),
    (
        "naive-time",
        TEST,
        "from datetime import UTC, datetime as d\nx = d.fromtimestamp(0, tz=UTC)\n",
    ),
    ("environment", "src/entrepot/ground/settings.py", "import os\nx = os.environ\n"),
    ("environment", SERVICE, "import os\nx = os.sep\n"),
    ("print", CLI, "print(1)\n"),
    ("open", SERVICE, "x = open('a')\n"),
    ("open", f"{ROOM}service_holds.py", "x = open('a')\n"),
    ("open", DECISIONS, "def f(shop):\n    return shop.open()\n"),
    ("except", SERVICE, "try:\n    x = 1\nexcept KeyError:\n    x = 2\n"),
    ("except", SERVICE, "try:\n    x = 1\nexcept Exception:\n    raise\n"),
    (
        "except",
        GROUND,
        "try:\n    x = 1\nexcept Exception as e:  # kept on the job, tried later\n    e\n",
    ),
    ("commit", GROUND, "def f(c):\n    c.commit()\n"),
    ("mock", TEST, "import unittest\n"),
    (
        "spelling",
        SERVICE,
        "def plan_fulfillment(catalog, fulfilled, de_minimis, analyses):\n    pass\n",
    ),
    ("spelling", SERVICE, "x = lib.normalise(optimist=1)\n"),
    ("sql-spelling", f"{ROOM}schema.sql", "SELECT 'colour' -- colour\n"),
    ("built-sql", GROUND, 'def f(c, sql, n):\n    c.execute(sql.SQL("SET ROLE {}").format(n))\n'),
    ("built-sql", SERVICE, 'def f(n):\n    return f"Updated {n}"\n'),
    ("built-sql", SERVICE, "def f(tx, Q, p):\n    tx.run(Q.reserve, p)\n"),
    ("built-sql", SERVICE, 'def f(runner, n):\n    runner.run(f"{n}")\n'),
    ("built-sql", SERVICE, 'def f(c):\n    c.execute("SELECT a" " FROM b")\n'),
    ("loose-sql", GROUND, 'Q = "SELECT a FROM b"\n'),
    ("loose-sql", SERVICE, 'def f():\n    """SELECT a FROM b is what it does."""\n'),
    ("loose-sql", SERVICE, 'x = "SELECT what you want"\n'),
    ("select-star", TEST, 'Q = "SELECT count(*) FROM room.x"\n'),
    ("float", f"{ROOM}model.py", "class Line:\n    amount_minor: int\n    mean_each: float\n"),
    (
        "float",
        DECISIONS,
        "def f(shipped_each, ordered_each):\n    fill = shipped_each / ordered_each\n",
    ),
    (
        "float",
        DECISIONS,
        "def f(level: float, on_hand):\n    quantity = math.ceil(level - on_hand)\n",
    ),
    ("float", DECISIONS, "def f(mean, z, sigma):\n    reserved = round(mean + z * sigma)\n"),
    ("float", DECISIONS, "def f(q_each, h: float):\n    return 0.5 * q_each * h\n"),
    ("float", DECISIONS, "def f(q_each, case):\n    return Line(q_each=-(-q_each // case))\n"),
    ("float", DECISIONS, "def f(a_minor, b_minor):\n    margin = a_minor / b_minor\n"),
    ("float", DECISIONS, "def f(dual: float):\n    price_mills = round(dual * MILLS_PER_MINOR)\n"),
    (
        "float",
        DECISIONS,
        "def f(each: list[int], weight: float):\n    score = sum(each) * weight\n",
    ),
    ("float", DECISIONS, "def f(a: float):\n    def g():\n        quantity = a_each\n"),
    ("float", TEST, "amount_minor = 1.5\n"),
]


def rules(samples: list[tuple[str, str, str]]) -> set[str]:
    return {rule for rule, _, _ in samples}


def identity(sample: object) -> str:
    return str(sample)[:40]


@pytest.mark.parametrize(("rule", "path", "text"), BAD, ids=identity)
def test_what_is_banned_is_found(rule: str, path: str, text: str) -> None:
    assert rule in {violation.rule for violation in check(path, text)}


@pytest.mark.parametrize(("rule", "path", "text"), GOOD, ids=identity)
def test_what_is_allowed_passes(rule: str, path: str, text: str) -> None:
    assert [str(v) for v in check(path, text) if v.rule == rule] == []


def test_every_rule_has_samples_of_both_kinds() -> None:
    assert rules(BAD) == rules(GOOD) == set(RULES)


def test_a_violation_names_its_place_and_its_replacement() -> None:
    (found,) = check(SERVICE, "import time\n\nx = time.time()\n")
    assert str(found) == (
        f"{SERVICE}:3: wall-clock: time.time: "
        "ask the clock: tx.now, clock.now(), clock.monotonic(), clock.sleep()"
    )


def test_the_tree_is_tidy() -> None:
    assert "tests/house/test_tidy.py" in files()
    found = check_tree()
    assert not found, "\n" + "\n".join(map(str, found))
