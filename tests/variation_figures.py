"""What `variation` does to the bundled miniature: how far seeds are apart, and how often the prompt is still met.

Run as `python tests/variation_figures.py [PROMPTS]`. Held-out English prompts, half with one subject and half with
two. The judge that counts knows nothing of the model.
"""

from __future__ import annotations

import sys

import numpy as np

from zimage_lab import models
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.metrics.distance import mean_distance
from zimage_lab.miniature.evaluate import verdict, world_judge
from zimage_lab.miniature.questions import captions

SEEDS = 6
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def main(count: int) -> None:
    """Print a line for each strength."""
    model = models.find("miniature-turbo")
    family, judge = ZImage.load(model, "cpu"), world_judge()
    asked = [question for kind in ("single", "pair") for question in captions("en", count // 2, 3, kind)]
    print("variation  entirely right  distance between seeds")  # noqa: T201
    for strength in STRENGTHS:
        right, apart = 0, []
        for question in asked:
            requests = [models.build(question.prompt, seed=seed, variation=strength) for seed in range(SEEDS)]
            latents = family.denoise(requests, family.encode(requests), family.noise(requests), lambda *_: None)
            made = family.decode(latents)
            right += sum(verdict(judge, question.wanted, picture).right for picture in made)
            apart.append(mean_distance(made))
        print(f"{strength:9g}  {right / (len(asked) * SEEDS):14.1%}  {np.mean(apart):22.4f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
