"""`zimage-lab metrics`: the figures of a home for Prometheus."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import DONE

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser

DESCRIPTION = """\
Print jobs, pictures, times and engines in Prometheus' text format; no prompt, user or path is in it.
For node_exporter's textfile collector, write it beside and move it there:

  zimage-lab metrics > zimage.prom.new && mv zimage.prom.new /var/lib/node_exporter/zimage.prom"""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    import argparse

    parser = groups.add_parser(
        "metrics",
        help="print figures for Prometheus",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the figures."""
    from zimage_lab.home import home
    from zimage_lab.store.figures import text

    figures = text(home(arguments.home))
    sys.stdout.flush()
    # The format is UTF-8 with single line feeds, whatever the terminal's encoding or the system's line ends are.
    sys.stdout.buffer.write(figures.encode())
    return DONE
