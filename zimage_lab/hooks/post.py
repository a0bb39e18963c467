"""One POST to an address that was checked: no redirects, no proxies, one time limit for all of it."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.hooks.address import PORTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zimage_lab.hooks.address import Target

SECONDS = 10.0
BODY_BYTES = 2**20


class Answer(NamedTuple):
    """What came back: the status, or why there is none."""

    status: int | None
    error: str | None

    @property
    def ok(self) -> bool:
        """Whether it was taken."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's success

    @property
    def worth_another(self) -> bool:
        """Whether it may go better later: nobody answered, was busy, or failed."""
        return self.status is None or self.status in {408, 425, 429} or self.status >= 500  # noqa: PLR2004


def post(to: Target, body: bytes, headers: Mapping[str, str], seconds: float = SECONDS) -> Answer:
    """Send a body; what is answered beyond the status is not read.

    Parameters
    ----------
    to
        The checked target; only its addresses are connected to, whatever its name says now.
    body
        JSON in UTF-8.
    headers
        Further headers.
    seconds
        Limit for all of it: connecting, sending, and a server that answers drop by drop.
    """
    end = time.monotonic() + seconds
    held: list[socket.socket] = []
    # A socket's own timeout begins anew with every byte; this one does not.
    late = threading.Timer(seconds, _cut, [held])
    late.daemon = True
    late.start()
    try:
        with closing(_connected(to, held, end)) as connection:
            connection.request("POST", to.path, body, {"Content-Type": "application/json", **headers})
            answer = Answer(connection.getresponse().status, None)
        # Where the watch cut it, http.client took the end of the bytes for the end of the head.
        return answer if time.monotonic() < end else Answer(None, f"no answer within {seconds:g} s")
    except (OSError, http.client.HTTPException, ValueError) as error:
        over = time.monotonic() >= end or isinstance(error, TimeoutError)
        return Answer(None, f"no answer within {seconds:g} s" if over else _reason(error))
    finally:
        late.cancel()
        for part in held:
            part.close()


def _connected(to: Target, held: list[socket.socket], end: float) -> http.client.HTTPConnection:
    """Connect to the first checked address that answers."""
    connection = http.client.HTTPConnection(to.host, to.port)
    connection.default_port = PORTS[to.scheme]  # the Host header names the port only where it is another
    connection.auto_open = 0  # never connects by itself: it would ask for the name again
    trouble: OSError = OSError("the name has no address")
    for address in to.addresses:
        try:
            plain = socket.create_connection((address, to.port), timeout=max(0.1, end - time.monotonic()))
        except OSError as error:
            trouble = error
            continue
        held.append(plain)
        connection.sock = plain
        if to.scheme == "https":
            shaking = ssl.create_default_context().wrap_socket(
                plain, server_hostname=to.host, do_handshake_on_connect=False
            )
            held.append(shaking)
            shaking.do_handshake()
            connection.sock = shaking
        return connection
    raise trouble


def _cut(held: list[socket.socket]) -> None:
    for part in held:
        with suppress(OSError):  # it has ended by itself, or lives on inside of the next one
            part.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)
