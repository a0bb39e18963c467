"""Sweeps with the real miniature: a cell is the picture that its request alone gives, and metrics say what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from zimage_lab.engine import Engine
    from zimage_lab.result import GeneratedImage
    from zimage_lab.sweeps import Sweep

PROMPT = "a red cat on the left, white background"


def pixels(image: GeneratedImage | None) -> np.ndarray:
    assert image is not None
    return np.asarray(image.image, int)


@pytest.fixture(scope="module")
def sweep(engine: Engine) -> Sweep:
    return engine.sweep(PROMPT, seeds=range(16), prompt_replace={"cat": ["star"]}).wait(150)


def test_a_row_of_seeds_is_one_batch(sweep: Sweep) -> None:
    assert sweep.counts == {"succeeded": 32}
    for cell in sweep.cells:
        image = cell.image
        assert image is not None
        assert image.record.batch.size == 16
        assert image.record.parent_id == sweep.id


def test_a_cell_equals_the_same_request_made_alone(engine: Engine, sweep: Sweep) -> None:
    for index in ((0, 0), (0, 11), (1, 5)):
        cell = sweep.cell(*index)
        alone = engine.generate(cell.request)
        assert alone.record.request == cell.request
        assert alone.record.batch.size == 1
        assert np.abs(pixels(alone) - pixels(cell.image)).max() <= 1, "to rounding, as it was drawn in a batch"


def test_a_cell_that_is_alone_is_equal_to_the_bit(engine: Engine) -> None:
    made = engine.sweep(PROMPT, steps=[3, 4], seed=5).wait(60)
    for cell in made.cells:
        assert (pixels(engine.generate(PROMPT, steps=cell.values["steps"], seed=5)) == pixels(cell.image)).all()


def test_several_prompts_with_few_seeds_are_drawn_together(engine: Engine) -> None:
    made = engine.sweep(["a red cat", "a blue star", "a green fish"], steps=[2, 3], seeds=[1, 2]).wait(60)
    sizes = {cell.image.record.batch.size for cell in made.cells if cell.image is not None}
    assert sizes == {6}


def test_the_judge_and_the_distances(sweep: Sweep) -> None:
    rows = sweep.metrics("diversity", "accuracy", "sharpness")
    assert list(rows.columns) == ["cat", "diversity", "accuracy", "sharpness"]
    assert (rows.accuracy > 0.5).all(), "the miniature draws what it is asked"
    assert rows.diversity.between(0.001, 0.5).all()
    assert (rows.sharpness > 0).all()


def test_what_the_judge_cannot_tell_is_missing(engine: Engine) -> None:
    made = engine.sweep(["a red cat chasing a mouse", "a red cat"], steps=2, seeds=[1]).wait(60)
    assert made.metrics("accuracy").accuracy.isna().tolist() == [True, False]
