"""What `variation` does to the bundled miniature: how far seeds are apart, and how often the prompt is still met.

Run as `python tests/variation_figures.py [PROMPTS]`. Prompts say subject, colour, place and background: whatever else
varies is the model's own choice. The judge that counts knows nothing of the model.
"""

from __future__ import annotations

import random
import sys

import numpy as np

from zimage_lab import models
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.metrics.distance import mean_distance
from zimage_lab.miniature.evaluate import verdict, world_judge
from zimage_lab.miniature.world import Scene, Thing

SEEDS = 6
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
PLACES = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}


def scenes(model: models.Model, count: int) -> list[Scene]:
    """Draw scenes of one or two things that the model knows, on white."""
    world, rng = model.card.training["world"], random.Random(3)
    subjects, colours = world["subjects"], [colour for colour in world["colours"] if colour != "white"]
    drawn = []
    for number in range(count):
        places = rng.choice((("left", "right"), ("top", "bottom")))[: 1 + number % 2]
        drawn.append(Scene(tuple(Thing(rng.choice(subjects), rng.choice(colours), place) for place in places), "white"))
    return drawn


def main(count: int) -> None:
    """Print a line for each strength."""
    model = models.find("miniature-turbo")
    family, judge, asked = ZImage.load(model, "cpu"), world_judge(), scenes(model, count)
    print("variation  entirely right  distance between seeds")  # noqa: T201
    for strength in STRENGTHS:
        right, apart = 0, []
        for scene in asked:
            said = [f"a {thing.colour} {thing.subject} {PLACES[thing.place]}" for thing in scene.things]
            prompt = ", ".join([*said, "white background"])
            requests = [models.build(prompt, seed=seed, variation=strength) for seed in range(SEEDS)]
            latents = family.denoise(requests, family.encode(requests), family.noise(requests), lambda *_: None)
            made = family.decode(latents)
            right += sum(verdict(judge, scene, picture).right for picture in made)
            apart.append(mean_distance(made))
        print(f"{strength:9g}  {right / (count * SEEDS):14.1%}  {np.mean(apart):22.4f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
