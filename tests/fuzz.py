"""Bytes that grow towards whatever breaks a reader: `python tests/fuzz.py graph|picture|weights [SECONDS]`.

Needs `pip install atheris`. A reader may refuse with an error of ours; anything else is a finding, whose bytes are
written beside the running command as `crash-*`.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import atheris
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save

with atheris.instrument_imports(include=["zimage_lab", "sd_parsers", "PIL.PngImagePlugin"]):
    from zimage_lab import picture_recipe
    from zimage_lab.errors import ZImageError
    from zimage_lab.models import header
    from zimage_lab.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60
HERE = Path(__file__).parent
KEYS = ("prompt", "workflow", "parameters", "zimage_lab", "Comment", "invokeai_metadata")
WEIGHTS = Path(tempfile.mkdtemp()) / "fuzzed.safetensors"


def graph(data: bytes) -> None:
    """Read and check a workflow, as JSON or inside of a PNG."""
    Workflow.load(data).validate()


def picture(data: bytes) -> None:
    """Read the recipe of a picture whose chunk, named by the first byte, holds the rest."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt(KEYS[data[0] % len(KEYS)] if data else KEYS[0], data[1:].decode("utf-8", "replace"))
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG", pnginfo=info)
    picture_recipe.read(buffer.getvalue(), "fuzzed.png")
    picture_recipe.read(data, "fuzzed.png")


def weights(data: bytes) -> None:
    """Read the header of a weight file."""
    WEIGHTS.write_bytes(data)
    header._read.cache_clear()
    found = header.read(WEIGHTS)
    assert found.numbers >= 0
    assert found.kind


TARGETS: dict[str, Callable[[bytes], None]] = {"graph": graph, "picture": picture, "weights": weights}


def seeds(name: str, folder: Path) -> None:
    """Write what the bytes grow from."""
    article = (HERE / "article_workflow.json").read_bytes()
    tensors = {"a.weight": torch.zeros(2, 3), "b.bias": torch.zeros(4, dtype=torch.bfloat16)}
    found = {
        "graph": [article],
        "picture": [bytes([number]) + article for number in range(2)] + [b"\x02a cat\nSteps: 20, Seed: 1, Size: 64x64"],
        "weights": [save(tensors), save(tensors, {"format": "pt"}), b"GGUF\x03\0\0\0" + bytes(64)],
    }
    for number, data in enumerate(found[name]):
        (folder / str(number)).write_bytes(data)


def main() -> None:
    """Fuzz one reader for a while."""
    name, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    target = TARGETS[name]

    def once(data: bytes) -> None:
        with contextlib.suppress(ZImageError):
            target(data)

    corpus = Path(tempfile.mkdtemp())
    seeds(name, corpus)
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=20000", "-timeout=10", str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
