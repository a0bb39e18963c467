"""What a picture tells anybody who has its file: how it was made, in the words of several programs.

Not who asked for it, nor the folders that name a person or a home.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.graph import api_graph, ui_graph

if TYPE_CHECKING:
    from zimage_lab.recipe import RunRecord
    from zimage_lab.request import GenerationRequest

RECIPE = "zimage_lab"  # the PNG text chunk with the run record
PARAMETERS = "parameters"  # the one of Automatic1111, which many programs read
PROMPT = "prompt"  # ComfyUI's, the graph that it runs
WORKFLOW = "workflow"  # and the one that its canvas opens


def texts(record: RunRecord, home: Path | None = None) -> dict[str, str]:
    """Give the text chunks of a picture by their names.

    Parameters
    ----------
    record
        The record as it is kept.
    home
        The home folder, where it is known.
    """
    inside = public_record(record, home)
    asked = inside.request
    told = {
        RECIPE: inside.to_json(),
        PARAMETERS: inside.as_parameters(),
        # In ASCII, so that they become tEXt as ComfyUI's own: a reader of its graphs need not know iTXt.
        PROMPT: json.dumps(api_graph(asked)),
    }
    # A graph of somebody's has no canvas here: ComfyUI lays out the one that it runs.
    return told if asked.workflow is not None else told | {WORKFLOW: json.dumps(ui_graph(asked))}


def public_record(record: RunRecord, home: Path | None = None) -> RunRecord:
    """Give the record as anybody may see it.

    The texts of the prompts stay as the person wrote them. A model's folder under the person's own is told from ``~``,
    from where the same person finds it again; one in the home folder is told by its name.

    Parameters
    ----------
    record
        The record as it is kept.
    home
        The home folder, where it is known.
    """
    model = record.model
    changes: dict[str, Any] = {
        "user": None,
        "request": public_request(record.request, home),
        "model": model.model_copy(update={"id": public_name(model.id, home)}),
        "error": None if record.error is None else public_sentence(record.error, home),
        "warnings": [public_sentence(warning, home) for warning in record.warnings],
    }
    changes = {name: value for name, value in changes.items() if value != getattr(record, name)}
    return record.replace(**changes) if changes else record


def public_request(asked: GenerationRequest, home: Path | None = None) -> GenerationRequest:
    """Give a request as anybody may see it: its model and LoRAs as `public_name` tells them."""
    told = public_name(asked.model, home)
    loras = tuple(one.model_copy(update={"name": public_name(one.name, home)}) for one in asked.loras)
    # A replaced request has every letter looked at again.
    return asked if (told, loras) == (asked.model, asked.loras) else asked.replace(model=told, loras=loras)


def public_name(name: str, home: Path | None = None) -> str:
    """Tell a model's or LoRA's path without the folders above it that are private; other names are left as they are."""
    text = os.path.expanduser(name)  # noqa: PTH111 - Path's raises for "~nobody"
    if not os.path.isabs(text) and os.pardir not in Path(text).parts:  # noqa: PTH117 - as above, on the same text
        return name
    path = Path(os.path.abspath(text))  # noqa: PTH100 - without ".." and without a look at links
    for own in _own():
        if path.is_relative_to(own):
            return (Path("~") / path.relative_to(own)).as_posix()
    if home is not None and any(path.is_relative_to(place) for place in (home, home.resolve())):
        return path.name
    return name


def public_sentence(sentence: str, home: Path | None = None) -> str:
    """Give a sentence without the folders of a person or of a home."""
    for own in _own():
        sentence = sentence.replace(str(own), "~")
    for place in () if home is None else (home, home.resolve()):
        sentence = sentence.replace(str(place), "the home folder")
    return sentence


def _own() -> list[Path]:
    """List the person's own folder, as it is named and as it is; none where nobody has one."""
    try:
        own = Path.home()
    except RuntimeError:
        return []
    return [place for place in (own, own.resolve()) if place != Path(place.anchor)]
