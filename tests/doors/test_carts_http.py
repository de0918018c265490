"""Carts over real sockets: from opening to the order, by two doors, and what bad input gets."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.flows.watch.audit import audit
from entrepot.ground.database import Database
from tests.builders import SKUS, a_retailer
from tests.doors.door import Door, keys_for, running_door
from tests.doors.test_http import assert_problem, key
from tests.flows.carting import MARKET, channels
from tests.postgres import fresh_database

BERLIN = {"country": "DE", "postal_code": "10117"}
SCARCE = SKUS[1]


@pytest.fixture(scope="module")
def shop(
    server: Any, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Door, Door, Database]]:
    """Two doors on one database; ten of one SKU, a hundred of the others."""
    with (
        fresh_database(server, template_database) as url,
        Database(url, connections_max=4) as database,
    ):
        a_retailer(database, {(s, "BER"): 10 if s == SCARCE else 100 for s in SKUS})
        channels(database)
        keys = keys_for(database, ("admin", "storefront", "auditor", "warehouse"))
        with (
            running_door(url, keys, tmp_path_factory.mktemp("one")) as one,
            running_door(url, keys, tmp_path_factory.mktemp("two")) as two,
        ):
            yield one, two, database
            with database.transaction(read_only=True) as tx:
                assert audit(tx).findings == []


@pytest.fixture
def client(shop: tuple[Door, Door, Database]) -> Iterator[httpx.Client]:
    with shop[0].client("storefront") as client:
        yield client


def body(*lines: tuple[str, int], **changes: Any) -> dict[str, Any]:
    return {
        "currency": "EUR",
        "channel": MARKET,
        "lines": [{"sku": sku, "quantity": each} for sku, each in lines or ((SKUS[0], 1),)],
        "ship_to": BERLIN,
        **changes,
    }


def opened(client: httpx.Client, name: str, *lines: tuple[str, int], **changes: Any) -> Any:
    response = client.post("/v1/carts", json=body(*lines, **changes), headers=key(name))
    assert response.status_code == 201, response.text
    assert response.headers["ETag"] == '"1"'
    return response.json()


def test_from_an_empty_cart_to_the_order(client: httpx.Client) -> None:
    cart = opened(client, "way", lines=[], ship_to=None)
    path = f"/v1/carts/{cart['cart_id']}"
    assert (cart["lines"], cart["held_until"], cart["state"]) == ([], None, "open")
    put = client.patch(
        path,
        json={"lines": [{"sku": SKUS[0], "quantity": 2}], "ship_to": BERLIN},
        headers={"If-Match": '"1"'},
    )
    assert put.status_code == 200 and put.headers["ETag"] == '"2"'
    line = put.json()["lines"][0]
    assert (line["held"], line["unheld"], line["price_minor"]) == (2, 0, 100)
    read = client.get(path)
    assert read.json() == put.json() and read.headers["ETag"] == '"2"'
    quoted = client.post(f"{path}/quote", json={"ship_to": BERLIN}).json()
    option = quoted["options"][-1]
    wanted = {
        "ship_to": BERLIN,
        "offer": option["offer"],
        "customer_ref": "K-1",
        "recipient": {"name": "Ann", "street": "Main 1", "city": "Berlin"},
    }
    done = client.post(f"{path}/complete", json=wanted, headers={"If-Match": '"2"'})
    assert done.status_code == 201, done.text
    order = done.json()
    assert order["total_minor"] == option["total_minor"]
    again = client.post(f"{path}/complete", json=wanted)
    assert (again.status_code, again.json()) == (201, order)
    closed = client.get(path).json()
    assert (closed["state"], closed["order_id"]) == ("completed", order["order_id"])
    assert client.get(f"/v1/orders/{order['order_id']}").json()["channel"] == MARKET


def test_carts_can_be_opened_twice_by_key_and_once_by_id(client: httpx.Client) -> None:
    first = opened(client, "twice", cart_id="mine")
    assert opened(client, "twice", cart_id="mine") == first
    taken = client.post("/v1/carts", json=body(cart_id="mine"), headers=key("thrice"))
    assert_problem(taken, 409, "cart_exists")
    other = client.post("/v1/carts", json=body(cart_id="yours"), headers=key("twice"))
    assert_problem(other, 409, "key_reused")
    unnamed = client.post("/v1/carts", json=body())
    assert_problem(unnamed, 422, "missing_value")


def test_another_version_is_refused_and_a_repeat_is_not(client: httpx.Client) -> None:
    path = f"/v1/carts/{opened(client, 'version')['cart_id']}"
    change = {"lines": [{"sku": SKUS[0], "quantity": 3}]}
    first = client.patch(path, json=change, headers={"If-Match": '"1"'})
    again = client.patch(path, json=change, headers={"If-Match": '"1"'})
    assert first.status_code == again.status_code == 200
    stale = {"lines": [{"sku": SKUS[0], "quantity": 4}]}
    found = assert_problem(
        client.patch(path, json=stale, headers={"If-Match": '"1"'}), 412, "cart_changed"
    )
    assert found["facts"] == {"version": 2}
    assert_problem(client.delete(path, headers={"If-Match": '"1"'}), 412, "cart_changed")
    assert_problem(
        client.post(f"{path}/complete", json={"ship_to": BERLIN}, headers={"If-Match": '"1"'}),
        412,
        "cart_changed",
    )
    assert_problem(client.patch(path, json=stale, headers={"If-Match": "x"}), 422, "bad_value")
    assert client.patch(path, json=stale, headers={"If-Match": "*"}).status_code == 200
    gone = client.delete(path)
    assert (gone.status_code, gone.json()["state"]) == (200, "abandoned")
    assert client.delete(path).json() == gone.json()
    assert_problem(client.patch(path, json=stale), 409, "wrong_state")


def test_a_cart_that_is_not_there(client: httpx.Client) -> None:
    for response in (
        client.get("/v1/carts/%00"),
        client.delete("/v1/carts/%00"),
        client.get("/v1/carts/none"),
        client.patch("/v1/carts/none", json={}),
        client.delete("/v1/carts/none"),
        client.post("/v1/carts/none/quote", json={"ship_to": BERLIN}),
        client.post("/v1/carts/none/complete", json={"ship_to": BERLIN}),
    ):
        assert_problem(response, 404, "not_found")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lines": [{"sku": "NOPE", "quantity": 1}]}, "unknown_sku"),
        ({"lines": [{"sku": "\x00", "quantity": 1}]}, "bad_identifier"),
        ({"lines": [{"sku": SKUS[0], "quantity": -1}]}, "bad_quantity"),
        ({"lines": [{"sku": SKUS[0], "quantity": 1.5}]}, "bad_value"),
        ({"lines": [{"sku": SKUS[0], "quantity": 1, "surprise": 1}]}, "bad_value"),
        ({"lines": [{"sku": SKUS[2]}]}, "missing_value"),
        ({"ship_to": {"country": "XX"}}, "bad_country"),
        ({"customer_ref": "a@b.example"}, "bad_identifier"),
    ],
)
def test_bad_changes(client: httpx.Client, change: dict[str, Any], code: str) -> None:
    cart = opened(client, f"bad-{change}")
    path = f"/v1/carts/{cart['cart_id']}"
    assert_problem(client.patch(path, json=change), 422, code)
    assert client.get(path).json() == cart, "nothing was changed"


def test_who_may_do_what(shop: tuple[Door, Door, Database], client: httpx.Client) -> None:
    path = f"/v1/carts/{opened(client, 'rights')['cart_id']}"
    with shop[0].client("auditor") as auditor, shop[0].client("warehouse") as warehouse:
        assert auditor.get(path).status_code == 200
        assert_problem(auditor.patch(path, json={}), 403, "forbidden")
        assert_problem(auditor.post(f"{path}/complete", json={"ship_to": BERLIN}), 403, "forbidden")
        assert_problem(warehouse.get(path), 403, "forbidden")
    with shop[0].client(None) as nobody:
        assert_problem(nobody.get(path), 401, "unauthenticated")


def test_two_doors_complete_a_cart_at_once(shop: tuple[Door, Door, Database]) -> None:
    one, two, _ = shop
    with one.client("storefront") as first, two.client("storefront") as second:
        for number in range(5):
            path = f"/v1/carts/{opened(first, f'race-{number}')['cart_id']}/complete"
            with ThreadPoolExecutor(8) as pool:
                answers = [
                    pool.submit(client.post, path, json={"ship_to": BERLIN})
                    for client in (first, second) * 4
                ]
                found = [answer.result() for answer in answers]
            assert {r.status_code for r in found} == {201}
            assert len({r.json()["order_id"] for r in found}) == 1


def test_carts_that_come_together_are_completed_together(
    shop: tuple[Door, Door, Database],
) -> None:
    one, _, database = shop
    with one.client("storefront") as client:
        names = [f"crowd-{number}" for number in range(24)]
        for number, name in enumerate(names):
            opened(client, name, (SKUS[3 + number % 5], 1), cart_id=name)

        def finish(name: str) -> httpx.Response:
            # One of them is not what its neighbors should suffer for.
            to = {"country": "XX"} if name == "crowd-7" else BERLIN
            with one.client("storefront") as mine:
                return mine.post(f"/v1/carts/{name}/complete", json={"ship_to": to})

        before = batches(one)
        with ThreadPoolExecutor(24) as pool:
            found = dict(zip(names, pool.map(finish, names), strict=True))
        assert_problem(found.pop("crowd-7"), 422, "bad_country")
        assert {r.status_code for r in found.values()} == {201}
        assert 0 < batches(one) - before < 24, "some were completed together"
        client.delete("/v1/carts/crowd-7")
    with database.transaction(read_only=True) as tx:
        assert sum(b.held for b in inventory.balances(tx, SKUS[3:8])) == 0


def batches(door: Door) -> int:
    """Batches that the door has placed so far."""
    name = "entrepot_intake_batch_orders_count"
    with door.client("admin") as admin:
        lines = admin.get("/metrics").text.splitlines()
    return sum(int(float(x.split()[-1])) for x in lines if x.startswith(name))


def test_the_last_units_go_to_who_came_first(shop: tuple[Door, Door, Database]) -> None:
    one, two, database = shop

    def buy(number: int) -> tuple[int, int]:
        """Units held, and the status of the completion."""
        with (one, two)[number % 2].client("storefront") as client:
            cart = opened(client, f"last-{number}", (SCARCE, 1))
            done = client.post(f"/v1/carts/{cart['cart_id']}/complete", json={"ship_to": BERLIN})
            if done.status_code != 201:
                client.delete(f"/v1/carts/{cart['cart_id']}")
            return cart["lines"][0]["held"], done.status_code

    with ThreadPoolExecutor(16) as pool:
        ends = list(pool.map(buy, range(32)))
    assert all(status == 201 for held, status in ends if held), "a hold that was granted is kept"
    assert sum(status == 201 for _, status in ends) == 10
    with database.transaction(read_only=True) as tx:
        (balance,) = inventory.balances(tx, [SCARCE])
    assert (balance.reserved, balance.held, balance.available) == (10, 0, 0)
