"""Live figures: one look at the database a second for all listeners of a process.

A listener always gets the newest figures; one that is slow skips those in between, so nothing piles
up. A stream ends after a while and is opened anew, through the gate: a key that was revoked does
not go on listening.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import anyio.to_thread

from entrepot.departments.tower import service as tower
from entrepot.doors.house import House
from entrepot.ground.database import Tx
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Fault, Unavailable

LISTENERS_MAX = 100
LOOK_EVERY_S = 1.0
STREAM_S = 300.0
# Proxies close what is silent for a minute, and a dead connection shows when it is written to.
SILENCE_MAX_S = 15.0
SILENCE = b": nothing new\n\n"

log = get_logger(__name__)


class Live:
    """What a process shows live; used from its event loop.

    render  the figures as HTML
    """

    def __init__(self, house: House, render: Callable[[Tx], str]) -> None:
        self._house = house
        self._render = render
        self._listeners = 0
        self._closed = False
        self._version = 0
        self._frame: bytes | None = None
        self._changed = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def close(self) -> None:
        """End every stream; none begins after it."""
        self._closed = True
        self._wake()

    def listen(self) -> AsyncIterator[bytes]:
        """A stream of server-sent events: the figures now, then whenever they change.

        Raises: Unavailable when LISTENERS_MAX listen already, or at the end of the process.
        """
        if self._closed or self._listeners >= LISTENERS_MAX:
            raise Unavailable("live figures: too many listen at present; the page can be reloaded")
        return self._stream()

    async def _stream(self) -> AsyncIterator[bytes]:
        clock = self._house.clock
        ends_at = clock.monotonic() + STREAM_S
        self._listeners += 1
        try:
            self._look_on()
            seen: bytes | None = None
            while not self._closed and clock.monotonic() < ends_at:
                changed, frame = self._changed, self._frame
                if frame is not None and frame is not seen:
                    seen = frame
                    yield frame
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), SILENCE_MAX_S)
                except TimeoutError:
                    yield SILENCE
        finally:
            self._listeners -= 1

    def _look_on(self) -> None:
        """Let somebody look while anybody listens."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while self._listeners and not self._closed:
            try:
                found = await anyio.to_thread.run_sync(self._newer)
            except Fault as fault:  # it comes back; the page says how old its figures are
                log.warning("live.fault", error=str(fault))
                found = None
            if found is not None:
                self._version, self._frame = found
                self._wake()
            await asyncio.sleep(LOOK_EVERY_S)

    def _newer(self) -> tuple[int, bytes] | None:
        """The figures with their version, when it is not the one that is shown."""
        with self._house.database.transaction(read_only=True) as tx:
            known = tower.as_of(tx)
            version = known.version if known else 0
            if version == self._version and self._frame is not None:
                return None
            return version, as_event(self._render(tx))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def as_event(text: str) -> bytes:
    """A text as one server-sent event. Source: WHATWG HTML, 9.2.6."""
    return b"".join(b"data: " + line.encode() + b"\n" for line in text.splitlines()) + b"\n"
