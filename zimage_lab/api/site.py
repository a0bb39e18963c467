"""Where the handlers live: how a server finds out who asks, and from which pages and under which names it answers."""

from __future__ import annotations

import ipaddress
import re
import socket
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zimage_lab.api.hub import Hub
from zimage_lab.api.identity import ANYBODY, Identity, of_token
from zimage_lab.api.problems import Problem

if TYPE_CHECKING:
    from tornado.web import RequestHandler

    from zimage_lab.api.service import Service

_BEARER = re.compile(r"(?:bearer|token)\s+(\S+)", re.IGNORECASE)


class Site(ABC):
    """A home of the handlers.

    Parameters
    ----------
    service
        What they share.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.hub = Hub(service)
        self.previews = False  # whether previews go to clients that do not ask for them
        self.routes: list[tuple[str, type[RequestHandler]]] = []

    @abstractmethod
    async def identify(self, handler: RequestHandler) -> Identity | None:
        """Give whoever asks; None for a stranger."""

    @abstractmethod
    def check_host(self, handler: RequestHandler) -> None:
        """Refuse a request that was sent to another name: a page that rebinds its own name to this machine."""

    def check_origin(self, handler: RequestHandler) -> None:
        """Refuse a request that the page of another site sent."""
        origin = origin_of(handler)
        if origin is not None and (origin == "null" or not self.takes_origin(handler, origin)):
            raise Problem(403, "foreign_origin", "Pages of other sites may not ask here.")

    def address(self, handler: RequestHandler) -> str:
        """Give the address under which a client finds the handlers, as it named it itself."""
        return f"{handler.request.protocol}://{handler.request.host}"

    def takes_origin(self, handler: RequestHandler, origin: str) -> bool:
        """Whether an origin is this server's own."""
        return urlsplit(origin).netloc.lower() == handler.request.host.lower()

    def of_token(self, handler: RequestHandler) -> Identity | None:
        """Give the identity behind a token of ours; None where there is none."""
        text = token_text(handler)
        row = None if text is None else self.service.tokens.verified(text)
        return None if row is None else of_token(row)


class Alone(Site):
    """The site of a bare server: tokens, or on a loopback address nobody's, where that was asked for.

    Parameters
    ----------
    service
        What the handlers share.
    address
        The address that it listens on.
    auth
        Whether a token is needed.
    hosts
        Further names by which it may be called.
    """

    def __init__(self, service: Service, address: str, *, auth: bool = True, hosts: tuple[str, ...] = ()) -> None:
        super().__init__(service)
        self.auth = auth
        self._hosts = {"localhost", socket.gethostname().lower(), address.lower(), *(host.lower() for host in hosts)}

    async def identify(self, handler: RequestHandler) -> Identity | None:
        """Give the token's identity, or the one of anybody."""
        found = self.of_token(handler)
        return ANYBODY if found is None and not self.auth else found

    def check_host(self, handler: RequestHandler) -> None:
        """Take addresses, which no page can rebind, and the names that are known."""
        name = urlsplit(f"//{handler.request.host}").hostname or ""
        if name.lower() in self._hosts:
            return
        try:
            ipaddress.ip_address(name)
        except ValueError:
            message = "This server is not known by that name. Start it with --allow-host to have it so."
            raise Problem(403, "foreign_host", message) from None


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def token_text(handler: RequestHandler) -> str | None:
    """Give the token that a request brings: as Bearer, else in its query."""
    found = _BEARER.fullmatch(handler.request.headers.get("Authorization", "").strip())
    if found is not None:
        return found[1]
    values = handler.request.query_arguments.get("token")
    return values[-1].decode("utf-8", "replace") if values else None


def origin_of(handler: RequestHandler) -> str | None:
    """Give the origin of the page that asks; None for a program."""
    return handler.request.headers.get("Origin") or handler.request.headers.get("Sec-Websocket-Origin")
