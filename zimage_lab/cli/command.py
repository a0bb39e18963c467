"""`zimage-lab`: picks the command, and turns every ending into an exit code and at most one sentence."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from zimage_lab.cli import (
    batch,
    bench,
    compare,
    doctor,
    generate,
    hooks,
    labels,
    machine,
    metrics,
    miniature,
    models,
    queue,
    records,
    schedule,
    serve,
    sweep,
    train_lora,
    workflow,
)
from zimage_lab.cli.parser import Parser
from zimage_lab.cli.terminal import CANCELLED, FAILED, WRONG_INPUT, tell
from zimage_lab.errors import Cancelled, InvalidRequest, ZImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

EPILOGUE = """\
Without a command, zimage-lab opens the studio in JupyterLab.
Exit codes: 0 done, 1 failed, 2 wrong input, 3 cancelled."""


class _Version(argparse.Action):
    """Prints the version; looks it up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from zimage_lab import __version__

        sys.stdout.write(f"zimage-lab {__version__}\n")
        parser.exit()


def parser() -> Parser:
    """Build the parser of all commands."""
    top = Parser(
        prog="zimage-lab",
        description="A studio for the Z-Image family of text-to-image models.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version")
    top.set_defaults(run=_start, parser=top)
    groups = top.add_subparsers(metavar="COMMAND")
    for module in (
        generate,
        batch,
        sweep,
        compare,
        workflow,
        queue,
        records,
        labels,
        hooks,
        schedule,
        metrics,
        serve,
        models,
        machine,
        doctor,
        miniature,
        train_lora,
        bench,
    ):
        module.add(groups)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv
        Arguments without the program's name; None takes the process's.

    Returns
    -------
    int
        0 done, 1 failed, 2 wrong input, 3 cancelled.
    """
    try:
        arguments = parser().complete(argv)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except SystemExit as end:  # argparse after --help and --version
        return end.code if isinstance(end.code, int) else FAILED
    except InvalidRequest as error:
        tell(f"zimage-lab: {error}")
        return WRONG_INPUT
    except (KeyboardInterrupt, Cancelled):
        tell("zimage-lab: Cancelled.")
        return CANCELLED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); without this Python complains once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (ZImageError, OSError) as error:
        tell(f"zimage-lab: {error}")
        return FAILED
    return code


def _start(_: argparse.Namespace) -> int:
    from zimage_lab.start import lab

    return int(lab.main() or 0)
