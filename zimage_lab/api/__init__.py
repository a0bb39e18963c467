"""HTTP: one set of handlers with two homes, a running Jupyter server and a bare server of its own.

In Jupyter they stand under the server's base URL + `zimage`, behind its identity; `zimage-lab serve` has them at the
root as well, where ComfyUI's clients look. Three dialects: ComfyUI's routes and websocket, OpenAI's images, and
`/zimage/v1` with an OpenAPI document for what neither has. All of them put requests into the home's queue and show
what comes back; nothing is drawn in this process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "zimage_lab.api"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from zimage_lab.api.extension import load

    load(server)
