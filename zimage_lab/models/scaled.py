"""float8 weights with a scale each, as ComfyUI stores them: told from the header, multiplied out when they are read.

A layer's ``weight`` in float8 stands for weight x ``weight_scale`` (an older writer says ``scale_weight``), where the
scale is one number or one a row. What is left in such a file serves the kernels of ComfyUI. Block-wise formats (nvfp4,
mxfp8, int8 with rotations) need those kernels and are refused.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from zimage_lab.errors import ModelLoadError

if TYPE_CHECKING:
    import torch

    from zimage_lab.models.header import Header

_SCALE = re.compile(r"\.(weight_scale|scale_weight)$")
_KERNELS = re.compile(r"(\.(comfy_quant|input_scale|scale_input)|(^|\.)scaled_fp8)$")
_FURTHER = re.compile(r"\.(weight_scale_2|weight_s_rel|weight_s_channel|weight_codebook|weight_zero_point)$")
_MARK = ".comfy_quant"
_FLOAT8 = {"F8_E4M3", "F8_E5M2"}
_FLOATS = {"F32", "BF16", "F16"}


def usable(found: Header) -> bool:
    """Whether every scaled tensor of a file can be multiplied out; true where there is none."""
    shapes, dtypes = found.shapes, found.dtypes
    for name in shapes:
        if _FURTHER.search(name):
            return False
        if name.endswith(_MARK) and dtypes.get(name.removesuffix(_MARK) + ".weight") not in _FLOAT8:
            return False
        if _SCALE.search(name):
            weight = _SCALE.sub(".weight", name)
            rows = shapes.get(weight, (0,))[:1]
            fitting = math.prod(shapes[name]) == 1 or shapes[name] in {rows, (*rows, 1)}
            if not fitting or dtypes.get(weight) not in _FLOAT8 or dtypes[name] not in _FLOATS:
                return False
    return True


def refuse(found: Header) -> None:
    """Refuse weights whose scales cannot be multiplied out.

    Raises
    ------
    ModelLoadError
        They cannot.
    """
    if not usable(found):
        message = (
            f"{found.path} is quantized in a way that only ComfyUI's kernels read, such as nvfp4 or int8. "
            "Get it in bfloat16, in float8, or as GGUF; `zimage-lab models` says what is here."
        )
        raise ModelLoadError(message)


def multiplied(tensors: dict[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Multiply weights by their scales, and leave out what only the kernels need.

    Parameters
    ----------
    tensors
        By name; without any scale they come back as they are.
    dtype
        Of the products.
    """
    import torch

    scales = {_SCALE.sub(".weight", name): value for name, value in tensors.items() if _SCALE.search(name)}
    result: dict[str, torch.Tensor] = {}
    for name, value in tensors.items():
        if _SCALE.search(name) or _KERNELS.search(name):
            continue
        if name in scales:
            scale = scales[name].to(torch.float32).reshape(-1, *[1] * (value.ndim - 1))
            result[name] = (value.to(torch.float32) * scale).to(dtype)
        else:
            result[name] = value
    return result
