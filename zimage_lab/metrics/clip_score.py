"""How well a picture fits its prompt by CLIP's eyes, where somebody has a CLIP model on the disk.

The score is that of Hessel et al. 2021 ("CLIPScore: A Reference-free Evaluation Metric for Image Captioning") without
its factor of 2.5: 100 times the cosine of picture and text, and 0 where that is negative. It reads English; what it
says of Chinese prompts means little, and it hardly counts or tells left from right.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from PIL import Image

FIELD = "clip"


def checked(folder: str | os.PathLike[str]) -> Path:
    """Give the folder where it holds a whole CLIP model with safetensors.

    Raises
    ------
    InvalidRequest
        It does not.
    """
    place = Path(folder).expanduser().absolute()
    try:
        kind = json.loads((place / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError):
        kind = None
    if kind != "clip" or not any(place.glob("*.safetensors")):
        fix = "Give the folder of a CLIP model as transformers saves it, with config.json and model.safetensors."
        raise InvalidRequest(FIELD, str(place), "is no folder of a CLIP model", fix)
    return place


class Clip:
    """Scores pictures, on the CPU: it must not take the device from whoever draws.

    Parameters
    ----------
    folder
        As `checked` gives it.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

        self._model: Any = CLIPModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._processor: Any = CLIPImageProcessor.from_pretrained(folder, local_files_only=True)

    def scores(self, pictures: Sequence[Image.Image], prompts: Sequence[str]) -> list[float]:
        """Score pictures, each against its prompt; what a prompt has beyond CLIP's 77 tokens is not read."""
        import torch

        found = []
        with torch.inference_mode():
            for picture, prompt in zip(pictures, prompts, strict=True):
                text = self._tokenizer([prompt], truncation=True, return_tensors="pt")
                pixels = self._processor(images=picture, return_tensors="pt")
                made = self._model(**text, **pixels)
                found.append(100 * max(0.0, float(torch.cosine_similarity(made.text_embeds, made.image_embeds))))
        return found
