"""`zimage-lab serve`: HTTP without JupyterLab, for programs and for ComfyUI's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.cli import token
from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import DONE, tell

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser

DESCRIPTION = """\
Serve ComfyUI's routes and websocket, OpenAI's images and /zimage/v1 on an address of their own.
Programs come with a token (zimage-lab token create), as Authorization: Bearer or ?token=.
A running JupyterLab has the same below /zimage, behind its own identity."""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command, and that of the tokens, to the parser."""
    import argparse

    token.add(groups)
    form = argparse.RawDescriptionHelpFormatter
    parser = groups.add_parser("serve", help="serve HTTP", description=DESCRIPTION, formatter_class=form)
    parser.add_argument("--port", type=int, default=8188, metavar="N", help="port (default: 8188, as ComfyUI's)")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address (default: 127.0.0.1)")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="further name by which it may be called"
    )
    parser.add_argument("--no-auth", action="store_true", help="ask for no token; only on a loopback address")
    parser.add_argument("--attach", action="store_true", help="start no engine; jobs wait for one that runs")
    parser.add_argument(
        "--preview-method",
        choices=["none", "auto"],
        default="none",
        help="auto sends previews to every websocket client, also to those that do not ask (default: none, as ComfyUI)",
    )
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until it is asked to end."""
    import asyncio
    import logging
    import sys

    from zimage_lab.api.serve import Server
    from zimage_lab.api.serve import run as until_asked
    from zimage_lab.home import home

    sys.setswitchinterval(0.001)  # the loop waits less for a thread that checks a request
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    async def main() -> None:
        server = Server(
            home(arguments.home),
            host=arguments.host,
            port=arguments.port,
            auth=not arguments.no_auth,
            hosts=tuple(arguments.allow_host),
            engines="attach" if arguments.attach else "start",
            previews=arguments.preview_method == "auto",
        )
        tell(f"Serving at {server.address}; Ctrl-C ends it, and jobs go on.")
        await until_asked(server)

    asyncio.run(main())
    return DONE
