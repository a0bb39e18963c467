"""`zimage-lab models`: which there are, which are here, names for one's own, and downloads."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import DONE, say, say_json, size, table, tell

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from zimage_lab.cli.parser import Parser
    from zimage_lab.models import FoundWeights, Model


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the commands to the parser."""
    text = "list the models and the weights on this machine; name your own"
    parser = groups.add_parser("models", help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--json", action="store_true", help="print JSON")
    _common(parser, every)
    commands = parser.add_subparsers(metavar="COMMAND")
    own = commands.add_parser(
        "add",
        help="name weights of your own",
        description="Name weights that lie on this machine. They stay where they are.",
    )
    own.add_argument("name", metavar="NAME", help="small letters, digits and -_.")
    own.add_argument(
        "path",
        metavar="PATH",
        help="a folder in diffusers' layout, ComfyUI's folder, or one .safetensors or .gguf file",
    )
    own.add_argument(
        "--like", metavar="MODEL", help="whose defaults hold, such as z-image-turbo (default: told by the files)"
    )
    _common(own, name)
    fetched = commands.add_parser(
        "get",
        help="download a model's weights",
        description="Download a model's weights from the hub, after asking. What has come before is not fetched again.",
    )
    fetched.add_argument("name", metavar="NAME", help="a model of the list")
    fetched.add_argument("--yes", action="store_true", help="do not ask")
    _common(fetched, get)
    gone = commands.add_parser("remove", help="forget a name", description="Forget a name. The weights stay.")
    gone.add_argument("name", metavar="NAME", help="as it was added")
    _common(gone, forget)


def _common(parser: Parser, run: Any) -> None:  # noqa: ANN401 - a function of the arguments
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    parser.set_defaults(run=run, parser=parser)


def every(arguments: argparse.Namespace) -> int:
    """List the catalog, then weights that were found and are not in it."""
    from zimage_lab import models
    from zimage_lab.home import home

    place = home(arguments.home)
    entries, found = models.models(place), models.found(place)
    if arguments.json:
        say_json({"models": [_model(entry) for entry in entries], "found": [_found(one) for one in found]})
        return DONE
    rows = []
    for entry in entries:
        card = entry.card
        drawn = f"{card.defaults.width}x{card.defaults.height}, {card.defaults.steps} steps"
        need = "-" if card.memory_bytes is None else size(card.memory_bytes)
        rows.append([card.id, card.title, drawn, need, _state(entry)])
    table(["MODEL", "NAME", "DRAWS", "MEMORY", "STATE"], rows)
    others = [one for one in found if one.path not in {entry.path for entry in entries}]
    if others:
        say("")
        table(
            ["FOUND", "BELONGS TO", "WHERE", "NOTE"],
            [[one.kind, one.model_id or "?", str(one.path), one.note] for one in others],
        )
    return DONE


def name(arguments: argparse.Namespace) -> int:
    """Name weights, and say what they are."""
    from zimage_lab import models
    from zimage_lab.home import home

    entry = models.add(arguments.name, arguments.path, like=arguments.like, place=home(arguments.home))
    card = entry.card
    files = f", {len({path for _, path in entry.parts})} files" if entry.parts else ""
    say(
        f"{entry.id}: {card.family}{files}; draws {card.defaults.width}x{card.defaults.height} in "
        f"{card.defaults.steps} steps. Try: zimage-lab generate --model {entry.id} PROMPT"
    )
    return DONE


def get(arguments: argparse.Namespace) -> int:
    """Download a model, after it was said how much that is."""
    from zimage_lab.errors import InvalidRequest
    from zimage_lab.home import home
    from zimage_lab.models.download import Offer, download

    def confirm(offer: Offer) -> bool:
        tell(offer.sentence)
        if arguments.yes:
            return True
        if not sys.stdin.isatty():
            field, what = "--yes", "nobody can be asked here"
            raise InvalidRequest(field, None, what, "Run it in a terminal, or with --yes.")
        return input("Download it? [y/N] ").strip().lower() in {"y", "yes"}

    with _bar() as progress:
        entry = download(arguments.name, home(arguments.home), confirm=confirm, progress=progress)
    say(f"{entry.id} is ready: {entry.path}")
    return DONE


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error while somebody looks at it, a line for each tenth in a log."""
    if not sys.stderr.isatty():
        told = -1

        def tenth(done: int, total: int) -> None:
            nonlocal told
            share = 10 * done // max(total, 1)
            if share > told:
                told = share
                tell(f"{size(done)} of {size(total)}")

        yield tenth
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("download", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def forget(arguments: argparse.Namespace) -> int:
    """Forget a name."""
    from zimage_lab import models
    from zimage_lab.home import home

    models.remove(arguments.name, place=home(arguments.home))
    say(f"{arguments.name} is forgotten; its weights are where they were.")
    return DONE


def _state(entry: Model) -> str:
    if entry.path is not None:
        return "ready"
    download = entry.card.download_bytes
    return "not on this machine" + ("" if download is None else f" ({size(download)} to download)")


def _model(entry: Model) -> dict[str, Any]:
    card = entry.card
    return {
        "id": card.id,
        "title": card.title,
        "family": card.family,
        "miniature": card.miniature,
        "on_this_machine": entry.path is not None,
        "path": str(entry.path) if entry.path else None,
        "files": {component: str(path) for component, path in entry.parts},
        "hub_id": card.hub_id,
        "revision": card.revision,
        "download_bytes": card.download_bytes,
        "memory_bytes": card.memory_bytes,
        "licence": card.licence,
        "defaults": card.defaults.model_dump(mode="json"),
    }


def _found(one: FoundWeights) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "path": str(one.path),
        "model": one.model_id,
        "loadable": one.loadable,
        "note": one.note,
    }
