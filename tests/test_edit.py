"""Edit models: pictures and an instruction in, drawn as diffusers draws them, from Python and from the shell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from zimage_lab import models
from zimage_lab.engine.families.z_image_edit import ZImageEdit
from zimage_lab.errors import InvalidRequest
from zimage_lab.graph import api_graph, request_from_graph
from zimage_lab.miniature.training import architecture, tokenizer
from zimage_lab.request import GenerationRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.engine import Engine

PROMPT = "make the cat blue"
CARD = {
    "id": "edit",
    "family": "z_image_edit",
    "title": "Edit",
    "miniature": True,
    "defaults": {"steps": 3, "guidance_scale": 0.0, "width": 128, "height": 128, "shift": 3.0},
    "ranges": {"width": [64, 256], "height": [64, 256], "steps": [1, 50]},
    "multiple": 16,
    "reference_images": [1, 2],
}


def picture(colour: str = "red", size: tuple[int, int] = (128, 128)) -> Image.Image:
    made = Image.new("RGB", size, "white")
    made.paste(Image.new("RGB", (size[0] // 3, size[1] // 3), colour), (size[0] // 4, size[1] // 4))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of an edit model that has learned nothing yet."""
    from diffusers import ZImageOmniPipeline

    torch.manual_seed(0)
    words = tokenizer.build(sees=True)
    transformer = architecture.transformer(sees=True)
    for value in transformer.parameters():  # what begins at zero would hide what it is given
        if not value.any():
            torch.nn.init.normal_(value, std=0.05)
    pipeline = ZImageOmniPipeline(
        scheduler=architecture.scheduler(),
        vae=architecture.autoencoder(),
        text_encoder=architecture.text_encoder(len(words), words.eos_token_id, words.pad_token_id),
        tokenizer=words,
        transformer=transformer,
        siglip=architecture.siglip(),
        siglip_processor=architecture.siglip_processor(),
    )
    made = tmp_path_factory.mktemp("edit") / "edit"
    pipeline.save_pretrained(made)
    (made / "card.json").write_text(json.dumps(CARD), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def engine(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    from zimage_lab.engine import Engine

    made = Engine(str(folder), home=tmp_path_factory.mktemp("engine-home"), device="cpu")
    yield made
    made.stop()


@pytest.mark.parametrize(("guidance", "given"), [(0.0, 1), (2.0, 1), (0.0, 2)])
def test_pixels_equal_those_of_diffusers(
    folder: Path, monkeypatch: pytest.MonkeyPatch, guidance: float, given: int
) -> None:
    from diffusers import ZImageOmniPipeline

    every = [picture("red"), picture("green")][:given]
    pipeline = ZImageOmniPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    # The pipeline encodes its pictures in bfloat16 whatever its weights are in; in float32 both can be compared.
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.float)
    wanted = pipeline(
        prompt=PROMPT,
        image=every,
        height=128,
        width=128,
        num_inference_steps=3,
        guidance_scale=guidance,
        generator=torch.Generator("cpu").manual_seed(3),
        output_type="latent",
    ).images
    monkeypatch.undo()
    model = models.find(str(folder))
    family = ZImageEdit.load(model, "cpu")
    request = models.build(PROMPT, seed=3, guidance_scale=guidance, model=str(folder))
    features = family.encode([request], every)
    ours = family.denoise([request], features, family.noise([request]), lambda *_: None)
    assert (ours - wanted).abs().max() < 1e-4 * wanted.abs().max() + 1e-4


def test_a_picture_depends_on_what_it_changes(engine: Engine) -> None:
    red = engine.generate(PROMPT, seed=1, reference_images=picture("red"))
    again = engine.generate(PROMPT, seed=1, reference_images=[picture("red")])
    green = engine.generate(PROMPT, seed=1, reference_images=[picture("green")])
    assert np.array_equal(np.asarray(red.image), np.asarray(again.image))
    assert not np.array_equal(np.asarray(red.image), np.asarray(green.image))
    assert red.record.request.reference_images == again.record.request.reference_images
    repeated = engine.generate(red.record.request)
    assert np.array_equal(np.asarray(red.image), np.asarray(repeated.image)), "the recipe makes it again"


def test_the_size_is_the_first_picture_s(engine: Engine) -> None:
    made = engine.generate(PROMPT, seed=1, steps=1, reference_images=[picture(size=(90, 130)), picture()])
    assert made.image.size == (96, 128)


def test_seeds_of_one_edit_go_together(engine: Engine) -> None:
    engine._queue.pause()
    jobs = [engine.submit(f"{PROMPT} {seed}", seed=seed, reference_images=picture()) for seed in range(3)]
    engine._queue.resume()
    engine._worker.wake()
    made = [job.result(60) for job in jobs]
    assert [one.record.batch.size for one in made] == [3, 3, 3]
    alone = engine.generate(made[1].record.request)
    assert np.abs(np.asarray(alone.image, float) - np.asarray(made[1].image, float)).max() <= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "wants 1 to 2, not 0"),
        ({"reference_images": [picture()] * 3}, "wants 1 to 2, not 3"),
        ({"reference_images": [picture()] * 5}, "5 are too many"),
        ({"reference_images": ["none.png"]}, "cannot be read"),
        ({"reference_images": [picture(), 7]}, "7 is no picture"),
        ({"init_image": picture()}, "wants 1 to 2, not 0"),
        ({"init_image": picture(), "reference_images": picture()}, "does not go with reference_images"),
        ({"reference_images": picture(), "model": "miniature-turbo"}, "miniature-turbo does not edit pictures"),
    ],
)
def test_wrong_wishes(engine: Engine, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        engine.submit(PROMPT, **options)


def test_a_folder_without_a_card_is_known_by_its_pipeline(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "omni"
    other.mkdir()
    for part in folder.iterdir():
        if part.name != "card.json":
            (other / part.name).symlink_to(part)
    card = models.find(str(other)).card
    assert (card.family, card.reference_images) == ("z_image_edit", (1, 4))


def test_requests_and_graphs_keep_the_pictures() -> None:
    plain = models.build("a red cat", seed=1)
    assert "reference_images" not in json.loads(plain.canonical_json()), "a plain request is the text that it was"
    edit = plain.replace(reference_images=("ab" * 32, "cd" * 32))
    assert GenerationRequest.from_json(edit.canonical_json()) == edit
    assert request_from_graph(api_graph(edit)) == edit


def test_from_the_shell(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from zimage_lab.cli import main

    picture().save(tmp_path / "in.png")
    home, out = str(tmp_path / "home"), tmp_path / "out.png"
    command = ["generate", PROMPT, "--model", str(folder), "--home", home]
    try:
        assert main([*command, "--reference-images", str(tmp_path / "in.png"), "--output", str(out)]) == 0
    finally:
        main(["engines", "stop", "--home", home])
    assert out.is_file()
    assert main(command) == 2
    assert "Give the picture to change" in capsys.readouterr().err
