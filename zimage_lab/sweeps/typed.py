"""A sweep as it is typed, in the shell or behind the magic: what the texts of its options mean."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.options import SWEEP_AXES, SWEEP_VERBS, files, loras, number, whole
from zimage_lab.sweeps.plan import LIMIT
from zimage_lab.sweeps.reading import REAL, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zimage_lab.sweeps.sweep import Sweep

COMMAS = frozenset({"model", "sampler", "scheduler", "noise"})
"""Fields of whose texts none has a comma: several stand in one, too."""

FLAGS = {"yes": True, "true": True, "no": False, "false": False}
NONE = "none"


def asked(prompts: Sequence[str], given: Mapping[str, Any]) -> tuple[str | list[str], dict[str, Any]]:
    """Give the prompt and the options as `sweeps.start` takes them.

    Parameters
    ----------
    prompts
        One prompt, or several, which are an axis.
    given
        Texts by the options' names, as argparse gives them; None, or a list for each axis.

    Raises
    ------
    InvalidRequest
        A text cannot be read.
    """
    _refuse_slips(prompts)
    options: dict[str, Any] = {}
    for option in SWEEP_AXES:
        texts = given.get(option.name)
        if texts:
            options["prompt_replace" if option.name == "replace" else option.name] = _read(option.name, texts)
    options |= {"name": given.get("name"), "wildcards": bool(given.get("wildcards"))}
    options["limit"] = None if given.get("no_limit") else LIMIT
    return (prompts[0] if len(prompts) == 1 else list(prompts)), options


def _refuse_slips(prompts: Sequence[str]) -> None:
    """Refuse a prompt without its quotes, which would be one prompt a word, and a verb that is mistyped."""
    words = [text for text in prompts if text.isascii() and len(text.split()) == 1]
    field = "prompt"
    if len(prompts) > 1 and len(words) == len(prompts):
        what = f"{' '.join(prompts[:3])!r} came as {len(prompts)} prompts of one word"
        raise InvalidRequest(field, list(prompts), what, "Put quotes around a prompt of several words.")
    close = get_close_matches(prompts[0].lower(), SWEEP_VERBS, n=1, cutoff=0.75) if words == list(prompts) else []
    if close:
        what, fix = (
            f"{shown(prompts[0])} is close to a command",
            f"Did you mean {close[0]!r}? Or give more of a prompt.",
        )
        raise InvalidRequest(field, prompts[0], what, fix)


def in_typed_words(error: InvalidRequest) -> InvalidRequest:
    """Give the error with the options as they are typed."""
    if error.field == "limit" and "limit=" in error.fix:
        return InvalidRequest("sweep", error.value, error.what, f"{error.fix.partition(': limit=')[0]}: --no-limit.")
    if error.field == "name" and "Sweep.load(" in error.fix:
        return InvalidRequest("--name", error.value, error.what, "Choose another name, or resume that one.")
    if error.field == "prompt_replace":
        return InvalidRequest("--replace", error.value, error.what, error.fix)
    return error


def checked_places(given: Mapping[str, Any]) -> list[str]:
    """Look whether what shall be written can be, before a picture is made for it; gives the names.

    Raises
    ------
    InvalidRequest
        A name has the wrong ending, or lies in no folder.
    """
    from zimage_lab.sweeps.saving import PAGES, checked

    found = []
    for name in ("sheet", "page", "folder"):
        text = given.get(name)
        if text is None:
            continue
        place = checked(text.rstrip("/") + "/" if name == "folder" and text.strip() else text)
        is_page = place.suffix.lower() in PAGES
        if name != "folder" and is_page != (name == "page"):
            fix = "Let it end in .html." if name == "page" else "Let it end in .png, .jpg or .webp."
            field, what = f"--{name}", f"{shown(place.name)} is another kind of file"
            raise InvalidRequest(field, text, what, fix)
        found.append(f"{place}/" if name == "folder" else str(place))
    return found


def own_sheet(sweep: Sweep) -> str:
    """Name a contact sheet in the working folder, where nobody said a name: never one that is another thing's."""
    from zimage_lab.store.file_names import FreeNames, safe
    from zimage_lab.sweeps import inside

    names = FreeNames()
    while (place := Path(names.next_free(safe(sweep.name)))).exists():
        try:
            if inside.read(place).id == sweep.id:
                break
        except InvalidRequest:
            continue
    return str(place.absolute())


def write(sweep: Sweep, places: Sequence[str], given: Mapping[str, Any]) -> list[Any]:
    """Write what was asked for; gives what `Sweep.save` gives for each."""
    sides: dict[str, Any] = {name: given.get(name) for name in ("columns", "rows")}
    return [sweep.save(place, **({} if place.endswith("/") else sides)) for place in places]


def _read(name: str, texts: Sequence[str]) -> Any:  # noqa: ANN401 - what the axis takes
    if name == "replace":
        return _replacements(texts)
    if name == "size":
        return ", ".join(texts)
    if name in WHOLE | REAL | {"seeds"}:
        # A plain number is one value, whatever else is a notation: the sweep reads it.
        read: Callable[[str], Any] = whole if name in WHOLE | {"seeds"} else number
        return read(texts[0].strip()) if len(texts) == 1 else ", ".join(texts)
    if name in {"loras", "reference_images"}:
        split: Callable[[str], Sequence[object]] = loras if name == "loras" else files
        every = [[] if text.strip() == NONE else list(split(text)) for text in texts]
        return every[0] if len(every) == 1 else every
    values: list[Any] = list(texts)
    if name in COMMAS:
        values = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    elif name == "truncate":
        values = [FLAGS.get(text.strip().lower(), text) for text in texts]
    return values[0] if len(values) == 1 else values


def _replacements(texts: Sequence[str]) -> dict[str, list[str]]:
    """Read "cat=dog,fish", or "cat,dog,fish" as grids elsewhere write it."""
    found: dict[str, list[str]] = {}
    for text in texts:
        needle, equals, rest = text.partition("=") if "=" in text else text.partition(",")
        needle = needle.strip()
        if not equals or not needle:
            field = "--replace"
            raise InvalidRequest(field, text, f"{shown(text)} says nothing to replace", 'Write "cat=dog,fish".')
        found.setdefault(needle, []).extend(part.strip() for part in rest.replace("，", ",").split(","))
    return found
