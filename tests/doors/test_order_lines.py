"""Orders as lines, over HTTP and from a file: answers by line, bad lines, repeats, streaming."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import typer
from typer.testing import CliRunner, Result

from entrepot.departments.ordering import service as ordering
from entrepot.doors.cli.importing_orders import import_new_orders
from entrepot.doors.http.order_lines import LINE_BYTES_MAX
from entrepot.flows.watch.audit import audit
from entrepot.ground.database import Database
from tests.builders import SKUS, a_retailer
from tests.doors.door import Door, as_address, keys_for, running_door

APP = typer.Typer()
APP.command()(import_new_orders)


@pytest.fixture
def shop(database: Database, database_url: str, tmp_path: Path) -> Iterator[tuple[Door, Database]]:
    a_retailer(database)
    keys = keys_for(database, ("admin", "auditor"))
    with running_door(database_url, keys, tmp_path) as door:
        yield door, database


def line(key: str, sku: str = SKUS[0], quantity: Any = 1, **changes: Any) -> bytes:
    order = {
        "key": key,
        "lines": [{"sku": sku, "quantity": quantity}],
        "ship_to": {"country": "DE", "postal_code": "10117"},
        "currency": "EUR",
        **changes,
    }
    return json.dumps(order).encode() + b"\n"


def send(client: httpx.Client, content: bytes) -> list[dict[str, Any]]:
    response = client.post("/v1/orders:batch", content=content)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(answer) for answer in response.text.splitlines()]


def test_every_line_has_its_answer(shop: tuple[Door, Database]) -> None:
    door, database = shop
    content = b"".join(
        [
            line("a"),
            b"\n",
            b"not json\n",
            line("b", sku="NO-SUCH"),
            line("c", quantity=0),
            line("d", unheard_of=1),
            line("x" * 400),
            b"x" * (LINE_BYTES_MAX + 10) + b"\n",
            line("a"),
            line("a", quantity=2),
            line("e", sku=SKUS[1]).rstrip(b"\n"),
        ]
    )
    with door.client() as client:
        first = send(client, content)
        again = send(client, content)
    codes = [(a["line"], a.get("problem", {}).get("code")) for a in first]
    assert codes == [
        (1, None),
        (3, "bad_value"),
        (4, "unknown_sku"),
        (5, "bad_quantity"),
        (6, "bad_value"),
        (7, "bad_identifier"),
        (8, "too_large"),
        (9, None),
        (10, "key_reused"),
        (11, None),
    ]
    assert "line 3" in first[1]["problem"]["detail"]
    assert first[0]["order"] == first[7]["order"], "the same line twice is one order"
    assert again == first, "a repeat gives the first answers"
    with database.transaction(read_only=True) as tx:
        assert len(ordering.find(tx)) == 2
        assert audit(tx).findings == []


def test_many_lines_keep_their_order(shop: tuple[Door, Database]) -> None:
    door, database = shop
    content = b"".join(line(f"k-{n}", sku=SKUS[n % len(SKUS)]) for n in range(700))
    with door.client() as client:
        found = send(client, content)
    assert [(a["line"], a["key"]) for a in found] == [(n + 1, f"k-{n}") for n in range(700)]
    placed = [a["order"]["order_id"] for a in found if "order" in a]
    assert len(set(placed)) == len(placed) == 700
    with database.transaction(read_only=True) as tx:
        assert audit(tx).looked_at["orders"] == 700


def test_who_may_not_place_orders_may_not_place_many(shop: tuple[Door, Database]) -> None:
    with shop[0].client("auditor") as client:
        assert client.post("/v1/orders:batch", content=line("a")).status_code == 403
    with shop[0].client(None) as client:
        assert client.post("/v1/orders:batch", content=line("a")).status_code == 401


def test_answers_come_while_lines_are_still_sent(shop: tuple[Door, Database]) -> None:
    door, _ = shop
    address = urlsplit(door.url)
    head = (
        "POST /v1/orders:batch HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: Bearer {door.keys['admin']}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(head.encode())
        first = b"".join(line(f"s-{n}") for n in range(1_000))
        connection.sendall(b"%x\r\n%s\r\n" % (len(first), first))
        received = b""
        while b'"key":"s-0"' not in received:
            chunk = connection.recv(65_536)
            assert chunk, received
            received += chunk
        last = line("s-last", sku=SKUS[1])
        connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(last), last))
        while b'"key":"s-last"' not in received:
            chunk = connection.recv(65_536)
            assert chunk, received[-300:]
            received += chunk


def command(*arguments: object) -> Result:
    return CliRunner().invoke(APP, [str(a) for a in arguments])


def test_a_file_is_placed_and_may_be_placed_again(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_retailer(database)
    monkeypatch.setenv("ENTREPOT_DATABASE_URL", as_address(database_url))
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("ENTREPOT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "orders.ndjson"
    good = [line(f"f-{n}", sku=SKUS[n % len(SKUS)]) for n in range(600)]
    file.write_bytes(b"".join([*good, b"nothing\n", b"x" * (2 * LINE_BYTES_MAX) + b"\n"]))
    first: bytes | None = None
    for _ in range(2):
        done = command(file)
        assert done.exit_code == 1, done.output
        assert "600 orders placed or known" in done.stdout
        assert "line 601: found what is no order" in done.stdout
        assert "line 602: longer than" in done.stdout
        answers = (tmp_path / "orders.answers.ndjson").read_bytes()
        assert len(answers.splitlines()) == 602
        assert first in (None, answers)
        first = answers
    file.write_bytes(b"".join(good))
    assert command(file).exit_code == 0
    assert command(tmp_path / "none.ndjson").exit_code == 2
    assert command(file, "--answers", file).exit_code == 2
    with database.transaction(read_only=True) as tx:
        assert audit(tx).looked_at["orders"] == 600
