"""Nodes that take the steps from noise to latents.

Noise of a batch is drawn at once from one seed on the CPU, as ComfyUI does; cfg 1 leaves the negative out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.engine.families import samplers
from zimage_lab.engine.families import sigmas as schedules
from zimage_lab.errors import InvalidRequest
from zimage_lab.request import SAMPLERS, SCHEDULERS, SEED_RANGE
from zimage_lab.workflow.node import Input, Node, Output, Within
from zimage_lab.workflow.values import LatentValue

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from zimage_lab.workflow.running import Run
    from zimage_lab.workflow.values import Conditioning, ModelValue

MOST_STEPS = 1000  # the model's own schedule has no more
FULL = 10_000  # ComfyUI's "until the end"


def _sample(
    run: Run,
    *,
    model: ModelValue,
    seed: int,
    cfg: float,
    sampler_name: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: LatentValue,
    sigmas: list[float],
    noisy: bool = True,
) -> tuple[LatentValue]:
    """Noise latents to the first share, walk, and give them as they would be without the noise that is left."""
    import torch

    if len(sigmas) < 2:  # noqa: PLR2004 - no step
        return (latent_image,)
    family = run.family(model.id, model.loras)
    latent = run.with_channels(latent_image, family)
    if any(edge % 2 for edge in latent.samples.shape[2:]):
        field, what = "latent_image", "its sides are no multiples of 16 pixels"
        raise InvalidRequest(field, None, what, "Give another size.")
    clean = latent.samples.to(family.device)
    drawn = torch.randn(clean.shape, generator=torch.Generator("cpu").manual_seed(seed)) if noisy else 0 * clean.cpu()
    noise = drawn.to(family.device)

    def noised(share: float) -> torch.Tensor:
        mixed: torch.Tensor = share * noise + (1 - share) * clean
        return mixed

    with torch.inference_mode():
        velocity = _guided(family, positive, () if cfg == 1 else negative, cfg=cfg, x=clean, sigmas=sigmas)
        if latent.mask is not None:
            velocity = _behind(velocity, _fitted(latent.mask, clean), clean, noised, sigmas)
        x = samplers.walk(sampler_name, noised(sigmas[0]), sigmas, velocity, run.on_step(len(sigmas) - 1))
        if sigmas[-1] > 0:
            x = x / (1 - sigmas[-1])
    return (LatentValue(x.cpu(), latent.mask),)


def _guided(
    family: Any,  # noqa: ANN401 - a family of Z-Image
    positive: Conditioning,
    negative: Conditioning,
    *,
    cfg: float,
    x: torch.Tensor,
    sigmas: list[float],
) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """Give the velocity under guidance; of several texts the mean."""
    import torch

    count, texts = len(x), [*positive, *negative]
    captions = [text.to(family.device, family.dtype) for text in texts for _ in range(count)]
    # Heun looks at the last share, too, where noise is left.
    predict = family.predictor(captions, torch.cat([x] * len(texts)), [*sigmas, 0.0] if sigmas[-1] > 0 else sigmas)

    def run(x: torch.Tensor, step: int) -> torch.Tensor:
        told = predict(torch.cat([x] * len(texts)), step).unflatten(0, (len(texts), count))
        wanted: torch.Tensor = told[: len(positive)].mean(0)
        if not negative:
            return wanted
        guided: torch.Tensor = wanted + (cfg - 1) * (wanted - told[len(positive) :].mean(0))
        return guided

    return run


def _behind(
    velocity: Callable[[torch.Tensor, int], torch.Tensor],
    anew: torch.Tensor,
    clean: torch.Tensor,
    noised: Callable[[float], torch.Tensor],
    sigmas: list[float],
) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """Have the model see what stays as it is under this much noise, and expect it to be what it was."""

    def run(x: torch.Tensor, step: int) -> torch.Tensor:
        share = sigmas[step]
        seen = x * anew + noised(share) * (1 - anew)
        expected = (seen - share * velocity(seen, step)) * anew + clean * (1 - anew)
        return (x - expected) / share

    return run


def _fitted(mask: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    import torch

    small = torch.nn.functional.interpolate(mask, size=latents.shape[2:], mode="bilinear")
    return small.to(latents.device).repeat(-(-len(latents) // len(small)), 1, 1, 1)[: len(latents)]


def _simple(run: Run, *, model: ModelValue, steps: int, scheduler: str, denoise: float, **given: Any) -> tuple[Any]:  # noqa: ANN401 - see `_sample`
    sigmas = schedules.denoised_partly(scheduler, steps, run.shift(model), denoise)
    return _sample(run, model=model, sigmas=sigmas, **given)


def _advanced(
    run: Run,
    *,
    model: ModelValue,
    add_noise: str,
    noise_seed: int,
    steps: int,
    scheduler: str,
    start_at_step: int,
    end_at_step: int,
    return_with_leftover_noise: str,
    **given: Any,  # noqa: ANN401 - see `_sample`
) -> tuple[Any]:
    sigmas = schedules.sigmas(scheduler, steps, run.shift(model))[: end_at_step + 1]
    if return_with_leftover_noise == "disable":
        sigmas = [*sigmas[:-1], 0.0]
    noisy = add_noise == "enable"
    return _sample(run, model=model, sigmas=sigmas[start_at_step:], seed=noise_seed, noisy=noisy, **given)


_SEED = Within(*SEED_RANGE)
_STEPS = Input("steps", "INT", 20, within=Within(1, MOST_STEPS))
_CFG = Input("cfg", "FLOAT", 8.0, within=Within(0.0, 100.0, 0.1))
_SAMPLER = Input("sampler_name", "COMBO", SAMPLERS[0], choices=SAMPLERS)
_SCHEDULER = Input("scheduler", "COMBO", SCHEDULERS[0], choices=SCHEDULERS)
_LINKS = (Input("positive", "CONDITIONING"), Input("negative", "CONDITIONING"), Input("latent_image", "LATENT"))
_SWITCH = ("enable", "disable")
_OUT = (Output("LATENT", "LATENT"),)

NODES = (
    Node(
        "KSampler",
        (
            Input("model", "MODEL"),
            Input("seed", "INT", 0, within=_SEED, control=True),
            _STEPS,
            _CFG,
            _SAMPLER,
            _SCHEDULER,
            *_LINKS,
            Input("denoise", "FLOAT", 1.0, within=Within(0.0, 1.0, 0.01)),
        ),
        _OUT,
        _simple,
        title="KSampler",
        description="Takes the steps from noise, or from noised latents, to latents.",
        category="sampling",
    ),
    Node(
        "KSamplerAdvanced",
        (
            Input("model", "MODEL"),
            Input("add_noise", "COMBO", "enable", choices=_SWITCH),
            Input("noise_seed", "INT", 0, within=_SEED, control=True),
            _STEPS,
            _CFG,
            _SAMPLER,
            _SCHEDULER,
            *_LINKS,
            Input("start_at_step", "INT", 0, within=Within(0, FULL)),
            Input("end_at_step", "INT", FULL, within=Within(0, FULL)),
            Input("return_with_leftover_noise", "COMBO", "disable", choices=tuple(reversed(_SWITCH))),
        ),
        _OUT,
        _advanced,
        title="KSampler (Advanced)",
        description="Takes some of the steps, and may leave the noise of the others.",
        category="sampling",
    ),
)
