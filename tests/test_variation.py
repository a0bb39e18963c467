"""More variety between seeds: none at 0, more the higher it is, the seed's own whatever the batch."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from zimage_lab import models
from zimage_lab.engine.families import varied
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.errors import InvalidRequest
from zimage_lab.graph import api_graph, request_from_graph
from zimage_lab.metrics.distance import distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from zimage_lab.engine import Engine

PROMPT = "a red cat in the middle, white background"


def spread(pictures: Sequence[Image.Image]) -> float:
    return float(np.mean([distance(*two) for two in combinations(pictures, 2)]))


def test_zero_is_the_plain_picture(engine: Engine) -> None:
    plain, zero = (engine.generate(PROMPT, seed=3, **options) for options in ({}, {"variation": 0.0}))
    assert plain.record.image.pixels_sha256 == zero.record.image.pixels_sha256
    assert plain.record.request.sha256 == zero.record.request.sha256
    assert '"variation"' not in zero.record.request.canonical_json(), "hashes of before stay"


def test_seeds_differ_more_the_higher_it_is(engine: Engine) -> None:
    apart = [
        spread([engine.generate(PROMPT, seed=seed, variation=strength).image for seed in range(6)])
        for strength in (0.0, 0.5, 1.0)
    ]
    assert apart[0] < apart[1] < apart[2]


def test_a_seed_varies_alike_in_any_batch(engine: Engine) -> None:
    strengths = (0.0, 0.4, 0.9)
    engine._queue.pause()
    jobs = [engine.submit(PROMPT, seed=5 + n, variation=strength) for n, strength in enumerate(strengths)]
    engine._queue.resume()
    engine._worker.wake()
    for n, (job, strength) in enumerate(zip(jobs, strengths, strict=True)):
        made, alone = job.result(60), engine.generate(PROMPT, seed=5 + n, variation=strength)
        assert made.record.batch.size == len(strengths)
        assert np.abs(np.asarray(made.image, float) - np.asarray(alone.image, float)).max() <= 1


def test_both_paths_vary_alike() -> None:
    request = models.build(PROMPT, seed=8, variation=0.7, guidance_scale=1.5, negative_prompt="blue")
    fast, reference = (
        ZImage.load(models.find(request.model), "cpu", reference=reference) for reference in (False, True)
    )
    latents = [
        family.denoise([request], family.encode([request]), family.noise([request]), lambda *_: None)
        for family in (fast, reference)
    ]
    assert (latents[0] - latents[1]).abs().max() < 1e-2
    plain = request.replace(variation=0.0)
    other = fast.denoise([plain], fast.encode([plain]), fast.noise([plain]), lambda *_: None)
    assert (latents[0] - other).abs().max() > 0.1


def test_the_noise_is_as_strong_as_it_says() -> None:
    features = torch.randn(200, 64, generator=torch.Generator().manual_seed(0)) * 5
    moved = varied.blurred(features, models.build(PROMPT, seed=1, variation=0.5)) - features
    assert float(moved.square().mean().sqrt() / features.square().mean().sqrt()) == pytest.approx(
        0.5 * varied.STRENGTH, rel=0.05
    )
    again = varied.blurred(features, models.build(PROMPT, seed=1, variation=0.5)) - features
    other = varied.blurred(features, models.build(PROMPT, seed=2, variation=0.5)) - features
    assert torch.equal(moved, again)
    assert not torch.equal(moved, other)


@pytest.mark.parametrize(("steps", "early"), [(1, 1), (4, 2), (8, 4), (25, 13)])
def test_the_first_half_of_the_steps_sees_it(steps: int, early: int) -> None:
    assert varied.early(steps) == early


@pytest.mark.parametrize("value", [-0.1, 1.1, "much", True, float("nan")])
def test_what_is_no_variation_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest, match="variation"):
        models.build(PROMPT, seed=1, variation=value)


def test_it_stands_in_everything_that_tells_how_a_picture_was_made(engine: Engine) -> None:
    made = engine.generate(PROMPT, seed=4, variation=0.25)
    assert "variation=0.25" in made.code()
    assert "Variation: 0.25" in made.record.as_parameters()
    assert request_from_graph(api_graph(made.record.request)) == made.record.request
