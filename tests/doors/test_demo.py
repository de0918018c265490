"""The demo: played, watched meanwhile, served afterwards; and what it refuses to touch."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from entrepot.doors.cli import demo
from entrepot.doors.cli.demo_page import live_page
from entrepot.ground.clock import SystemClock
from entrepot.ground.files import private_folder
from tests.doors.door import as_address, free_port
from tests.doors.playing import (
    BROKEN,
    DAY,
    UNUSABLE,
    WELL,
    WRONG,
    Ended,
    Home,
    answers,
    new_demo_home,
)
from tests.ground.homes import wait_until
from tests.postgres import settings_in

ROOT = Path(__file__).parents[2]
LINK = r"(http://127\.0\.0\.1:\d+/sign-in/\S+)"


class Seen(NamedTuple):
    """What was seen while a demo was played, and how it ended."""

    page: str
    ordered: httpx.Response
    served: Ended
    again: Ended
    status: Ended
    ended: Ended


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with new_demo_home() as made:
        yield made


@pytest.fixture(scope="module")
def seen(home: Home) -> Seen:
    """A demo of one day, watched."""
    playing = home.begin("demo", *DAY, "--speed", "216000")
    link = home.wait_for(playing, LINK)[1]
    with httpx.Client(follow_redirects=True, timeout=30) as browser:
        wait_until(lambda: "Aug 2011" in browser.get(link).text)
        page = browser.get(f"{home.url}/tower").text
        ordered = browser.post(f"{home.url}/v1/orders", json={})
    return Seen(
        page,
        ordered,
        served=home.run("serve"),
        again=home.run("demo", *DAY),
        status=home.run("status"),
        ended=home.end(playing),
    )


def test_it_is_watched_while_it_is_played(seen: Seen, home: Home) -> None:
    assert "UK Gifts" in seen.page and "Where orders stand" in seen.page
    assert seen.ordered.status_code == 503
    assert "a demo is being played here" in seen.ordered.json()["detail"]
    assert seen.served.code == BROKEN and "already runs here" in seen.served.err
    assert seen.again.code == UNUSABLE and "is in use" in seen.again.err
    assert "playing a demo" in seen.status.out
    assert not answers(home.url), "the page ends with the run"


def test_it_says_how_far_it_is_and_how_it_went(seen: Seen, home: Home) -> None:
    code, out, err = seen.ended
    assert code == WELL, err
    for phase in ("loading the retailer", "filling the shelves", "playing", "auditing"):
        assert re.search(rf"^ *\d+ s  {phase}", err, re.MULTILINE), err
    figures = json.loads(home.report)
    assert re.search(rf"^Orders +{figures['demand']['orders']} ", out, re.MULTILINE), out
    for words in (
        "Shipped in time",
        "Delivered in time",
        "Played to its end in",
        "audit: all is well",
        f"Report: {home.data}/report/report.html",
        "serve",
    ):
        assert words in out
    assert figures["settings"]["seed"] == 3
    assert figures["audit"]["ok"]


class Request(NamedTuple):
    """What a line for curl asks for."""

    path: str
    headers: dict[str, str]
    body: str


def curl(text: str, key: str) -> Request:
    """The first line for curl in a text, continued or not, with the key filled in."""
    words = shlex.split(text[text.index("curl -s ") :].replace("\\\n", " ").replace("$KEY", key))
    headers: dict[str, str] = {}
    path = body = ""
    for before, word in pairwise(words):
        if before == "-H":
            name, _, value = word.partition(": ")
            headers[name] = value
        elif before == "-d":
            body = word
            break
        elif "/v1/" in word:
            path = word[word.index("/v1/") :]
    # As curl sends it.
    return Request(path, headers | {"Content-Type": "application/x-www-form-urlencoded"}, body)


def send(home: Home, request: Request) -> Any:
    """What a served home answers."""
    answer = httpx.post(
        home.url + request.path, headers=request.headers, content=request.body, timeout=30
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def serve(home: Home) -> subprocess.Popen[str]:
    """Serve a home, and wait until it is ready."""
    serving = home.begin("serve")
    home.wait_for(serving, "Entrepot is ready")
    return serving


def test_what_was_played_is_served_and_takes_orders_of_today(seen: Seen, home: Home) -> None:
    serving = serve(home)
    key = re.search(r"^ent_\S+$", home.said(serving).out, re.MULTILINE)
    assert key is not None
    readme = curl((ROOT / "README.md").read_text(), key[0])
    printed = curl(seen.ended.out, key[0])
    assert json.loads(readme.body) == json.loads(printed.body), "README.md says the same"
    placed = send(home, readme)
    assert send(home, printed) == placed, "the same key gives the same answer"
    order_id = placed["order_id"]

    with httpx.Client(base_url=home.url, follow_redirects=True, timeout=30) as browser:
        browser.post("/sign-in", data={"key": key[0]})
        today = placed["placed_at"][:4]
        wait_until(lambda: f"{today}, " in browser.get("/tower").text)
        page = browser.get("/tower").text
    assert "29 Aug 2011" in page, "the weeks that were played are still there"
    known = re.search(r"Mon 29 Aug 2011</th>\s*<td class=\"n\">(\d+)</td>", page)
    assert known is not None and int(known[1]) == json.loads(home.report)["demand"]["orders"]

    home.kill_all()
    serving.wait()
    serve(home)
    headers = {"Authorization": f"Bearer {key[0]}"}
    found = httpx.get(f"{home.url}/v1/orders/{order_id}", headers=headers, timeout=30).json()
    assert found["state"] == "open" and found["placed_at"] == placed["placed_at"]
    played = httpx.get(f"{home.url}/v1/orders?limit=2", headers=headers, timeout=30).json()
    for wanted in (order_id, played["orders"][1]["order_id"]):
        assert home.run("show", wanted).code == WELL
    assert home.run("show", "O-none").code == WRONG
    assert home.run("demo", *DAY).code == UNUSABLE, "not while it is served"
    assert home.run("stop").code == WELL

    code, _, err = home.run("demo", "--resume")
    assert code == UNUSABLE and "has been served since" in err
    code, _, err = home.run("load", str(home.elsewhere))
    assert code == UNUSABLE and "which the next demo wipes" in err
    (home.data / "mine.txt").touch()
    code, _, err = home.run("demo", *DAY)
    assert code == UNUSABLE and "holds mine.txt, which is not of a demo" in err
    assert (home.data / "postgres" / "data" / "PG_VERSION").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2011-08-31", "--to", "2011-08-30"), "expected a day before --to"),
        (("--from", "2011-12-25", "--to", "2011-12-26"), "no sale in this window"),
        (("--scenario", "nowhere"), "nowhere"),
        (("--resume",), "found no demo to go on with"),
    ],
)
def test_what_cannot_be_played_is_said_before_anything_runs(
    arguments: tuple[str, ...], said: str
) -> None:
    with new_demo_home() as home:
        code, out, err = home.run("demo", *arguments)
        assert (code, out) == (UNUSABLE, "")
        assert said in err
        assert not home.data.exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "holds orders.txt, which is not of a demo; nothing was changed"),
        ({"DATABASE_URL": "postgresql://x@/shop"}, "ENTREPOT_DATABASE_URL: found an address"),
        ({"KEYS": "/nowhere/keys"}, "ENTREPOT_KEYS: found /nowhere/keys"),
    ],
)
def test_what_is_not_of_a_demo_is_left_alone(settings: dict[str, str], said: str) -> None:
    with new_demo_home() as home:
        home.data.mkdir()
        (home.data / "orders.txt").write_text("mine")
        code, out, err = home.run("demo", *DAY, **settings)
        assert (code, out) == (UNUSABLE, "")
        assert said in err
        assert [path.name for path in home.data.iterdir()] == ["orders.txt"]


def test_a_taken_port_is_said_and_no_reason_not_to_play(database_url: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, PORT=str(free_port()), DATABASE_URL=as_address(database_url))
    private_folder(settings.run)
    with socket.socket() as taken:
        taken.bind((settings.host, settings.port))
        taken.listen()
        with live_page(settings, database_url, SystemClock()) as page:
            assert "is in use by process" in page.problem and not page.link


@pytest.mark.long
def test_stopped_killed_and_resumed_it_gives_the_same_report(seen: Seen, home: Home) -> None:
    whole = home.report
    with new_demo_home() as other:
        killed = other.begin("demo", *DAY)
        other.wait_for(killed, LINK)
        assert answers(other.url)
        killed.kill()
        killed.wait()
        wait_until(lambda: not answers(other.url), 20)

        slow = other.begin("demo", "--resume", "--speed", "3600")
        wait_until(lambda: re.search(r"30 Aug 2011, (09|1\d):00 UTC", page_of(other, slow)))
        slow.send_signal(signal.SIGINT)
        code, out, err = other.end(slow, 60)
        assert code == WELL, err
        assert "stopping after this virtual hour" in err and "entrepot demo --resume" in out
        assert other.report != whole

        killed = other.begin("demo", "--resume", "--speed", "14400")
        wait_until(lambda: re.search(r"31 Aug 2011, \d\d:00 UTC", page_of(other, killed)))
        killed.kill()
        killed.wait()
        wait_until(lambda: not answers(other.url), 20)

        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", other.port))
            taken.listen()
            code, out, err = other.run("demo", "--resume", "--seed", "3")
        assert code == WELL, err
        assert "no live page" in err and "is in use" in err
        assert "audit: all is well" in out and "Played to its end" in out
        assert other.report == whole


def page_of(home: Home, playing: subprocess.Popen[str]) -> str:
    """What is seen on the page of a demo."""
    with httpx.Client(follow_redirects=True, timeout=30) as browser:
        return browser.get(home.wait_for(playing, LINK)[1]).text


def test_a_scenario_is_found_here_or_beside_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.scenario_folder(None) == ROOT / demo.SCENARIO
    (tmp_path / demo.SCENARIO).mkdir(parents=True)
    assert demo.scenario_folder(None) == tmp_path / demo.SCENARIO
    assert demo.scenario_folder(Path("mine")) == tmp_path / "mine"
