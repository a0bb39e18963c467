"""A server of its own: a bare Tornado application, never Jupyter's, whose kernels would make an open port a shell."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING, Any, Literal

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from zimage_lab.api.base import SITE, Missing
from zimage_lab.api.comfyui_files import UPLOAD_BYTES
from zimage_lab.api.routes import at_the_root, below_zimage
from zimage_lab.api.service import Service
from zimage_lab.api.site import Alone, is_loopback
from zimage_lab.errors import InvalidRequest, ZImageError

if TYPE_CHECKING:
    from pathlib import Path

    from tornado.web import RequestHandler

LOG = logging.getLogger(__name__)
PORT = 8188  # ComfyUI's
HOST = "127.0.0.1"
PING_SECONDS = 30.0
IDLE_SECONDS = 120.0
HEADER_BYTES = 64 * 1024
LARGEST = 2**40  # what a header may say: a body that is too large is refused by the handler, with a sentence
CHUNK_BYTES = 256 * 1024


class Server:
    """A server that listens.

    Parameters
    ----------
    home
        The home folder.
    host, port
        Where it listens; port 0 takes a free one.
    auth
        Whether a token is needed; without, only a loopback address is taken.
    hosts
        Further names by which it may be called.
    engines
        As for `Service`.
    previews
        Whether previews go to websocket clients that do not ask for them.
    """

    def __init__(
        self,
        home: Path,
        *,
        host: str = HOST,
        port: int = PORT,
        auth: bool = True,
        hosts: tuple[str, ...] = (),
        engines: Literal["start", "attach"] = "start",
        previews: bool = False,
    ) -> None:
        if not auth and not is_loopback(host):
            field = "--no-auth"
            fix = "Leave it out and make a token: zimage-lab token create."
            raise InvalidRequest(field, host, f"{host} can be reached from other machines", fix)
        try:
            sockets = bind_sockets(port, host)
        except OSError as error:
            message = f"{host}:{port} cannot be listened on ({error.strerror}). Give another --port."
            raise ZImageError(message) from error
        self.port: int = sockets[0].getsockname()[1]
        self.host = host
        self.service = Service(home, engines=engines)
        self._site = site = Alone(self.service, host, auth=auth, hosts=hosts)
        site.previews = previews
        self.application = application(site)
        self._http = HTTPServer(
            self.application,
            max_header_size=HEADER_BYTES,
            max_body_size=LARGEST,
            max_buffer_size=2 * (UPLOAD_BYTES + CHUNK_BYTES),
            chunk_size=CHUNK_BYTES,
            idle_connection_timeout=IDLE_SECONDS,
            body_timeout=IDLE_SECONDS,
        )
        self._http.add_sockets(sockets)
        if not auth:
            LOG.warning("No token is asked for: whatever runs on this machine may use this server.")

    @property
    def address(self) -> str:
        """Where it is found."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def close(self) -> None:
        """Listen no more; jobs and engines go on."""
        self._http.stop()
        await self._http.close_all_connections()
        self._site.hub.close()
        await asyncio.get_running_loop().run_in_executor(None, self.service.close)


def application(site: Alone) -> Application:
    """Give the application of a bare server."""
    routes = [*below_zimage(), *at_the_root()]
    site.routes = routes
    settings: dict[str, Any] = {
        SITE: site,
        "default_handler_class": Missing,
        "log_function": log_request,
        "websocket_ping_interval": PING_SECONDS,
        "compress_response": False,
    }
    return Application(routes, **settings)


def log_request(handler: RequestHandler) -> None:
    """Log a request by its path alone: a query may hold a token."""
    request, status = handler.request, handler.get_status()
    level = logging.INFO if status < 500 else logging.ERROR  # noqa: PLR2004 - HTTP's border
    LOG.log(level, "%d %s %s %.1f ms", status, request.method, request.path[:200], 1000 * request.request_time())


async def run(server: Server) -> None:
    """Serve until the process is asked to end."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    await over.wait()
    await server.close()
