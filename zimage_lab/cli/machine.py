"""`zimage-lab where`: where everything lies, and what it takes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from zimage_lab.cli.terminal import DONE, say_json, size, table

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from zimage_lab.cli.parser import Parser

HOME_HELP = "folder of pictures and records (default: ZIMAGE_LAB_HOME, or the user's data folder)"


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    text = "say where pictures, records and settings lie"
    parser = groups.add_parser("where", help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    parser.set_defaults(run=where, parser=parser)


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
        "memory": settings.memory,
        "memory_budget_bytes": None if settings.memory_gb is None else int(settings.memory_gb * 1e9),
        "quantization": settings.quantization,
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
