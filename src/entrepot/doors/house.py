"""One process's way into the house: settings, database, keys, clock, put together once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from entrepot.departments.access.cache import KeyCache
from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.cluster import database_url
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.ground.restoring import require_finished
from entrepot.ground.settings import Settings


class House:
    """What the doors hand to flows and rooms. Close it when done.

    name        of the process, as the database shows it
    read_only   tells whether changes are refused at present (cheap: asked for each request)
    Raises: Broken in a data home whose restore is not finished.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        name: str = "entrepot",
        clock: Clock | None = None,
        read_only: Callable[[], bool] = lambda: False,
    ) -> None:
        require_finished(settings.data)
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.database = Database(
            database_url(settings), clock=self.clock, connections_max=settings.pool, name=name
        )
        self.keys = KeyStore.open(settings.keys, self.clock, signing_key=settings.signing_key)
        self.key_cache = KeyCache()
        # Sessions are kept by the key's public prefix, so apart from the keys: a prefix that is
        # shown as a key proves nothing.
        self.session_cache = KeyCache()
        self.is_read_only = read_only

    def signing_keys(self) -> Sequence[bytes]:
        """The keys that seal offers, the present one first."""
        return self.keys.signing_keys()

    def close(self) -> None:
        """Give connections and files back."""
        self.database.close()
        self.keys.close()

    def __enter__(self) -> House:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
