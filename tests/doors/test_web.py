"""The pages over a real socket: signing in, who may see what, live figures, a clean end."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from entrepot.departments.access import service as access
from entrepot.departments.access.cache import LIFE_S
from entrepot.departments.access.model import RevokeKey
from entrepot.departments.tower.model import Stage
from entrepot.doors.http import sessions
from entrepot.doors.web.answers import SIGN_IN
from entrepot.doors.web.live import LISTENERS_MAX
from entrepot.doors.web.sign_in import link
from entrepot.ground.clock import SystemClock
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from tests.builders import ME, SKUS
from tests.doors.door import Door, keys_for, running_door
from tests.flows.test_life import react, receive
from tests.ground.homes import wait_until
from tests.postgres import Server, fresh_database

FROM_HERE = {"Sec-Fetch-Site": "same-origin"}
FROM_ELSEWHERE = {"Sec-Fetch-Site": "cross-site"}


@pytest.fixture(scope="module")
def quiet(
    server: Server, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """Shared by tests that change nothing: over a house in which nothing has happened."""
    folder = tmp_path_factory.mktemp("quiet")
    with (
        fresh_database(server, template_database) as url,
        Database(url, connections_max=2, name="test") as database,
        running_door(
            url, keys_for(database, ("admin", "auditor", "storefront")), folder
        ) as running,
    ):
        yield running


@pytest.fixture
def door(database: Database, database_url: str, tmp_path: Path) -> Iterator[Door]:
    """A door of a test's own."""
    keys = keys_for(database, ("admin",))
    with running_door(database_url, keys, tmp_path) as running:
        yield running


def browser(door: Door) -> httpx.Client:
    """A client that keeps cookies and follows nothing, as a page of ours would send."""
    return httpx.Client(base_url=door.url, headers=FROM_HERE, timeout=30)


@contextmanager
def signed_in(door: Door, role: str = "admin") -> Iterator[httpx.Client]:
    with browser(door) as client:
        answer = client.post("/sign-in", data={"key": door.keys[role]})
        assert (answer.status_code, answer.headers["location"]) == (303, "/tower"), answer.text
        yield client


def test_without_a_session_one_is_led_to_the_sign_in_page(quiet: Door) -> None:
    with browser(quiet) as client:
        assert client.get("/").headers["location"] == "/tower"
        answer = client.get("/tower")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        stream = client.get("/tower/live", headers={"Accept": "text/event-stream"})
        assert (stream.status_code, stream.json()["code"]) == (401, "unauthenticated")
        page = client.get("/sign-in")
    assert page.status_code == 200 and 'type="password"' in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_a_good_key_opens_the_tower(lived: Database, door: Door) -> None:
    with browser(door) as client:
        answer = client.post("/sign-in", data={"key": f" {door.keys['admin']} "})
        kept = answer.headers["set-cookie"]
        assert "HttpOnly" in kept and "SameSite=strict" in kept and "Max-Age=43200" in kept
        assert door.keys["admin"] not in kept and door.keys["admin"][20:] not in kept
        page = client.get("/tower")
    assert page.status_code == 200
    assert "<title>Test - control tower</title>" in page.text
    assert "Nothing has happened yet" not in page.text
    rows = re.findall(r'<tr>\n<th scope="row">([a-z ]+)</th>\n<td class="n">(\d+)', page.text)
    assert [name for name, _ in rows] == [stage.value.replace("_", " ") for stage in Stage]
    assert all(int(count) > 0 for _, count in rows)


@pytest.mark.parametrize("key", ["", "nonsense", "ent_aaaaaaaaaaaaaaaa_" + "A" * 43])
def test_a_wrong_key_is_said_and_begins_nothing(quiet: Door, key: str) -> None:
    with browser(quiet) as client:
        answer = client.post("/sign-in", data={"key": key})
    assert answer.status_code == 401 and "set-cookie" not in answer.headers
    assert "it is not a key of this installation" in answer.text
    assert 'role="alert"' in answer.text


def test_a_key_that_may_not_see_it_is_told_what_it_needs(quiet: Door) -> None:
    with browser(quiet) as client:
        answer = client.post("/sign-in", data={"key": quiet.keys["storefront"]})
        assert answer.status_code == 403 and "set-cookie" not in answer.headers
        assert "operations:read" in answer.text
    shown = httpx.get(
        f"{quiet.url}/tower", headers={"Authorization": f"Bearer {quiet.keys['storefront']}"}
    )
    assert shown.status_code == 403 and "text/html" in shown.headers["content-type"]


def test_a_session_is_for_pages_alone(quiet: Door) -> None:
    with signed_in(quiet) as client:
        assert client.get("/tower").status_code == 200
        assert client.get("/v1/orders").status_code == 401
        assert client.get("/metrics").status_code == 401
        prefix = quiet.keys["admin"].split("_")[1]
        for shown in (prefix, f"session:{prefix}"):
            headers = {"Authorization": f"Bearer {shown}"}
            assert client.get("/v1/orders", headers=headers).status_code == 401
            assert client.get("/tower", headers=headers).status_code == 303


def test_other_sites_can_do_nothing(quiet: Door) -> None:
    with signed_in(quiet) as client:
        key = {"key": quiet.keys["admin"]}
        assert client.post("/sign-in", data=key, headers=FROM_ELSEWHERE).status_code == 403
        answer = client.post("/sign-out", headers=FROM_ELSEWHERE)
        assert answer.headers["location"] == "/sign-in" and "set-cookie" not in answer.headers
        del client.headers["Sec-Fetch-Site"]
        elsewhere = {"Origin": "https://example.org"}
        assert client.post("/sign-in", data=key, headers=elsewhere).status_code == 403
        here = {"Origin": quiet.url}
        assert client.post("/sign-in", data=key, headers=here).status_code == 303


def test_a_changed_cookie_is_no_session(quiet: Door) -> None:
    with signed_in(quiet) as client:
        (token,) = client.cookies.values()
        middle = len(token) // 2
        other = "A" if token[middle] != "A" else "B"
        client.cookies.clear()
        client.cookies.set("entrepot_session", token[:middle] + other + token[middle + 1 :])
        assert client.get("/tower").status_code == 303


def test_a_link_signs_in_until_it_is_old(quiet: Door) -> None:
    prefix = quiet.keys["auditor"].split("_")[1]
    now = SystemClock().now()
    with KeyStore.open(quiet.log.parent / "keys", SystemClock()) as keys:
        (key, *_) = keys.signing_keys()
    good = link(prefix, key, now)
    with browser(quiet) as client:
        for wrong in (
            link(prefix, key, now - sessions.LINK_LIFE),
            link(prefix, b"x" * 32, now),
            f"{SIGN_IN}/{sessions.seal(sessions.Session(prefix, now + sessions.LIFE), key)}",
        ):
            refused = client.get(wrong)
            assert refused.status_code == 401 and "not good any more" in refused.text
        assert client.get(good, headers=FROM_ELSEWHERE).status_code == 403
        assert not client.cookies
        assert client.get(good).headers["location"] == "/tower"
        assert client.get("/tower").status_code == 200
    with browser(quiet) as client:
        client.get(link("nobody", key, now))
        assert client.get("/tower").status_code == 303, "a link to no key opens nothing"


def test_signing_out_ends_the_session_in_the_browser(quiet: Door) -> None:
    with signed_in(quiet) as client:
        answer = client.post("/sign-out")
        assert answer.headers["location"] == "/sign-in"
        assert not client.cookies and client.get("/tower").status_code == 303


def test_a_revoked_key_ends_its_sessions(door: Door, database: Database) -> None:
    with signed_in(door) as client:
        assert client.get("/tower").status_code == 200
        prefix = door.keys["admin"].split("_")[1]
        database.run(lambda tx: access.revoke_keys(tx, [RevokeKey("r", ME, prefix)]))
        time.sleep(LIFE_S)
        assert client.get("/tower").headers["location"] == "/sign-in"


def test_files_are_kept_by_browsers_until_they_change(quiet: Door) -> None:
    with browser(quiet) as client:
        page = client.get("/sign-in").text
        (sheet,) = re.findall(r'href="(/assets/\w+/house.css)"', page)
        found = client.get(sheet)
        assert found.headers["content-type"].startswith("text/css")
        assert "immutable" in found.headers["cache-control"]
        former = client.get("/assets/0000/house.css")
        assert former.content == found.content and former.headers["cache-control"] == "no-cache"
        unknown = client.get("/assets/0000/secret.py")
        assert unknown.status_code == 404 and "expected one of house.css" in unknown.text


def frames(answer: httpx.Response) -> Iterator[str]:
    """The events of a stream, without the lines that say nothing."""
    lines: list[str] = []
    for line in answer.iter_lines():
        if line.startswith("data: "):
            lines.append(line.removeprefix("data: "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []


def test_figures_come_as_facts_do(lived: Database, door: Door) -> None:
    with signed_in(door) as client, client.stream("GET", "/tower/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = frames(answer)
        first = next(told)
        assert first.startswith('<p class="as-of">') and "<html" not in first
        receive(lived, SKUS[0], "BER", 4_321, "PO-live")
        react(lived)
        second = next(told)
    assert units_at(second, "BER") == units_at(first, "BER") + 4_321


def units_at(page: str, node: str) -> int:
    """What a node has on hand, as the page says."""
    row = page[page.index(f"<small>{node}</small></th>") :]
    return int(re.findall(r'<td class="n">([\d,]+)', row)[5].replace(",", ""))


def test_listeners_are_bounded_and_make_room_when_they_go(quiet: Door) -> None:
    with signed_in(quiet) as client:
        limits = httpx.Limits(max_connections=None)
        with (
            httpx.Client(
                base_url=quiet.url, headers=FROM_HERE, cookies=client.cookies, limits=limits
            ) as many,
            ExitStack() as listening,
        ):
            # Kept: a stream that nobody reads any more is closed.
            told = [
                frames(listening.enter_context(many.stream("GET", "/tower/live")))
                for _ in range(LISTENERS_MAX)
            ]
            assert all(next(one) for one in told)
            refused = client.get("/tower/live", headers={"Accept": "text/event-stream"})
            assert refused.status_code == 503 and refused.headers["retry-after"]
            assert client.get("/tower").status_code == 200
        wait_until(lambda: opens(client))


def opens(client: httpx.Client) -> bool:
    with client.stream("GET", "/tower/live") as answer:
        return answer.status_code == 200


def test_the_door_ends_with_streams_open(door: Door) -> None:
    with signed_in(door) as client, client.stream("GET", "/tower/live") as answer:
        told = frames(answer)
        next(told)
        door.process.terminate()
        assert list(told) == [], "the stream has a proper end"
        assert door.process.wait(8) == 0


def test_an_empty_house_says_what_to_do(quiet: Door) -> None:
    with signed_in(quiet, "auditor") as client:
        page = client.get("/tower").text
        assert "<title>Entrepot - control tower</title>" in page
        assert "Nothing has happened yet" in page and "entrepot load shop" in page
        with client.stream("GET", "/tower/live") as answer:
            assert "Nothing has happened yet" in next(frames(answer))
