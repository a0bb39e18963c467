"""Reads the weights of the Z-Image family, from whatever files they are in, with the libraries' own loaders.

A folder in diffusers' layout; single files of one component each, as ComfyUI has them; one file of all components;
GGUF. Configs and tokenizer come from the model's folder or from the base that the files belong to: nothing is asked of
any network, and nothing but safetensors and GGUF is read.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import ModelLoadError
from zimage_lab.models import bases, header, scaled
from zimage_lab.models.bases import TEXT, TRANSFORMER, VAE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import torch

    from zimage_lab.models.catalog import Model

_LOCAL: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "output_loading_info": True}
_FLOAT32 = 4


def component_bytes(model: Model, number: int) -> dict[str, int]:
    """Tell how many bytes of memory each component will take, from the headers of its files.

    Parameters
    ----------
    model
        A model that is on this machine.
    number
        Bytes of a number of the transformer and the text encoder; the VAE is always in float32.
    """
    sizes, parts = {TRANSFORMER: number, TEXT: number, VAE: _FLOAT32}, dict(model.parts)
    told = {}
    for name, size in sizes.items():
        path = parts.get(name)
        if path is None:  # the folder's, or those of the base that goes with single files
            numbers = sum(header.read(file).numbers for file in (model.folder / name).glob("*.safetensors"))
            told[name] = size * numbers
        else:
            told[name] = path.stat().st_size if path.suffix == header.GGUF else _bytes(path, name, size)
    return told


def _bytes(path: Path, component: str, number: int) -> int:
    return bases.count(header.read(path), component) * number


def modules(model: Model, *, device: str, dtype: torch.dtype) -> dict[str, Any]:
    """Read the weights to the device; gives text_encoder, transformer and vae in eval mode.

    Parameters
    ----------
    model
        A model that is on this machine.
    device, dtype
        As torch names them. The VAE stays in float32: in half precision it shows bands in the sky, and it is small.

    Raises
    ------
    ModelLoadError
        The files are damaged, incomplete, or hold something else.
    """
    import torch

    parts = dict(model.parts)
    try:
        with quiet():
            read = {
                TEXT: _text_encoder(model, parts.get(TEXT), dtype).to(device),
                TRANSFORMER: _transformer(model, parts.get(TRANSFORMER), device, dtype),
                VAE: _vae(model, parts.get(VAE), device),
            }
    except (MemoryError, torch.OutOfMemoryError, ModelLoadError):
        raise
    except NotImplementedError as error:  # "Cannot copy out of meta tensor": no file gave it a value
        raise _lacks(model, "some tensors") from error
    except Exception as error:  # each library has errors of its own for a damaged file
        name = (model.path or model.folder).name
        message = f"The weights of {model.id} cannot be read: {error}. Check or replace {name}."
        raise ModelLoadError(message) from error
    for module in read.values():
        module.eval()
    return read


def complete(model: Model, loaded: tuple[Any, dict[str, Any]]) -> Any:  # noqa: ANN401 - a module
    """Give a module that every tensor came for; the libraries make up the others."""
    module, told = loaded
    absent = sorted(told["missing_keys"])
    if absent:
        raise _lacks(model, f"{len(absent)} tensors, such as {absent[0]}")
    return module


def _lacks(model: Model, what: str) -> ModelLoadError:
    return ModelLoadError(f"The weights of {model.id} lack {what}. Get the files again.")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' bars and remarks back: the engine's own events say that a model is loading."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    every: tuple[Any, ...] = (diffusers_logging, transformers_logging)
    before = [(one, one.get_verbosity(), one.is_progress_bar_enabled()) for one in every]
    for one in every:
        one.set_verbosity_error()  # transformers prints a table of tensors that are of no use here
        one.disable_progress_bar()
    try:
        yield
    finally:
        for one, verbosity, bar in before:
            one.set_verbosity(verbosity)
            if bar:
                one.enable_progress_bar()


def _transformer(model: Model, path: Path | None, device: str, dtype: torch.dtype) -> Any:  # noqa: ANN401 - a module
    from diffusers import ZImageTransformer2DModel

    if path is None:
        loaded = ZImageTransformer2DModel.from_pretrained(model.folder, subfolder=TRANSFORMER, dtype=dtype, **_LOCAL)
        return complete(model, loaded).to(device)
    options: dict[str, Any] = {"config": str(model.folder), "subfolder": TRANSFORMER, "local_files_only": True}
    if path.suffix == header.GGUF:
        from diffusers import GGUFQuantizationConfig

        quantized = GGUFQuantizationConfig(compute_dtype=dtype)
        return ZImageTransformer2DModel.from_single_file(
            str(path), quantization_config=quantized, dtype=dtype, **options
        ).to(device)
    return ZImageTransformer2DModel.from_single_file(
        _tensors(path, TRANSFORMER, dtype), dtype=dtype, device=device, **options
    )


def _vae(model: Model, path: Path | None, device: str) -> Any:  # noqa: ANN401 - a module
    import torch
    from diffusers import AutoencoderKL

    if path is None:
        loaded = AutoencoderKL.from_pretrained(model.folder, subfolder=VAE, **_LOCAL)
        return complete(model, loaded).float().to(device)
    return AutoencoderKL.from_single_file(
        _tensors(path, VAE, torch.float32),
        config=str(model.folder),
        subfolder=VAE,
        dtype=torch.float32,
        device=device,
        local_files_only=True,
    )


def _text_encoder(model: Model, path: Path | None, dtype: torch.dtype) -> Any:  # noqa: ANN401 - a module
    from transformers import Qwen3Config, Qwen3Model

    if path is None:
        return complete(model, Qwen3Model.from_pretrained(model.folder, subfolder=TEXT, dtype=dtype, **_LOCAL))
    config = Qwen3Config.from_pretrained(model.folder, subfolder=TEXT, local_files_only=True)
    tensors = _tensors(path, TEXT, dtype)
    return complete(
        model,
        Qwen3Model.from_pretrained(None, config=config, state_dict=tensors, dtype=dtype, output_loading_info=True),
    )


def _tensors(path: Path, component: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Open a component's tensors by their own names; they are read from the disk when they are used."""
    from safetensors import safe_open

    found = header.read(path)
    scaled.refuse(found)
    with safe_open(path, framework="pt") as file:
        tensors = {own: file.get_tensor(name) for own, name in bases.named(found, component)}
    return scaled.multiplied(tensors, dtype)
