"""The OpenAPI document of `/zimage/v1` and of OpenAI's images: made of the handlers and their models, never by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from zimage_lab import __version__
from zimage_lab.api.base import Handler
from zimage_lab.api.keys import CHARACTERS, HEADER
from zimage_lab.api.schemas import Error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel
    from tornado.web import RequestHandler

    from zimage_lab.api.v1 import Operation

VERSION = "3.1.0"
_REFERENCE = "#/components/schemas/{model}"
_GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")
_FAULTS = {
    400: "The request is wrong; `message` says how.",
    401: "No token, or none that holds.",
    403: "The token does not reach this far, or the page or name is foreign.",
    404: "There is none, or none that may be seen.",
    409: "The Idempotency-Key was used for another request.",
    500: "The picture was not made; `message` says why.",
    413: "The body is too large.",
    429: "Too many wait, or too often asked. Retry-After says when to come again.",
    503: "The store cannot be used now.",
}
_USUAL = (400, 401, 403, 413, 429, 503)


def document(routes: Iterable[tuple[str, type[RequestHandler]]], server: str) -> dict[str, Any]:
    """Make the document.

    Parameters
    ----------
    routes
        Patterns, below the server's address, and handlers.
    server
        The address.
    """
    told = [(path, cls.operations) for path, cls in routes if getattr(cls, "operations", None)]  # type: ignore[attr-defined]
    kinds: list[type[BaseModel]] = [Error]
    for _, operations in told:
        kinds += [kind for one in operations.values() for kind in (one.takes, one.gives) if kind is not None]
    _, schemas = models_json_schema(
        [(kind, "validation" if kind.__name__.endswith("Asked") else "serialization") for kind in dict.fromkeys(kinds)],
        ref_template=_REFERENCE,
    )
    return {
        "openapi": VERSION,
        "info": {
            "title": "zimage_lab",
            "version": __version__,
            "description": "Pictures of the Z-Image family: jobs, records, sweeps, models and events.",
        },
        "servers": [{"url": server}],
        "security": [{"bearer": []}],
        "paths": {
            _GROUP.sub(r"{\1}", path): {
                method.lower(): _operation(path, method, one) for method, one in operations.items()
            }
            for path, operations in told
        },
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


class OpenAPIHandler(Handler):
    """The document."""

    async def get(self) -> None:
        """Give it, as this server's routes are."""
        self.answer(document(self.site.routes, self.site.address(self)))


def _operation(path: str, method: str, told: Operation) -> dict[str, Any]:
    places = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _GROUP.findall(path)
    ]
    for place, group in zip(places, re.findall(r"\(\?P<\w+>([^)]*)\)", path), strict=True):
        if re.fullmatch(r"[a-z|]+", group):
            place["schema"] = {"type": "string", "enum": group.split("|")}
    query = [{"name": name, "in": "query", "schema": schema} for name, schema in told.query.items()]
    schema = {"type": "string", "minLength": 1, "maxLength": CHARACTERS, "pattern": "^[!-~]+$"}
    header = [{"name": HEADER, "in": "header", "schema": schema}] if told.key else []
    faults = sorted({*_USUAL, *told.faults})
    content = {"schema": _reference(told.gives)} if told.gives is not None else {"schema": {"type": "string"}}
    said: dict[str, Any] = {
        "summary": told.summary,
        "operationId": _name(path, method),
        "parameters": [*places, *query, *header],
        "responses": {str(told.status): {"description": told.summary, "content": {told.mime: content}}}
        | {
            str(status): {
                "description": _FAULTS[status],
                "content": {"application/json": {"schema": _reference(Error)}},
            }
            for status in faults
        },
    }
    if told.takes is not None:
        said["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(told.takes)}},
        }
    return said


def _name(path: str, method: str) -> str:
    plain = re.sub("[^a-z0-9]+", "_", _GROUP.sub(r"\1", path)).strip("_")
    return f"{method.lower()}_{plain}"


def _reference(kind: type[BaseModel] | None) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=kind.__name__ if kind is not None else "")}
