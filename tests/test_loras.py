"""LoRAs in every spelling that people have: the same pixels from each, and a sentence where nothing belongs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from zimage_lab import models, options
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.errors import InvalidRequest, ModelLoadError
from zimage_lab.graph import api_graph, request_from_graph, ui_graph
from zimage_lab.models import folders, header, lora_names, loras
from zimage_lab.request import LORA_RANGE, GenerationRequest, Lora

if TYPE_CHECKING:
    from zimage_lab.engine import Engine

MINIATURE = models.find("miniature-turbo")
RANK, ALPHA = 4, 2.0
REQUEST = models.build("a red cat on the left", seed=7, steps=3)


@pytest.fixture(scope="module")
def family() -> ZImage:
    return ZImage.load(MINIATURE, "cpu")


def tensors() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Give both halves of a LoRA for some modules of the miniature, by diffusers' names."""
    generator = torch.Generator().manual_seed(1)
    sizes = {"attention.to_q": (192, 192), "attention.to_out.0": (192, 192), "feed_forward.w1": (192, 512)}
    sizes |= {"attention.to_k": (192, 192), "attention.to_v": (192, 192), "adaLN_modulation.0": (192, 768)}
    return {
        f"layers.{layer}.{name}": (
            torch.randn(RANK, inside, generator=generator) * 0.1,
            torch.randn(outside, RANK, generator=generator) * 0.1,
        )
        for layer in (0, 3, 5)
        for name, (inside, outside) in sizes.items()
    }


def peft_style(prefix: str, *, adapter: str = "") -> dict[str, torch.Tensor]:
    scale = ALPHA / RANK
    return {
        f"{prefix}{module}.lora_{half}{adapter}.weight": value * (scale if half == "B" else 1)
        for module, halves in tensors().items()
        for half, value in zip("AB", halves, strict=True)
    }


def kohya(prefix: str, *, dots: bool, names: dict[str, str] | None = None) -> dict[str, torch.Tensor]:
    result = {}
    for module, (down, up) in tensors().items():
        name = module
        for ours, theirs in (names or {}).items():
            name = name.replace(ours, theirs)
        name = prefix + (name if dots else name.replace(".", "_"))
        result |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": torch.tensor(ALPHA)}
    return result


def fused() -> dict[str, torch.Tensor]:
    """Give the same in the original repository's names: query, key and value are one, of three times the rank."""
    own, result = tensors(), {}
    for module, (down, up) in own.items():
        if module.endswith(("to_k", "to_v")):
            continue
        if module.endswith("to_q"):
            block = module.removesuffix("to_q")
            halves = [own[f"{block}to_{part}"] for part in "qkv"]
            down = torch.cat([half[0] for half in halves])  # noqa: PLW2901 - those of the fused module
            up = torch.block_diag(*(half[1] for half in halves))  # noqa: PLW2901
            module = f"{block}qkv"  # noqa: PLW2901
        name = f"diffusion_model.{module.replace('to_out.0', 'out')}"
        result[f"{name}.lora_A.weight"], result[f"{name}.lora_B.weight"] = down, up * (ALPHA / RANK)
    return result


SPELLINGS = {
    "comfyui": lambda: peft_style("diffusion_model."),
    "diffusers": lambda: peft_style("transformer."),
    "peft": lambda: peft_style("base_model.model.", adapter=".default"),
    "plain": lambda: peft_style(""),
    "kohya": lambda: kohya("lora_unet_", dots=False),
    "kohya original": lambda: kohya("lora_unet_", dots=False, names={"to_out.0": "out"}),
    "alpha": lambda: kohya("diffusion_model.", dots=True),
    "fused": fused,
}


def drawn(family: ZImage, *used: tuple[Path, float]) -> torch.Tensor:
    family.adapt(used)
    return family.denoise([REQUEST], family.encode([REQUEST]), family.noise([REQUEST]), lambda *_: None)


def saved(folder: Path, name: str, data: dict[str, torch.Tensor]) -> Path:
    path = folder / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in data.items()}, path)
    return path


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("lora"), "style", peft_style("diffusion_model."))


def merged(weight: float) -> torch.Tensor:
    """Draw with the LoRA added into the weights themselves: what every way must equal."""
    other = ZImage.load(MINIATURE, "cpu", reference=True)
    with torch.no_grad():
        for module, (down, up) in tensors().items():
            other.transformer.get_submodule(module).weight += weight * (ALPHA / RANK) * up @ down
    return drawn(other)


@pytest.mark.parametrize("spelling", list(SPELLINGS))
def test_every_spelling_draws_what_the_merged_weights_draw(spelling: str, family: ZImage, tmp_path: Path) -> None:
    path = saved(tmp_path, "style", SPELLINGS[spelling]())
    wanted = merged(0.8)
    assert (drawn(family, (path, 0.8)) - wanted).abs().max() < 1e-3 * wanted.abs().max()
    assert loras.check((Lora(name=str(path)),), MINIATURE, tmp_path) == []


def test_a_kronecker_lora_is_taken(family: ZImage, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(2)
    first, second = torch.randn(8, 8, generator=generator) * 0.1, torch.randn(24, 24, generator=generator) * 0.1
    module = "layers.1.attention.to_q"
    path = saved(
        tmp_path,
        "lokr",
        {
            f"diffusion_model.{module}.lokr_w1": first,
            f"diffusion_model.{module}.lokr_w2": second,
            f"diffusion_model.{module}.alpha": torch.tensor(1.0),
        },
    )
    other = ZImage.load(MINIATURE, "cpu", reference=True)
    with torch.no_grad():
        other.transformer.get_submodule(module).weight += torch.kron(first, second)
    wanted = drawn(other)
    assert (drawn(family, (path, 1.0)) - wanted).abs().max() < 1e-3 * wanted.abs().max()


def test_off_is_exactly_the_plain_model(family: ZImage, lora: Path) -> None:
    plain = drawn(family)
    changed = drawn(family, (lora, 1.0))
    assert (changed - plain).abs().max() > 0.05
    assert torch.equal(drawn(family), plain)
    assert torch.allclose(drawn(family, (lora, 0.0)), plain, atol=1e-5)


def test_weights_change_without_reading_again(
    family: ZImage, lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = saved(
        tmp_path,
        "other",
        {
            f"transformer.layers.2.feed_forward.w2.lora_{half}.weight": value
            for half, value in (("A", torch.ones(RANK, 512) * 0.01), ("B", torch.ones(192, RANK) * 0.1))
        },
    )
    drawn(family, (lora, 1.0), (other, 1.0))
    monkeypatch.setattr(loras.Loras, "_read", None)  # whoever reads now, fails
    both, one = drawn(family, (lora, 1.0), (other, 0.5)), drawn(family, (lora, 1.0))
    assert (both - one).abs().max() > 1e-4
    assert torch.equal(drawn(family, (lora, 1.0)), one)
    monkeypatch.undo()
    saved(
        lora.parent,
        "style",
        peft_style("diffusion_model.")
        | {
            "layers.1.attention.to_q.lora_A.weight": torch.ones(4, 192),
            "layers.1.attention.to_q.lora_B.weight": torch.ones(192, 4) * 0.01,
        },
    )
    assert (drawn(family, (lora, 1.0)) - one).abs().max() > 1e-4, "a changed file is read anew"
    saved(lora.parent, "style", peft_style("diffusion_model."))


def test_few_are_kept(family: ZImage, tmp_path: Path) -> None:
    data = {
        "layers.0.attention.to_q.lora_A.weight": torch.zeros(1, 192),
        "layers.0.attention.to_q.lora_B.weight": torch.zeros(192, 1),
    }
    for number in range(loras.KEPT + 3):
        family.adapt([(saved(tmp_path, f"l{number}", data), 1.0)])
    assert len(family._loras._loaded) == loras.KEPT
    assert len(family.transformer.peft_config) == loras.KEPT


def test_shapes_that_do_not_fit_are_told(family: ZImage, tmp_path: Path) -> None:
    name = "layers.0.attention.to_q"
    path = saved(
        tmp_path, "large", {f"{name}.lora_A.weight": torch.ones(4, 3840), f"{name}.lora_B.weight": torch.ones(3840, 4)}
    )
    plain = drawn(family)
    with pytest.raises(ModelLoadError, match="cannot be used with miniature-turbo"):
        family.adapt([(path, 1.0)])
    assert torch.equal(drawn(family), plain), "the model is as it was"
    assert len(family.transformer.peft_config) == len(family._loras._loaded), "nothing of it is left behind"


def test_a_picture_with_a_lora(engine: Engine, lora: Path) -> None:
    plain = engine.generate(REQUEST)
    folder = engine.home / loras.FOLDER
    folder.mkdir()
    (folder / "style.safetensors").write_bytes(lora.read_bytes())
    image = engine.generate(
        REQUEST,
        loras=[
            "style",
        ],
    )
    assert image.record.request.loras == (Lora(name="style", weight=1.0),)
    assert set(image.record.model.weights_sha256) >= {"loras/style.safetensors"}
    assert np.abs(np.asarray(image.image, float) - np.asarray(plain.image, float)).max() > 3
    weaker = engine.generate(REQUEST, loras=[(lora, 0.3)])
    assert weaker.record.request.loras[0].weight == 0.3
    again = engine.generate(REQUEST)
    assert np.array_equal(np.asarray(again.image), np.asarray(plain.image))


def test_a_partial_match_is_a_warning_with_figures(engine: Engine, tmp_path: Path) -> None:
    data = peft_style("diffusion_model.") | {
        "diffusion_model.layers.29.attention.to_q.lora_A.weight": torch.ones(4, 192),
        "diffusion_model.layers.29.attention.to_q.lora_B.weight": torch.ones(192, 4),
        "text_encoder.x.lora_A.weight": torch.ones(1, 1),
    }
    path = saved(tmp_path, "partial", data)
    job = engine.submit(REQUEST, loras=str(path))
    assert any("36 of 39 tensors belong to miniature-turbo" in warning for warning in job.warnings)
    assert job.result(60).record.warnings == job.warnings


def test_what_cannot_be_used_is_refused_before_it_is_queued(engine: Engine, tmp_path: Path) -> None:
    strange = saved(tmp_path, "flux", {"double_blocks.0.img_attn.qkv.lora_A.weight": torch.ones(4, 8)})
    half = saved(tmp_path, "half", {"layers.0.attention.to_q.lora_A.weight": torch.ones(4, 192)})
    page = tmp_path / "page.safetensors"
    page.write_text("<html>sign in</html>" * 9)
    before = engine.jobs()
    for asked, words in (
        (str(strange), "nothing of flux.safetensors belongs to miniature-turbo: none of its 1 tensors"),
        (str(half), "nothing of half.safetensors"),
        (str(page), "a web page"),
        (str(tmp_path / "none.safetensors"), "there is no file"),
        ("nothing-here", "there is no LoRA 'nothing-here'"),
        ([(str(strange), 9.0)], "Use -4 to 4"),
        ([(str(strange), float("nan"))], "out of range"),
        ([str(strange), (str(strange), 0.5)], "has one twice"),
        ([("a", 1, 2)], "is not text"),
        (7, "no list of LoRAs"),
        ([{"name": "a", "strength": 1}], "is not text"),
        (["x"] * 17, "too many"),
    ):
        with pytest.raises(InvalidRequest, match=words) as told:
            engine.submit(REQUEST, loras=asked)
        assert told.value.field == "loras"
    assert engine.jobs() == before


def test_a_request_without_loras_is_the_text_that_it_was() -> None:
    assert "loras" not in json.loads(REQUEST.canonical_json())
    with_one = REQUEST.replace(loras=[("a.safetensors", 0.5)])
    assert json.loads(with_one.canonical_json())["loras"] == [{"name": "a.safetensors", "weight": 0.5}]
    assert with_one.sha256 != REQUEST.sha256
    assert GenerationRequest.from_json(with_one.canonical_json()) == with_one
    assert GenerationRequest.from_json(REQUEST.canonical_json()) == REQUEST


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(*LORA_RANGE)), max_size=5, unique_by=lambda one: one[0]))
def test_graphs_bring_loras_back(used: list[tuple[str, float]]) -> None:
    asked = REQUEST.replace(loras=[(f"/folder/{name}.safetensors", weight) for name, weight in used])
    graph = api_graph(asked)
    assert request_from_graph(json.loads(json.dumps(graph))) == asked
    assert [node["inputs"]["lora_name"] for node in graph.values() if node["class_type"] == "LoraLoaderModelOnly"] == [
        f"{name}.safetensors" for name, _ in used
    ]
    assert len(ui_graph(asked)["nodes"]) == 10 + len(used)


def test_loras_as_text() -> None:
    assert options.loras("a.safetensors:0.8, b ,C:/x/c.safetensors,:2,") == (
        ("a.safetensors", 0.8),
        ("b", 1.0),
        ("C:/x/c.safetensors", 1.0),
        ("", 2.0),
    )


def test_from_the_shell(lora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from zimage_lab.cli import main

    assert main(["generate", "a cat", "--loras", "nothing:0.5", "--home", str(tmp_path)]) == 2
    assert "there is no LoRA 'nothing'" in capsys.readouterr().err
    assert lora.exists()


def test_names_of_the_real_model() -> None:
    config = folders.read_json(Path(models.__file__).with_name("configs") / "z-image" / "transformer" / "config.json")
    known = lora_names.modules_of(config)
    assert known["layers.29.attention.out"] == "layers.29.attention.to_out.0"
    names = [f"lora_unet_layers_{n}_attention_to_q.lora_{half}.weight" for n in range(31) for half in ("down", "up")]
    covered = lora_names.cover(names, known)
    assert (len(covered.places), covered.of) == (60, 62)


@given(st.lists(st.text(max_size=40), max_size=20))
def test_any_names_are_counted(names: list[str]) -> None:
    covered = lora_names.cover(set(names), ["layers.0.attention.to_q"])
    assert covered.of == len(set(names))


def test_a_lora_is_no_model(lora: Path) -> None:
    assert header.read(lora).kind == "a LoRA"
    with pytest.raises(ModelLoadError, match="is a LoRA"):
        models.find(lora)


def options_of(**given: Any) -> GenerationRequest:  # noqa: ANN401 - any field
    return REQUEST.replace(**given)


def test_spellings_in_python() -> None:
    one = Lora(name="a", weight=0.5)
    for spelled in ([("a", 0.5)], ("a", 0.5), [{"name": "a", "weight": 0.5}], one, [one], [["a", 0.5]]):
        assert options_of(loras=spelled).loras == (one,)
    assert options_of(loras=Path("a")).loras == (Lora(name="a"),)
    assert options_of(loras=["a", "b"]).loras == (Lora(name="a"), Lora(name="b"))
