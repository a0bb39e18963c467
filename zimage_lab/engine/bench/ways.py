"""Two ways from a request to a PNG on the disk: the engine's own, and diffusers' pipeline as its manual shows it."""

from __future__ import annotations

import copy
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zimage_lab.engine import together
from zimage_lab.engine.bench.device import synchronise
from zimage_lab.models.tokens import TEMPLATE
from zimage_lab.recipe import bare_record, now
from zimage_lab.store import images

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import Image

    from zimage_lab.engine.families import Family
    from zimage_lab.request import GenerationRequest

STAGES = ("text_encoder", "denoise", "decode", "save")


@dataclass(slots=True)
class Sample:
    """Pictures that were made once.

    Parameters
    ----------
    seconds
        Of each stage, over all the pictures.
    pictures
        What came out, in the order of the requests.
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    pictures: list[Image.Image] = field(default_factory=list)

    @property
    def total(self) -> float:
        """Seconds from the requests to the last file."""
        return sum(self.seconds.values())


class _Clock:
    """Gives each stage the time since the stage before."""

    def __init__(self, sample: Sample, device: str) -> None:
        self._sample, self._device = sample, device
        synchronise(device)
        self._last = time.perf_counter()

    def stage(self, name: str) -> None:
        """Count the time since the last call for this stage."""
        synchronise(self._device)
        tick = time.perf_counter()
        self._sample.seconds[name] += tick - self._last
        self._last = tick


class Ours:
    """The engine's way: the family's four verbs, in batches as the engine forms them, and the engine's PNG.

    Parameters
    ----------
    family
        The loaded model.
    """

    name = "zimage_lab"

    def __init__(self, family: Family) -> None:
        self._family = family

    def make(self, requests: Sequence[GenerationRequest], folder: Path) -> Sample:
        """Make the pictures of requests that differ in prompt and seed alone, and write them."""
        family, sample = self._family, Sample()
        clock = _Clock(sample, family.device)
        size = together.most(requests[0], family.device)
        for start in range(0, len(requests), size):
            batch = requests[start : start + size]
            features = family.encode(batch)
            clock.stage("text_encoder")
            latents = family.denoise(batch, features, family.noise(batch), lambda *_: None)
            clock.stage("denoise")
            pictures = family.decode(latents)
            clock.stage("decode")
            for request, picture in zip(batch, pictures, strict=True):
                record = bare_record(request, "succeeded", job_id=str(uuid.uuid4()), created_at=now())
                images.write_whole(folder / f"{record.id}.png", images.png(picture, record))
            clock.stage("save")
            sample.pictures += pictures
        return sample


class Diffusers:
    """`ZImagePipeline` over the same modules, eager, and `save` of the picture that it gives.

    Its stages are told apart by hooks on the modules that they end with.

    Parameters
    ----------
    family
        The loaded model, whose weights are used.
    together
        Whether many pictures go through one call; else each is a call of its own.
    """

    def __init__(self, family: Family, *, together: bool = False) -> None:
        from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline
        from transformers import PreTrainedTokenizerFast

        self.name = "ZImagePipeline, one call" if together else "ZImagePipeline"
        self._device, self._together = family.device, together
        self._shift = family.model.card.defaults.shift
        modules = family.modules
        before, after = TEMPLATE.split("{}")
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(family.model.folder / "tokenizer" / "tokenizer.json"),
            pad_token="<|endoftext|>",  # noqa: S106 - a token of text
            chat_template=f"{{{{ {before!r} + messages[0]['content'] + {after!r} }}}}",
        )
        vae = modules["vae"]
        if family.device != "mps":  # the engine turns its own to channels_last, which is not the pipeline's doing
            import torch

            vae = copy.deepcopy(vae).to(memory_format=torch.contiguous_format)
        self._scheduler = FlowMatchEulerDiscreteScheduler
        self._pipeline = ZImagePipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(shift=self._shift),
            vae=vae,
            text_encoder=modules["text_encoder"],
            tokenizer=tokenizer,
            transformer=modules["transformer"],
        )
        self._pipeline.set_progress_bar_config(disable=True)

    def make(self, requests: Sequence[GenerationRequest], folder: Path) -> Sample:
        """Make the pictures of requests that differ in prompt and seed alone, and write them."""
        sample = Sample()
        clock = _Clock(sample, self._device)
        calls = [requests] if self._together else [[request] for request in requests]
        for batch in calls:
            pictures = self._call(batch, clock)
            clock.stage("decode")
            for number, picture in enumerate(pictures):
                picture.save(folder / f"diffusers-{len(sample.pictures) + number}.png")
            clock.stage("save")
            sample.pictures += pictures
        return sample

    def _call(self, batch: Sequence[GenerationRequest], clock: _Clock) -> list[Image.Image]:
        import torch

        first, pipeline = batch[0], self._pipeline
        pipeline.scheduler = self._scheduler(shift=self._shift if first.shift is None else first.shift)
        guided: dict[str, Any] = {}
        if first.guidance_scale > 0:
            guided["negative_prompt"] = [request.negative_prompt for request in batch]
        with ExitStack() as hooks:
            _on_call(hooks, pipeline.text_encoder, 2 if guided else 1, lambda: clock.stage("text_encoder"))
            _on_call(hooks, pipeline.transformer, first.steps, lambda: clock.stage("denoise"))
            pictures: list[Image.Image] = pipeline(
                prompt=[request.prompt for request in batch],
                width=first.width,
                height=first.height,
                num_inference_steps=first.steps,
                guidance_scale=first.guidance_scale,
                generator=[torch.Generator("cpu").manual_seed(request.seed) for request in batch],
                **guided,
            ).images
        return pictures


def _on_call(hooks: ExitStack, module: Any, number: int, act: Any) -> None:  # noqa: ANN401 - a module and a function
    """Act after a module's call of this number, from 1."""
    calls: list[int] = []

    def count(*_: object) -> None:
        calls.append(1)
        if len(calls) == number:
            act()

    hooks.callback(module.register_forward_hook(count).remove)
