"""The tokens of browsers' sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.doors.http import sessions
from entrepot.doors.http.sessions import Session

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY, FORMER = b"k" * 32, b"f" * 32
SESSION = Session("abcdefghijklmnop", NOW + sessions.LIFE)
TOKEN = sessions.seal(SESSION, KEY)


def test_a_token_opens_with_its_key_until_its_end() -> None:
    assert sessions.open_token(TOKEN, [KEY], NOW) == SESSION
    assert sessions.open_token(TOKEN, [FORMER, KEY], NOW) == SESSION, "the key was rotated since"
    assert sessions.open_token(TOKEN, [KEY], SESSION.ends_at - timedelta(seconds=1)) == SESSION
    assert sessions.open_token(TOKEN, [KEY], SESSION.ends_at) is None
    assert sessions.open_token(TOKEN, [FORMER], NOW) is None


@given(st.integers(0, len(TOKEN) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_a_changed_token_opens_nothing(place: int, character: str) -> None:
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]
    opened = sessions.open_token(changed, [KEY], NOW)
    assert opened is None or changed == TOKEN


@pytest.mark.parametrize(
    "text",
    ["", ".", "s1..", TOKEN[:-1], TOKEN + "A", "ü" * 10, "s1." + "A" * 600, "o1" + TOKEN[2:]],
)
def test_other_text_opens_nothing(text: str) -> None:
    assert sessions.open_token(text, [KEY], NOW) is None


def test_the_cookie_stays_with_the_browser_and_the_house() -> None:
    kept = sessions.cookie(TOKEN, secure=True).to_header(header="")
    for attribute in ("HttpOnly", "SameSite=strict", "Path=/", "Secure", "Max-Age=43200"):
        assert attribute in kept
    assert "Secure" not in sessions.cookie(TOKEN, secure=False).to_header(header="")
    assert "Max-Age=0" in sessions.cookie("", secure=False).to_header(header="")
