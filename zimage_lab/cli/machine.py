"""`zimage-lab models` and `zimage-lab where`: what is on this machine, without loading any of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from zimage_lab.cli.terminal import DONE, say, say_json, size, table

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from zimage_lab.cli.parser import Parser

HOME_HELP = "folder of pictures and records (default: ZIMAGE_LAB_HOME, or the user's data folder)"


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add both commands to the parser."""
    for name, run, text in (
        ("models", models, "list the models and the weights on this machine"),
        ("where", where, "say where pictures, records and settings lie"),
    ):
        parser = groups.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
        parser.set_defaults(run=run, parser=parser)


def models(arguments: argparse.Namespace) -> int:
    """List the catalog, then weights that were found and are not in it."""
    from zimage_lab import models as catalog
    from zimage_lab.home import home

    place = home(arguments.home)
    entries, found = catalog.models(place), catalog.found(place)
    if arguments.json:
        say_json(
            {
                "models": [_model(entry) for entry in entries],
                "found": [
                    {
                        "kind": one.kind,
                        "path": str(one.path),
                        "model": one.model_id,
                        "loadable": one.loadable,
                        "note": one.note,
                    }
                    for one in found
                ],
            }
        )
        return DONE
    rows = []
    for entry in entries:
        card = entry.card
        drawn = f"{card.defaults.width}x{card.defaults.height}, {card.defaults.steps} steps"
        rows.append([card.id, card.title, drawn, "ready" if entry.path else "not on this machine"])
    table(["MODEL", "NAME", "DRAWS", "STATE"], rows)
    others = [one for one in found if one.path not in {entry.path for entry in entries}]
    if others:
        say("")
        table(
            ["FOUND", "BELONGS TO", "WHERE", "NOTE"], [[o.kind, o.model_id or "?", str(o.path), o.note] for o in others]
        )
    return DONE


def _model(entry: Any) -> dict[str, Any]:  # noqa: ANN401 - Model, whose module is imported only when asked for
    card = entry.card
    return {
        "id": card.id,
        "title": card.title,
        "family": card.family,
        "miniature": card.miniature,
        "on_this_machine": entry.path is not None,
        "path": str(entry.path) if entry.path else None,
        "hub_id": card.hub_id,
        "licence": card.licence,
        "defaults": card.defaults.model_dump(mode="json"),
    }


def where(arguments: argparse.Namespace) -> int:
    """Print every place of the home folder, what the pictures take, and the settings that hold."""
    from zimage_lab import home as homes
    from zimage_lab.models import DEFAULT_MODEL

    place = homes.home(arguments.home)
    settings = homes.settings(place)
    quota = settings.disk_quota_gb
    count, taken = _pictures(place / homes.IMAGES)
    facts: dict[str, Any] = {
        "home": str(place),
        "database": str(place / homes.DATABASE),
        "images": str(place / homes.IMAGES),
        "models": str(place / homes.MODELS),
        "run": str(place / homes.RUN),
        "settings": str(place / homes.CONFIG),
        "pictures": count,
        "pictures_bytes": taken,
        "quota_bytes": None if quota is None else int(quota * 1e9),
        "free_bytes": shutil.disk_usage(place).free,
        "default_model": settings.model or DEFAULT_MODEL,
        "device": settings.device or "the best there is",
    }
    if arguments.json:
        say_json(facts)
        return DONE
    table(["WHAT", "WHERE"], [[name, _shown(name, value)] for name, value in facts.items()])
    return DONE


def _shown(name: str, value: Any) -> str:  # noqa: ANN401 - text, a number or nothing
    if name.endswith("_bytes"):
        return "none" if value is None else size(value)
    return "-" if value is None else str(value)


def _pictures(folder: Path) -> tuple[int, int]:
    """Count the pictures and their bytes; one that goes while we look is not counted."""
    count = taken = 0
    for path in folder.rglob("*.png"):
        try:
            taken += path.stat().st_size
        except OSError:
            continue
        count += 1
    return count, taken
