"""Numbers about pictures that need no model: how sharp one is, how far several lie apart."""

from __future__ import annotations

import math

import pytest
from PIL import Image, ImageFilter

from zimage_lab.metrics.distance import distance, mean_distance
from zimage_lab.metrics.sharpness import sharpness

BLACK, WHITE = Image.new("RGB", (64, 48)), Image.new("RGB", (64, 48), "white")


def test_distance() -> None:
    assert distance(BLACK, BLACK) == 0
    assert distance(BLACK, WHITE) == 1
    assert mean_distance([BLACK, BLACK, WHITE]) == pytest.approx(2 / 3)
    assert math.isnan(mean_distance([BLACK]))


def test_blur_lowers_sharpness() -> None:
    noise = Image.effect_noise((64, 64), 60).convert("RGB")
    values = [sharpness(noise.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    assert sharpness(BLACK) == 0
    assert sharpness(Image.new("RGB", (2, 2))) == 0
