"""What every handler does before and after its own work: who asks, from where, how much, and how errors are told.

A Jupyter server's own check refuses tokens that it does not know before a handler runs. Ours takes its place in
`prepare`, for every method and for the websocket, and asks Jupyter's identity provider where no token of ours came.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, ClassVar

from tornado import httputil
from tornado.web import HTTPError, RequestHandler, stream_request_body

from zimage_lab.api.problems import Problem, problem_of
from zimage_lab.errors import InvalidRequest, ZImageError

if TYPE_CHECKING:
    from zimage_lab.api.identity import Identity
    from zimage_lab.api.service import Service
    from zimage_lab.api.site import Site

LOG = logging.getLogger(__name__)
SITE = "zimage_lab_site"
"""The key of the application's settings under which the `Site` stands."""

JSON_BYTES = 2 * 2**20
JSON_DEPTH = 60
READ, WRITE = "read", "submit"


class Guarded(RequestHandler):
    """Lets in only whom the site lets in; all handlers stand on this, the websocket too."""

    scopes: ClassVar[dict[str, str]] = {}
    """Scope that a method needs where it is not the usual one."""

    identity: Identity
    body_limit: ClassVar[int] = JSON_BYTES

    @property
    def site(self) -> Site:
        """Where the handler lives."""
        found: Site = self.settings[SITE]
        return found

    @property
    def service(self) -> Service:
        """What all handlers share."""
        return self.site.service

    def check_xsrf_cookie(self) -> None:
        """Do nothing yet: whether the cookie matters is known once it is known who asks."""

    def set_default_headers(self) -> None:
        """Keep browsers from guessing what an answer is, and from keeping it."""
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")

    refused: bool = False

    async def prepare(self) -> None:
        """Refuse whoever may not, before a byte of the body is read."""
        self.refused = True
        await self._let_in()
        self.refused = False

    async def _let_in(self) -> None:
        self.site.check_host(self)
        self.site.check_origin(self)
        identity = await self.site.identify(self)
        if identity is None:
            raise Problem(401, "unauthorized", "A token is needed. Send it as Authorization: Bearer, or as ?token=.")
        self.identity = identity
        method = str(self.request.method)
        scope = self.scopes.get(method, READ if method in {"GET", "HEAD", "OPTIONS"} else WRITE)
        if scope not in identity.scopes:
            raise Problem(403, "forbidden", f"This token has no scope {scope}.")
        if identity.token is not None:
            late = self.service.rates.wait(identity.token.id, identity.token.per_minute)
            if late:
                raise Problem(429, "too_many_requests", "This token asks too often.", retry_after=late)
        length = self.request.headers.get("Content-Length", "0")
        if length.isdigit() and int(length[:20]) > self.body_limit:
            raise self.too_large()
        _ = self.service.bridge  # it listens from the first request on

    def too_large(self) -> Problem:
        """Give the error for a body that is larger than this handler takes."""
        return Problem(413, "too_large", f"At most {self.body_limit:,} bytes are taken here.")

    def options(self, *_: str, **__: str) -> None:
        """Say which methods there are."""
        self.set_header("Allow", ", ".join(self.methods()))
        self.set_status(204)

    @classmethod
    def methods(cls) -> list[str]:
        """List the methods that this handler has."""
        names = ("get", "post", "put", "patch", "delete")
        own = [name for name in names if getattr(cls, name) is not getattr(RequestHandler, name)]
        return [name.upper() for name in own] + ["OPTIONS"]

    def write_error(self, status_code: int, **options: Any) -> None:  # noqa: ANN401 - Tornado's signature
        """Answer with JSON, whatever went wrong."""
        error = (options.get("exc_info") or (None, None, None))[1]
        problem = problem_of(error, status_code)
        self.set_status(problem.status_code)
        if self.refused:  # the body is not read, so nothing more can come on this connection
            self.set_header("Connection", "close")
        if problem.status_code == 401:  # noqa: PLR2004 - RFC 9110 asks for it
            self.set_header("WWW-Authenticate", 'Bearer realm="zimage-lab"')
        if problem.status_code == 405:  # noqa: PLR2004 - the same
            self.set_header("Allow", ", ".join(self.methods()))
        if problem.retry_after is not None:
            self.set_header("Retry-After", str(max(1, round(problem.retry_after + 0.49))))
        self.answer(self.error_body(problem))

    def error_body(self, problem: Problem) -> dict[str, Any]:
        """Give an error as this handler's dialect tells it."""
        return {"error": problem.facts()}

    def answer(self, body: object, status: int | None = None) -> None:
        """Send JSON."""
        if status is not None:
            self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace"))

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:  # noqa: ANN401 - Tornado's signature
        """Log what nobody foresaw; what a client did wrong is told to the client."""
        if not isinstance(error, HTTPError | ZImageError):
            LOG.error("An error in %s", type(self).__name__, exc_info=(kind, error, trace))


@stream_request_body
class Handler(Guarded):
    """A handler that answers once, to a body of bounded size."""

    def initialize(self) -> None:
        """Begin without a body."""
        self._chunks: list[bytes] = []
        self._received = 0

    def data_received(self, chunk: bytes) -> None:
        """Keep what comes, up to the limit; the rest is dropped."""
        self._received += len(chunk)
        if self._received <= self.body_limit:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    def body(self) -> bytes:
        """Give the body."""
        if self._received > self.body_limit:
            raise self.too_large()
        return b"".join(self._chunks)

    def json_body(self) -> dict[str, Any]:
        """Read the body as a JSON object, whatever its content type says: many clients send none."""
        try:
            found = json.loads(self.body().decode("utf-8"), parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise Problem(400, "invalid_json", "The body is not readable JSON.") from error
        if not isinstance(found, dict):
            raise Problem(400, "invalid_json", "The body is not a JSON object.")
        if _deeper(found, JSON_DEPTH):
            raise Problem(400, "invalid_json", f"The body is nested deeper than {JSON_DEPTH} levels.")
        return found

    def form(self) -> tuple[dict[str, str], dict[str, httputil.HTTPFile]]:
        """Read the body as a form: its fields, and its files, the last of each name."""
        arguments: dict[str, list[bytes]] = {}
        files: dict[str, list[httputil.HTTPFile]] = {}
        kind = self.request.headers.get("Content-Type", "")
        try:
            httputil.parse_body_arguments(kind, self.body(), arguments, files, self.request.headers)
        except httputil.HTTPInputError as error:
            raise Problem(400, "invalid_form", "The body is not a readable form.") from error
        fields = {name: values[-1].decode("utf-8", "replace") for name, values in arguments.items() if values}
        return fields, {name: values[-1] for name, values in files.items() if values}

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """Read a whole number of the query."""
        text = self.get_query_argument(name, str(default))
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and low <= int(text) <= high):  # noqa: PLR2004
            raise InvalidRequest(name, text, f"is no whole number from {low} to {high}", f"Use {default}, say.")
        return int(text)


class Missing(Handler):
    """Answers for every address that there is not, and tells it only to whoever may ask."""

    async def prepare(self) -> None:
        """Refuse whoever may not, then say that there is nothing."""
        await super().prepare()
        self.refused = True
        raise Problem(404, "not_found", "There is nothing at this address.")


def _no_number(text: str) -> float:
    message = f"{text} is no number of JSON"
    raise ValueError(message)


def _deeper(value: object, levels: int) -> bool:
    """Whether a value of JSON is nested deeper than so many levels; told without recursion."""
    row: list[object] = [value]
    for _ in range(levels):
        row = [
            inner
            for one in row
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not row:
            return False
    return True
