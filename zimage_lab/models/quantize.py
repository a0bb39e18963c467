"""Half the bytes for the transformer, where a person asks for it: float8 weights by torchao, named in every record.

Lossy. On an NVIDIA GPU of compute capability 8.9 and more (RTX 40, H100) activations are float8, too, and matrices
multiply about twice as fast; on others and on the CPU only the weights are, which saves memory and no time.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest
from zimage_lab.models.header import GGUF

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from zimage_lab.models.catalog import Model
    from zimage_lab.models.memory import Policy

QUANTIZED = "transformer"

SHARE = 0.52
"""Bytes of the quantized transformer per byte of the bfloat16 one: embedders and modulation stay as they are."""

_LAYERS = (".attention.", ".feed_forward.")
_MULTIPLE = 16  # of both edges of a matrix, for the float8 kernels
_FAST = (8, 9)
_FIELD = "quantization"


def check(device: str, policy: Policy, model: Model) -> None:
    """Refuse what float8 cannot be combined with, before anything is loaded.

    Parameters
    ----------
    device
        As torch names it.
    policy
        What stays on the device.
    model
        Whose weights they are.

    Raises
    ------
    InvalidRequest
        torchao is not installed, or device, policy or weights do not go with float8.
    """
    back = 'or set quantization = "none" in config.toml.'
    if importlib.util.find_spec("torchao") is None:
        fix = f"Install it with `pip install 'zimage-lab[fp8]'`, {back}"
        raise InvalidRequest(_FIELD, "fp8", "fp8 needs the package torchao, which is not installed", fix)
    if not device.startswith(("cuda", "cpu")):
        raise InvalidRequest(_FIELD, "fp8", f"{device} has no numbers of eight bits", f"Use another device, {back}")
    if any(name == QUANTIZED and path.suffix == GGUF for name, path in model.parts):
        what = f"the weights of {model.id} are quantized already, as GGUF"
        raise InvalidRequest(_FIELD, "fp8", what, f"Take other files, {back}")
    if policy == "small":
        what = "float8 layers cannot be streamed, as the memory policy small would"
        raise InvalidRequest(_FIELD, "fp8", what, f'Set memory = "balanced", {back}')


def sizes(component_bytes: Mapping[str, int], number: int) -> dict[str, int]:
    """Give the bytes of the components after quantizing.

    Parameters
    ----------
    component_bytes
        Bytes by component before.
    number
        Bytes of a number of the transformer before.
    """
    whole = component_bytes.get(QUANTIZED)  # another family has none, and stays as it is
    return dict(component_bytes) if whole is None else {**component_bytes, QUANTIZED: int(whole * SHARE * 2 / number)}


def quantize(transformer: Any, device: str) -> str:  # noqa: ANN401 - a torch module
    """Quantize the large matrices of a Z-Image transformer, one after the other on the device.

    Parameters
    ----------
    transformer
        On the host or the device; its other layers stay where they are.
    device
        As torch names it.

    Returns
    -------
    str
        What was done, for the record.
    """
    import torch
    import torchao
    from torchao.quantization import (
        Float8DynamicActivationFloat8WeightConfig,
        Float8WeightOnlyConfig,
        PerRow,
        quantize_,
    )

    fast = device.startswith("cuda") and torch.cuda.get_device_capability(device) >= _FAST
    config = Float8DynamicActivationFloat8WeightConfig(granularity=PerRow()) if fast else Float8WeightOnlyConfig()
    quantize_(transformer, config, filter_fn=_large, device=device)
    return f"fp8 {'weights and activations' if fast else 'weights'} (torchao {torchao.__version__})"


def stored(parameter: torch.Tensor) -> int:
    """Tell the bytes that a parameter takes; a quantized one tells the size of what it stands for by itself."""
    flatten = getattr(parameter, "__tensor_flatten__", None)
    if flatten is None:
        return parameter.numel() * parameter.element_size()
    return sum(stored(getattr(parameter, name)) for name in flatten()[0])


def _large(module: torch.nn.Module, name: str) -> bool:
    import torch

    return (
        isinstance(module, torch.nn.Linear)
        and any(part in name for part in _LAYERS)
        and module.in_features % _MULTIPLE == 0
        and module.out_features % _MULTIPLE == 0
    )
