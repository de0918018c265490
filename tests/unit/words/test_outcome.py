import pickle

import msgspec
import pytest

from entrepot.words.outcome import (
    Broken,
    Conflict,
    Fault,
    Refusal,
    RefusalCode,
    Unavailable,
    http_status,
    shown,
)


def test_a_code_is_spelled_as_its_name():
    assert all(code.name == code.value for code in RefusalCode)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (RefusalCode.unauthenticated, 401),
        (RefusalCode.forbidden, 403),
        (RefusalCode.not_found, 404),
        (RefusalCode.not_enough_stock, 409),
        (RefusalCode.key_reused, 409),
        (RefusalCode.wrong_state, 409),
        (RefusalCode.offer_expired, 409),
        (RefusalCode.too_large, 413),
        (RefusalCode.bad_quantity, 422),
        (RefusalCode.unknown_sku, 422),
        (RefusalCode.offer_invalid, 422),
        (RefusalCode.read_only, 503),
    ],
)
def test_status_of_a_refusal(code, status):
    assert http_status(code) == status


def test_every_code_has_an_error_status():
    assert all(400 <= http_status(code) < 600 for code in RefusalCode)


def test_a_refusal_survives_the_wire():
    refusal = Refusal(RefusalCode.not_enough_stock, "lines[0]: found 3", "lines[0]", {"free": 3})
    assert msgspec.json.decode(msgspec.json.encode(refusal), type=Refusal) == refusal


def test_two_refusals_share_no_facts():
    first, second = (Refusal(RefusalCode.not_found, "nothing here") for _ in range(2))
    first.facts["seen"] = 1
    assert second.facts == {}


@pytest.mark.parametrize(
    ("fault", "retryable", "kind"),
    [
        (Conflict("late"), True, "conflict"),
        (Conflict("late", kind="deadlock"), True, "deadlock"),
        (Unavailable("down"), True, "unavailable"),
        (Broken("no schema"), False, "broken"),
    ],
)
def test_faults_say_whether_to_try_again(fault, retryable, kind):
    assert isinstance(fault, Fault)
    assert (fault.retryable, fault.kind) == (retryable, kind)
    copy = pickle.loads(pickle.dumps(fault))
    assert (str(copy), copy.kind) == (str(fault), kind)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r"'a\nb'"),
        ("x" * 41, f"'{'x' * 40}'..."),
        (12, "12"),
        (-(10**50), "a number of more than 40 digits"),
        pytest.param(10**5_000, "a number of more than 40 digits", id="huge"),
        ([1] * 100, f"[{'1, ' * 13}..."),
    ],
)
def test_shown_is_short_and_on_one_line(value, text):
    assert shown(value) == text
