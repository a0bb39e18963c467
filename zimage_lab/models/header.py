"""Looks into a weight file without loading it: what it is, which tensors it holds, and whether all of it came.

Only the header of a safetensors or GGUF file is read, with bounds, before anything is allocated. Whatever else lies
under such a name (a pickle, a web page, a Git LFS pointer, half a download) is told in a sentence.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from zimage_lab.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST = 100_000_000
"""Most bytes of a header; the format's own library stops there, too."""

SAFETENSORS, GGUF = ".safetensors", ".gguf"
_LENGTH = 8
_LONGEST = 2**48
_MOST_NUMBERS_A_BYTE = 2  # the format's smallest type has four bits

_BEGINNINGS = (
    (b"PK\x03\x04", "a pickle of PyTorch's (a zip archive), which could run any program when it is read"),
    (b"\x80\x02", "a pickle, which could run any program when it is read"),
    (b"\x80\x03", "a pickle, which could run any program when it is read"),
    (b"\x80\x04", "a pickle, which could run any program when it is read"),
    (b"\x80\x05", "a pickle, which could run any program when it is read"),
    (b"version https://git-lfs", "a Git LFS pointer, the note that stands for a file that was not fetched"),
    (b"<", "a web page or another markup text, perhaps a login page that was saved in the file's place"),
    (b"{", "a JSON text"),
)
_FIXES = {b"version https://git-lfs": ("Run `git lfs pull` in its folder, or download the file itself.",)}
_PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")

# What the tensors of well-known files are called, to say what somebody has picked. First match wins.
_SIGNS = (
    ("lora", ("lora_A.", "lora_B.", "lora_down.", "lora_up.", ".lora.down", "lokr_w", "hada_w", "lora_unet_")),
    ("a Z-Image transformer", ("cap_embedder.1.weight",)),
    ("a Qwen-Image transformer", ("txt_norm.weight", "transformer_blocks.0.img_mlp")),
    ("a FLUX transformer", ("double_blocks.0.img_attn", "single_transformer_blocks.0.")),
    ("a Stable Diffusion 3 transformer", ("joint_blocks.0.", "context_embedder.weight")),
    (
        "a Stable Diffusion XL checkpoint",
        ("conditioner.embedders.1.", "add_embedding.linear_1", "label_emb.0.0.weight"),
    ),
    (
        "a Stable Diffusion checkpoint",
        ("cond_stage_model.", "input_blocks.1.1.transformer_blocks", "down_blocks.0.attentions"),
    ),
    ("a Qwen text encoder", ("embed_tokens.weight",)),
    ("a T5 text encoder", ("encoder.block.0.layer.0.SelfAttention",)),
    ("a CLIP text encoder", ("text_model.encoder.layers.0",)),
    ("a VAE", ("decoder.conv_in.weight", "decoder.conv1.weight")),
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a weight file says about itself.

    Parameters
    ----------
    path
        The file.
    shapes
        Shape of each tensor by its name; GGUF's are turned into torch's order.
    dtypes
        The file's own names of their types: "BF16", "F8_E4M3", "Q8_0".
    metadata
        Texts by name.
    """

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def numbers(self) -> int:
        """How many numbers the file holds."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def prefix(self, ending: str) -> str | None:
        """Give what stands before a tensor's name, "" where nothing does; None where there is no such tensor."""
        return next((name.removesuffix(ending) for name in self.shapes if name.endswith(ending)), None)

    @property
    def kind(self) -> str:
        """What it is, in words: "a Z-Image transformer", "a LoRA", "a VAE", "weights that are not known here"."""
        for words, signs in _SIGNS:
            if any(sign in name for name in self.shapes for sign in signs):
                return "a LoRA" if words == "lora" else words
        return "weights that are not known here"


def read(path: Path) -> Header:
    """Read the header of a ``.safetensors`` or ``.gguf`` file; an unchanged file is read once.

    Raises
    ------
    ModelLoadError
        The file is missing, unreadable, damaged, cut off, or something else than its name says.
    """
    try:
        status = path.stat()
        if not path.is_file():
            _refuse(path, "is no file")
        return _read(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror or type(error).__name__}). Check the path and the rights."
        raise ModelLoadError(message) from error
    except ValueError as error:  # NUL in a name
        message = f"{path!r} is no path. Give a .safetensors or .gguf file."
        raise ModelLoadError(message) from error


@lru_cache(maxsize=128)
def _read(path: Path, size: int, _modified: int) -> Header:
    with path.open("rb") as file:
        start = file.read(64)
        if start[:4] == b"GGUF":
            return _gguf(path)
        length = int.from_bytes(start[:_LENGTH], "little")
        # A length's own bytes may spell any of those beginnings: 640 is a pickle's, 15392 a web page's.
        if not (length <= LARGEST and start[_LENGTH : _LENGTH + 1] == b"{"):
            for beginning, what in _BEGINNINGS:
                if start.lstrip().startswith(beginning) if beginning in {b"<", b"{"} else start.startswith(beginning):
                    _refuse(path, f"is {what}", *_FIXES.get(beginning, ()))
        if path.suffix.lower() in _PICKLES:
            _refuse(path, "has the name of a pickle")
        if size < _LENGTH:
            _refuse(path, "is empty" if not size else "is cut off", "Download it again.")
        if length < 2 or length > LARGEST:  # noqa: PLR2004 - "{}" is the shortest header
            _refuse(path, f"says that its header has {length} bytes, which no safetensors file has")
        if _LENGTH + length > size:
            _refuse(path, "is cut off inside its header", "Download it again.")
        file.seek(_LENGTH)
        text = file.read(length)
    return _parsed(path, text, size - _LENGTH - length)


def _parsed(path: Path, text: bytes, rest: int) -> Header:
    try:
        entries = json.loads(text)
        metadata = entries.pop("__metadata__", {})
        shapes = {name: tuple(int(edge) for edge in entry["shape"]) for name, entry in entries.items()}
        dtypes = {name: str(entry["dtype"]) for name, entry in entries.items()}
        spans = {name: [int(edge) for edge in entry["data_offsets"]] for name, entry in entries.items()}
        ends = [end for _, end in spans.values()]
        texts = {str(name): str(value) for name, value in metadata.items()}
        damaged = any(not _plausible(shapes[name], begin, end) for name, (begin, end) in spans.items())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError):
        damaged = True
    if damaged:
        _refuse(path, "has a damaged header", "Download it again.")
    needed = max(ends, default=0)
    if needed > rest:
        share = f"{rest / needed:.0%}" if needed else "none"
        _refuse(path, f"is cut off: {share} of its weights came", "Download it again.")
    return Header(path, shapes, dtypes, texts)


def _plausible(shape: tuple[int, ...], begin: int, end: int) -> bool:
    """Whether a tensor's shape can have the bytes that the header gives it: memory is reckoned from shapes."""
    if not 0 <= begin <= end or any(not 0 <= edge <= _LONGEST for edge in shape):
        return False
    return math.prod(shape) <= (end - begin) * _MOST_NUMBERS_A_BYTE


def _gguf(path: Path) -> Header:
    try:
        from gguf import GGUFReader
    except ImportError as error:
        message = f"{path.name} is a GGUF file, which needs one more package. Run `pip install 'zimage-lab[gguf]'`."
        raise ModelLoadError(message) from error
    try:
        reader = GGUFReader(path)
    except Exception as error:  # the reader has no error of its own for a damaged file
        message = f"{path} is a damaged or cut off GGUF file ({type(error).__name__}). Download it again."
        raise ModelLoadError(message) from error
    shapes = {tensor.name: tuple(int(edge) for edge in reversed(tensor.shape)) for tensor in reader.tensors}
    return Header(path, shapes, {tensor.name: tensor.tensor_type.name for tensor in reader.tensors})


def _refuse(path: Path, what: str, fix: str = "Give a .safetensors or .gguf file.") -> NoReturn:
    message = f"{path} {what}. {fix}"
    raise ModelLoadError(message)
