"""The HTTP API over real sockets: what it answers, and what bad input gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.ordering import service as ordering
from entrepot.ground.database import Database
from tests.builders import SKUS, a_retailer
from tests.doors.door import Door, keys_for, running_door
from tests.postgres import fresh_database

ROLES = ("admin", "storefront", "planner", "warehouse", "auditor")


@pytest.fixture(scope="module")
def shop(
    server: Any, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Door, Database]]:
    with (
        fresh_database(server, template_database) as url,
        Database(url, connections_max=4) as database,
    ):
        a_retailer(database)
        keys = keys_for(database, ROLES)
        with running_door(url, keys, tmp_path_factory.mktemp("door")) as door:
            yield door, database


@pytest.fixture
def client(shop: tuple[Door, Database]) -> Iterator[httpx.Client]:
    with shop[0].client() as client:
        yield client


def body(*lines: tuple[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "lines": [{"sku": sku, "quantity": each} for sku, each in lines or ((SKUS[0], 1),)],
        "ship_to": {"country": "DE", "postal_code": "10117"},
        "currency": "EUR",
        **changes,
    }


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    found = response.json()
    assert found["code"] == code, found
    assert found["detail"], found
    return dict(found)


def test_quote_then_order_then_read(client: httpx.Client) -> None:
    quoted = client.post("/v1/quotes", json=body((SKUS[0], 2))).json()
    option = quoted["options"][-1]
    response = client.post(
        "/v1/orders", json=body((SKUS[0], 2), offer=option["offer"]), headers=key("q1")
    )
    assert response.status_code == 201, response.text
    placed = response.json()
    assert placed["latest_date"] == option["latest_date"]
    assert placed["total_minor"] == option["total_minor"]
    order = client.get(f"/v1/orders/{placed['order_id']}").json()
    assert order["state"] == "open"
    assert order["promises"][0]["reason"] == "as offered"
    assert [e["kind"] for e in order["events"]] == ["placed"]
    found = client.get("/v1/orders", params={"key": "q1"}).json()
    assert [o["order_id"] for o in found["orders"]] == [placed["order_id"]]


def test_repeats_and_reused_keys(client: httpx.Client) -> None:
    first = client.post("/v1/orders", json=body(), headers=key("r1"))
    again = client.post("/v1/orders", json=body(), headers=key("r1"))
    assert (again.status_code, again.json()) == (201, first.json())
    other = client.post("/v1/orders", json=body((SKUS[0], 2)), headers=key("r1"))
    assert_problem(other, 409, "key_reused")
    taken = client.post(
        "/v1/orders", json=body(order_id=first.json()["order_id"]), headers=key("r2")
    )
    assert_problem(taken, 409, "order_exists")


def test_the_same_key_of_two_callers_is_two_commands(shop: tuple[Door, Database]) -> None:
    with shop[0].client("admin") as admin, shop[0].client("storefront") as storefront:
        one = admin.post("/v1/orders", json=body(), headers=key("shared")).json()
        two = storefront.post("/v1/orders", json=body(), headers=key("shared")).json()
    assert one["order_id"] != two["order_id"]


@pytest.mark.parametrize(
    ("content", "status", "code", "field"),
    [
        (body(("NOPE", 1)), 422, "unknown_sku", "lines[1].sku"),
        (body(("\x00", 1)), 422, "bad_identifier", "lines[1].sku"),
        (body(channel="a\x00b"), 422, "bad_value", "channel"),
        (body((SKUS[0], 0)), 422, "bad_quantity", "lines[1].quantity"),
        (body((SKUS[0], -3)), 422, "bad_quantity", "lines[1].quantity"),
        (body((SKUS[0], 10**15)), 422, "bad_quantity", "lines[1].quantity"),
        (body((SKUS[0], 5_000)), 409, "not_enough_stock", "quantity_each"),
        (body(service="teleport"), 422, "unknown_service", "service"),
        (body(currency="EURO"), 422, "bad_value", "currency"),
        (body(ship_to={"country": "JP", "postal_code": "1"}), 422, "bad_postal_code", None),
        (body(ship_to={"country": "JP", "postal_code": ""}), 409, "not_deliverable", "ship_to"),
        (body(offer="o1.x.y"), 422, "offer_invalid", "offer"),
        (body(customer_ref="no body"), 422, "bad_identifier", "customer_ref"),
        (body(recipient={"name": "", "street": "s", "city": "c"}), 422, "missing_value", "name"),
    ],
)
def test_bad_orders(
    client: httpx.Client, content: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    name = f"bad-{code}-{field}-{json.dumps(content['lines'])[:60]}"
    response = client.post("/v1/orders", json=content, headers=key(name))
    problem = assert_problem(response, status, code)
    if field:
        assert problem["field"] == field


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{not json", 400),
        (b"", 400),
        (b"[1,2,3]", 422),
        (b'"text"', 422),
        (json.dumps(body((SKUS[0], 1.5))).encode(), 422),
        (json.dumps(body((SKUS[0], "one"))).encode(), 422),
        (json.dumps(body((SKUS[0], True))).encode(), 422),
        (json.dumps(body(surprise=1)).encode(), 422),
        (json.dumps({"lines": []}).encode(), 422),
        (b"\xff\xfe\x00", 400),
        (b"{" + b'"a":' * 20_000 + b"1" + b"}" * 20_000, 400),
    ],
)
def test_malformed_bodies(client: httpx.Client, content: bytes, status: int) -> None:
    response = client.post(
        "/v1/orders",
        content=content,
        headers={"Content-Type": "application/json", **key("malformed")},
    )
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    assert "expected" in response.json()["detail"].lower(), response.json()


def test_a_body_too_large(client: httpx.Client) -> None:
    content = json.dumps(body(channel="x" * 1_100_000)).encode()
    response = client.post(
        "/v1/orders",
        content=content,
        headers={"Content-Type": "application/json", **key("large")},
    )
    assert_problem(response, 413, "too_large")


def test_a_command_needs_a_key(client: httpx.Client) -> None:
    missing = assert_problem(client.post("/v1/orders", json=body()), 422, "missing_value")
    assert missing["field"] == "Idempotency-Key"
    long = client.post("/v1/orders", json=body(), headers=key("k" * 300))
    assert long.status_code == 422


def test_who_may_do_what(shop: tuple[Door, Database]) -> None:
    door = shop[0]
    with door.client(None) as nobody:
        found = nobody.post("/v1/quotes", json=body())
        assert_problem(found, 401, "unauthenticated")
        assert found.headers["www-authenticate"].startswith("Bearer")
        assert nobody.get("/v1/health/live").status_code == 200
        assert nobody.get("/v1/health/ready").json()["status"] == "ok"
        assert_problem(nobody.get("/metrics"), 401, "unauthenticated")
        wrong = nobody.get("/v1/stock", headers={"Authorization": "Bearer ent_x_y"})
        assert_problem(wrong, 401, "unauthenticated")
        basic = nobody.get("/v1/stock", headers={"Authorization": "Basic abc"})
        assert_problem(basic, 401, "unauthenticated")
    with door.client("storefront") as storefront:
        change = {"sku": SKUS[0], "node": "BER", "change": 1, "reason": "found"}
        found = storefront.post("/v1/stock/adjustments", json=change, headers=key("a"))
        problem = assert_problem(found, 403, "forbidden")
        assert problem["facts"]["permission"] == "stock:adjust"


def test_stock_and_adjustments(client: httpx.Client) -> None:
    sku = SKUS[11]
    before = client.get(f"/v1/stock/{sku}").json()
    change = {"sku": sku, "node": "MUC", "change": -4, "reason": "damaged"}
    first = client.post("/v1/stock/adjustments", json=change, headers=key("adj-1"))
    assert first.status_code == 201, first.text
    again = client.post("/v1/stock/adjustments", json=change, headers=key("adj-1"))
    assert again.json() == first.json()
    after = client.get(f"/v1/stock/{sku}").json()
    assert after["available"] == before["available"] - 4
    assert after["available_by_date"][0]["available"] == after["available"]
    for wrong, status, code in [
        ({**change, "change": -10_000}, 409, "not_enough_stock"),
        ({**change, "change": 0}, 422, "bad_quantity"),
        ({**change, "reason": "because"}, 422, "bad_value"),
        ({**change, "sku": "NOPE"}, 422, "unknown_sku"),
        ({**change, "node": "NOPE"}, 422, "unknown_node"),
    ]:
        response = client.post(
            "/v1/stock/adjustments", json=wrong, headers=key(f"adj-{code}-{wrong['change']}")
        )
        assert_problem(response, status, code)
    assert_problem(client.get("/v1/stock/NOPE"), 404, "not_found")


def test_paging(client: httpx.Client) -> None:
    for number in range(5):
        client.post("/v1/orders", json=body(), headers=key(f"page-{number}"))
    seen: list[str] = []
    after = None
    while True:
        page = client.get("/v1/orders", params={"limit": 3, **({"after": after} if after else {})})
        assert page.status_code == 200, page.text
        seen += [o["order_id"] for o in page.json()["orders"]]
        after = page.json()["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) >= 5
    assert_problem(client.get("/v1/orders", params={"after": "%%%"}), 422, "bad_value")
    assert_problem(client.get("/v1/orders", params={"limit": 0}), 422, "bad_value")
    pages = client.get("/v1/stock", params={"limit": 5}).json()
    rest = client.get("/v1/stock", params={"limit": 5, "after": pages["next"]}).json()
    assert len(pages["stock"]) == len(rest["stock"]) == 5
    assert not {(s["sku"], s["node"]) for s in pages["stock"]} & {
        (s["sku"], s["node"]) for s in rest["stock"]
    }


def test_cancel_and_payment(client: httpx.Client) -> None:
    placed = client.post("/v1/orders", json=body(payment_minutes=10), headers=key("pay-1")).json()
    order_id = placed["order_id"]
    assert placed["state"] == "awaiting_payment"
    assert client.get(f"/v1/orders/{order_id}").json()["waits"][0]["queue"] == "payment"
    paid = client.post(f"/v1/orders/{order_id}/payment", json={}, headers=key("pay-2"))
    assert paid.status_code == 200 and paid.json()["state"] == "open", paid.text
    wrong = client.post(
        f"/v1/orders/{order_id}/cancel", json={"reason": "whim"}, headers=key("c-0")
    )
    assert_problem(wrong, 422, "bad_value")
    ended = client.post(
        f"/v1/orders/{order_id}/cancel", json={"reason": "customer"}, headers=key("c-1")
    )
    assert ended.status_code == 200, ended.text
    again = client.post(
        f"/v1/orders/{order_id}/cancel", json={"reason": "customer"}, headers=key("c-1")
    )
    assert again.json() == ended.json()
    late = client.post(
        f"/v1/orders/{order_id}/cancel", json={"reason": "customer"}, headers=key("c-2")
    )
    assert_problem(late, 409, "wrong_state")
    none = client.post("/v1/orders/none/cancel", json={"reason": "customer"}, headers=key("c-3"))
    assert_problem(none, 404, "not_found")
    assert_problem(client.get("/v1/orders/none"), 404, "not_found")


def test_a_recipient_is_kept_and_not_shown(shop: tuple[Door, Database]) -> None:
    recipient = {
        "name": "Xaverius Unverwechselbar",
        "street": "Geheimgasse 7",
        "city": "Berlin",
        "email": "xaverius@example.org",
    }
    with shop[0].client() as client:
        placed = client.post(
            "/v1/orders", json=body(recipient=recipient, customer_ref="C-1"), headers=key("p-1")
        )
        assert placed.status_code == 201, placed.text
        later = client.post("/v1/orders", json=body(customer_ref="C-1"), headers=key("p-2"))
        assert later.status_code == 201, later.text
        found = client.get("/v1/orders", params={"customer_ref": "C-1"}).json()["orders"]
        assert len(found) == 2
        shown = client.get(f"/v1/orders/{placed.json()['order_id']}").text
    for secret in recipient.values():
        assert secret not in shown
        assert secret not in placed.text
    assert "Xaverius" not in shop[0].log.read_text()


def test_addresses_and_methods(client: httpx.Client) -> None:
    assert_problem(client.get("/v1/nothing"), 404, "not_found")
    assert client.delete("/v1/orders").status_code == 405


def test_metrics(client: httpx.Client) -> None:
    text = client.get("/metrics").text
    assert "entrepot_orders_placed_total" in text
    assert 'route="/v1/orders"' in text


def test_the_description_is_true(client: httpx.Client) -> None:
    live = client.get("/v1/openapi.json").json()
    checked_in = json.loads(Path("docs/openapi.json").read_text())
    assert live == checked_in, "run `make docs` and look at what changed"


def test_identical_and_conflicting_calls_at_once(shop: tuple[Door, Database]) -> None:
    door, database = shop

    def send(number: int) -> int:
        with door.client() as client:
            content = body((SKUS[5], 1 + number % 2))
            return client.post("/v1/orders", json=content, headers=key("at-once")).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(send, range(32)))
    assert set(statuses) == {201, 409}
    assert statuses.count(201) == 16
    with database.transaction(read_only=True) as tx:
        assert inventory.audit(tx)[0] == []
        assert ordering.audit(tx)[0] == []
