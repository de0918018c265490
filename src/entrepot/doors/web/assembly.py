"""The pages as one plugin of the application: routes, what they share, and its end."""

from __future__ import annotations

from typing import Any

from litestar import Router
from litestar.config.app import AppConfig
from litestar.plugins import InitPlugin

from entrepot.doors.house import House
from entrepot.doors.http.problems import Refused
from entrepot.doors.web import assets, sign_in, tower
from entrepot.doors.web.answers import page_failed, page_refused
from entrepot.doors.web.live import Live
from entrepot.words.outcome import Fault


class Web(InitPlugin):
    """Adds the pages to the application: `create(house, [Web(house)])`."""

    def __init__(self, house: House) -> None:
        self.live = Live(house, tower.fragment)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add routes, the live figures, and what ends them."""
        handlers: dict[Any, Any] = {Refused: page_refused, Fault: page_failed}
        app_config.route_handlers.append(
            Router(
                path="/",
                route_handlers=[*tower.HANDLERS, *sign_in.HANDLERS, *assets.HANDLERS],
                exception_handlers=handlers,
                include_in_schema=False,
            )
        )
        app_config.state["live"] = self.live
        app_config.state["closing"].append(self.live.close)
        return app_config
