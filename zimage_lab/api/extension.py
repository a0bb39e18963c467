"""The handlers inside a running Jupyter server, behind its identity: people come as they come to JupyterLab."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import ensure_async, url_path_join

from zimage_lab import home as homes
from zimage_lab.api.base import SITE, Guarded
from zimage_lab.api.identity import Identity, person
from zimage_lab.api.problems import Problem
from zimage_lab.api.routes import below_zimage, inside
from zimage_lab.api.service import Service
from zimage_lab.api.site import Site

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp
    from tornado.web import RequestHandler

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Jupyter(Site):
    """The site inside a Jupyter server."""

    async def identify(self, handler: RequestHandler) -> Identity | None:
        """Give the token's identity, or the person whom Jupyter's identity provider and authorizer let in."""
        found = self.of_token(handler)
        if found is not None:
            return found
        inner: Any = handler  # a JupyterHandler as well, by `inside`
        user = await ensure_async(inner.identity_provider.get_user(inner))
        inner.current_user = inner._jupyter_current_user = user  # noqa: SLF001 - as JupyterHandler.prepare leaves it
        if user is None:
            return None
        if handler.request.method not in SAFE:
            JupyterHandler.check_xsrf_cookie(inner)  # a cookie alone may be sent by any page
        action = "read" if handler.request.method in SAFE else "write"
        if not await ensure_async(inner.authorizer.is_authorized(inner, user, action, "zimage")):
            raise Problem(403, "forbidden", "Jupyter's authorizer does not let you do this.")
        return person(_local())

    def check_host(self, handler: RequestHandler) -> None:
        """Ask Jupyter, which knows its names."""
        inner: Any = handler
        if not inner.check_host():
            raise Problem(403, "foreign_host", "This server is not known by that name.")

    def takes_origin(self, handler: RequestHandler, origin: str) -> bool:
        """Take the server's own, and those that Jupyter was told of."""
        allowed, pattern = handler.settings.get("allow_origin"), handler.settings.get("allow_origin_pat")
        told = allowed in {"*", origin} or bool(pattern and re.match(pattern, origin))
        return told or super().takes_origin(handler, origin)

    def address(self, handler: RequestHandler) -> str:
        """Give the address with the server's base URL."""
        return super().address(handler) + str(handler.settings["base_url"]).rstrip("/")


def load(server: ServerApp) -> None:
    """Put the handlers into a Jupyter server; called by it at its start."""
    service = Service(homes.home())
    site = Jupyter(service)
    routes = below_zimage()
    site.routes = routes
    server.web_app.settings[SITE] = site
    base = server.web_app.settings["base_url"]
    placed = inside(routes, JupyterHandler)
    for _, cls in placed:
        _own_check(cls)
    server.web_app.add_handlers(  # type: ignore[no-untyped-call]
        ".*$", [(url_path_join(base, path), cls) for path, cls in placed]
    )
    server.log.info("zimage_lab: %s", url_path_join(server.display_url.split("?")[0], "zimage/v1/openapi.json"))


def _own_check(cls: type[RequestHandler]) -> None:
    """Say to Jupyter that a handler's methods have their own check: `Guarded.prepare`, which lets no stranger in."""
    assert issubclass(cls, Guarded)  # noqa: S101 - without that check nothing must be opened
    for name in ("get", "head", "post", "put", "patch", "delete", "options"):
        method = getattr(cls, name)
        if not hasattr(method, "__allow_unauthenticated"):
            setattr(cls, name, _marked(method))


def _marked(method: Any) -> Any:  # noqa: ANN401 - any method
    from jupyter_server.auth.decorator import allow_unauthenticated

    return allow_unauthenticated(method)


def _local() -> str | None:
    """Give the name that the person's jobs bear everywhere else."""
    from zimage_lab.engine.desk import user

    return user()
