"""Model folders, the catalog and the search for weights, on small folders that hold no weights at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from zimage_lab.errors import InvalidRequest, ModelLoadError, UnknownModel
from zimage_lab.models import catalog, comfyui, folders, weights
from zimage_lab.models.card import ModelCard, read_card

if TYPE_CHECKING:
    from pathlib import Path

INDEX = {
    "_class_name": "ZImagePipeline",
    "_diffusers_version": "0.42.1",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "Qwen3Model"],
    "tokenizer": ["transformers", "Qwen2Tokenizer"],
    "transformer": ["diffusers", "ZImageTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
CARD: dict[str, Any] = {
    "id": "tiny",
    "family": "z_image",
    "defaults": {"steps": 8, "guidance_scale": 0.0, "width": 128, "height": 128, "shift": 3.0},
    "ranges": {"width": [64, 256], "height": [64, 256], "steps": [1, 50]},
}


def make(folder: Path, *, card: dict[str, Any] | None = None, shift: float = 3.0) -> Path:
    """Write a folder that has every file of a pipeline, all of them empty."""
    for name in ("text_encoder", "transformer", "vae"):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text("{}")
        (folder / name / "model.safetensors").touch()
    for name, text in (
        ("tokenizer/tokenizer.json", "{}"),
        ("scheduler/scheduler_config.json", f'{{"shift": {shift}}}'),
    ):
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    (folder / "model_index.json").write_text(json.dumps(INDEX))
    if card is not None:
        (folder / "card.json").write_text(json.dumps(card))
    return folder


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home and a cache of our own, and no ComfyUI but what a test makes."""
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv(comfyui.VARIABLE, raising=False)
    monkeypatch.setattr(comfyui, "PLACES", ())
    return tmp_path


def snapshot(root: Path, hub_id: str, commit: str = "abc", **options: Any) -> Path:  # noqa: ANN401
    """Write a folder where the Hugging Face cache keeps it."""
    place = root / "hub" / f"models--{hub_id.replace('/', '--')}"
    (place / "refs").mkdir(parents=True, exist_ok=True)
    (place / "refs" / "main").write_text(commit)
    return make(place / "snapshots" / commit, **options)


def test_shipped_cards_hold_nothing_that_is_not_read() -> None:
    """A misspelt field would be left alone silently, so the shipped cards are compared key by key."""
    for path in [*catalog.CARDS.glob("*.json"), *catalog.BUNDLED.glob("*/card.json")]:
        text = json.loads(path.read_text(encoding="utf-8"))
        card = read_card(path)
        assert set(text) <= set(ModelCard.model_fields)
        assert set(text["defaults"]) <= set(type(card.defaults).model_fields)
        assert set(text["ranges"]) == set(type(card.ranges).model_fields)
        assert card.preview is not None
        assert len(card.preview.weights) == (4 if card.family == "stable_diffusion" else 16)
        assert card.sizes[0] == (card.defaults.width, card.defaults.height)


def test_real_models_are_listed_without_their_weights() -> None:
    """The family can be chosen, and says what it needs, before anything is downloaded."""
    found = {model.id: model for model in catalog.models()}
    turbo, base = found["z-image-turbo"], found["z-image"]
    assert turbo.path is None
    assert (turbo.card.defaults.steps, turbo.card.guided) == (8, False)
    assert base.card.guided
    assert catalog.find("Tongyi-MAI/Z-Image-Turbo") == turbo


def test_unknown_models_get_close_names() -> None:
    """A slip of the finger is answered with the name that was meant; odd values are no crash."""
    with pytest.raises(UnknownModel, match="Did you mean 'z-image-turbo'"):
        catalog.find("z-image-turb")
    for name in ("", "a\0b", "x" * 5000, "~nobody-at-all/x", "owner/name", 7, None, b"x"):
        with pytest.raises(UnknownModel):
            catalog.find(name)  # type: ignore[arg-type]


def test_folder_in_the_home(alone: Path) -> None:
    """Folders in the home's models/ are listed by their card, or by their name and their kind's defaults."""
    make(alone / "home" / "models" / "one", card=CARD)
    make(alone / "home" / "models" / "mine-turbo", shift=6.0)
    make(alone / "home" / "models" / "z-image-turbo")
    make(alone / "home" / "models" / "damaged", card={"id": "x"})
    other = make(alone / "home" / "models" / "sd")
    (other / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    found = {model.id: model for model in catalog.models()}
    assert found["tiny"].path == alone / "home" / "models" / "one"
    assert found["mine-turbo"].card.defaults.shift == 6.0
    assert found["mine-turbo"].card.defaults.guidance_scale == 0
    assert found["z-image-turbo"].path is not None
    assert not {"damaged", "sd", "x"} & set(found)


def test_a_path_names_a_model(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder anywhere is a model whose id is its absolute path, which finds it again."""
    folder = make(alone / "copy", card=CARD)
    monkeypatch.chdir(alone)
    model = catalog.find("copy")
    assert (model.id, model.path) == (str(folder), folder)
    assert catalog.find(model.id) == model
    assert catalog.find(folder) == model


def test_only_the_model_s_own_name_tells_turbo(alone: Path) -> None:
    """A folder further up does not; the cache's folder is the model's own name."""
    for name, guided in (
        ("turbo-user/z-image-mine", True),
        ("somebody/Z-Image-Turbo-mine", False),
        ("models--someone--Fine-Turbo/snapshots/abc", False),
    ):
        assert catalog.find(make(alone / name)).card.guided is guided


def test_a_path_that_cannot_be_used(alone: Path) -> None:
    """Another pipeline, a missing shard and a damaged card are each told for what they are."""
    folder = make(alone / "other")
    (folder / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    with pytest.raises(InvalidRequest, match="holds FluxPipeline"):
        catalog.find(folder)
    folder = make(alone / "part")
    (folder / "vae" / "model.safetensors").unlink()
    with pytest.raises(InvalidRequest, match=r"lacks vae/\*\.safetensors"):
        catalog.find(folder)
    folder = make(alone / "damaged", card={**CARD, "ranges": {**CARD["ranges"], "steps": [9, 20]}})
    with pytest.raises(ModelLoadError, match="default steps 8 is outside"):
        catalog.find(folder)
    (folder / "card.json").write_bytes(b"\xff\xfe not json")
    with pytest.raises(ModelLoadError, match="cannot be read"):
        catalog.find(folder)


def test_hub_cache(alone: Path) -> None:
    """Snapshots in the cache are used without asking the hub; the current revision wins."""
    snapshot(alone, "Tongyi-MAI/Z-Image", "old")
    new = snapshot(alone, "Tongyi-MAI/Z-Image", "new", shift=6.0)
    tuned = snapshot(alone, "someone/Fine-Turbo")
    model = catalog.find("z-image")
    assert (model.path, model.card.defaults.shift) == (new, 6.0)
    model = catalog.find("someone/Fine-Turbo")
    assert (model.id, model.path, model.card.guided) == ("someone/Fine-Turbo", tuned, False)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HOME": "/d"}, "/d/.cache/huggingface/hub"),
    ],
)
def test_cache_variables(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    """The cache is where the hub's own library would look."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(folders.hub_cache()) == expected


def test_missing_shards(alone: Path) -> None:
    """An interrupted download of a sharded model shows which shards are to come; names cannot leave the folder."""
    folder = make(alone / "sharded")
    part = folder / "transformer"
    (part / "model.safetensors").rename(part / "m-1.safetensors")
    names = {"a": "m-1.safetensors", "b": "m-2.safetensors", "c": "../../etc/passwd"}
    (part / "m.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    assert folders.missing(folder) == ["transformer/../../etc/passwd", "transformer/m-2.safetensors"]
    (part / "m.safetensors.index.json").write_text("[")
    assert folders.missing(folder) == ["transformer/m.safetensors.index.json"]
    assert folders.missing(alone) == ["model_index.json"]


def test_found_weights(alone: Path) -> None:
    """What lies in the cache is offered, each once, with a sentence on what cannot be used."""
    snapshot(alone, "Tongyi-MAI/Z-Image-Turbo")
    partial = snapshot(alone, "Tongyi-MAI/Z-Image")
    shutil.rmtree(partial / "vae")
    first, second = weights.found()
    assert (first.model_id, first.loadable) == ("z-image-turbo", True)
    assert not second.loadable
    assert "incomplete" in second.note


def test_no_torch() -> None:
    """Validating and listing must not pay for torch, transformers or the hub's library."""
    code = (
        "import sys; from zimage_lab import models; models.models(); models.found();"
        "print([name for name in ('torch', 'diffusers', 'transformers', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
