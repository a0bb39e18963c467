"""What a program with a token may not name: files of this machine, and pictures of somebody else.

A person at the lab may give a model or a LoRA by its path. A client of the HTTP interface is no such person: it chooses
among what the lab knows by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.errors import InvalidRequest, UnknownModel, shown
from zimage_lab.store import inputs, names

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.api.identity import Identity
    from zimage_lab.store.names import Names

_PLAIN = re.compile(r"[\w.-]+( [\w.-]+)*", re.ASCII)
_FILES = ("lora_name", "unet_name", "clip_name", "vae_name", "ckpt_name")
_FOLDERED = re.compile(r"[\w. -]+([/\\][\w. -]+)?", re.ASCII)  # ComfyUI's lists name one folder
_PICTURES = {"LoadImage", "LoadImageMask"}
_MARK = re.compile(r" \[(input|output|temp)\]$")


def check_model(name: object, identity: Identity, home: Path) -> None:
    """Refuse a model that is not in the catalog.

    Raises
    ------
    UnknownModel
        It is none of the lab's, or it is a path.
    """
    if identity.everything or name is None or name == models.DEFAULT_MODEL:
        return
    known = {known for one in models.models(home) for known in (one.id, one.card.hub_id) if known}
    if name not in known:
        raise UnknownModel(name, sorted(known))


def check_loras(loras: object, identity: Identity) -> None:
    """Refuse a LoRA that is given by a path.

    Raises
    ------
    InvalidRequest
        One is.
    """
    for one in loras if isinstance(loras, list | tuple) and not identity.everything else ():
        name = one.get("name") if isinstance(one, dict) else one[0] if isinstance(one, list) and one else one
        if not isinstance(name, str) or not _PLAIN.fullmatch(name) or ".." in name:
            field = "loras"
            raise InvalidRequest(
                field, name, f"{shown(name)} is no plain name", "Name a file in the lab's loras folder."
            )


def check_graph(graph: dict[str, Any], identity: Identity) -> None:
    """Refuse a graph that names a file by a path.

    Raises
    ------
    InvalidRequest
        It does.
    """
    for node in graph.values() if not identity.everything else ():
        given = node.get("inputs") if isinstance(node, dict) else None
        for field, value in given.items() if isinstance(given, dict) else ():
            if field not in _FILES:
                continue
            if isinstance(value, str) and (not _FOLDERED.fullmatch(value) or ".." in value):
                raise InvalidRequest(field, value, f"{shown(value)} is no plain name", "Choose one of object_info's.")


def pictures_of(graph: dict[str, Any], identity: Identity, known: Names) -> dict[str, str]:
    """Give the uploads that a graph loads: name, and the stored picture's SHA-256.

    Raises
    ------
    InvalidRequest
        It loads a picture that its owner did not upload.
    """
    found: dict[str, str] = {}
    for node in graph.values():
        kind, given = (node.get("class_type"), node.get("inputs")) if isinstance(node, dict) else (None, None)
        name = given.get("image") if kind in _PICTURES and isinstance(given, dict) else None
        if isinstance(name, str):
            digest = uploaded(name, identity, known)
            if digest is not None:
                found[name] = digest
            elif not identity.everything:
                field, what = "image", f"{shown(name)} is no picture that you uploaded"
                raise InvalidRequest(field, name, what, "Give it to /upload/image first.")
    return found


def uploaded(name: str, identity: Identity, known: Names) -> str | None:
    """Give the SHA-256 of an upload by its name, with its subfolder or without; None where there is none."""
    subfolder, _, plain = _MARK.sub("", name).rpartition("/")
    target = known.find(identity.owner, "input", subfolder, plain)
    return None if target is None else target.removeprefix(names.STORED)


def check_picture(field: str, value: object, identity: Identity, known: Names) -> object:
    """Give the stored picture that a request names: an upload's name, or for a person any stored one's SHA-256.

    Raises
    ------
    InvalidRequest
        There is none of the owner's.
    """
    if value is None:
        return None
    digest = uploaded(value, identity, known) if isinstance(value, str) else None
    if digest is not None:
        return digest
    if identity.everything and isinstance(value, str) and inputs.HASH.fullmatch(value):
        return value
    raise InvalidRequest(field, value, f"{shown(value)} is no picture that you uploaded", "Give it to /upload/image.")
