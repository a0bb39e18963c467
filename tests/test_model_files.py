"""Weights in whatever files people have: the same pixels from each, and a sentence for each that is none."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import zimage_lab
from zimage_lab import models
from zimage_lab.engine.families.z_image import ZImage
from zimage_lab.errors import InvalidRequest, ModelLoadError, UnknownModel, ZImageError
from zimage_lab.models import bases, catalog, comfyui, export, hashes, header, load_z_image, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

MINIATURE = models.find("miniature-turbo")
REQUEST = models.build("a red cat on the left", seed=7, steps=4)
QWEN = {
    "Hello, world!": [9707, 11, 1879, 0],
    "Name one JVM language.": [675, 825, 72379, 4128, 13],
    "Phoenix → 東京 café": [78825, 11397, 60596, 109, 46553, 51950],
    "<|im_start|>user\n": [151644, 872, 198],
    "<think></think>": [151667, 151668],
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv(comfyui.VARIABLE, raising=False)
    monkeypatch.setattr(comfyui, "PLACES", ())
    yield
    zimage_lab.engine.door._known.clear()


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a ComfyUI folder with the miniature's three files, in its own half precision."""
    root = tmp_path_factory.mktemp("split") / "ComfyUI"
    export.save_comfyui(MINIATURE, root)
    return root


def drawn(entry: models.Model) -> np.ndarray:
    family = ZImage.load(entry, "cpu")
    latents = family.denoise([REQUEST], family.encode([REQUEST]), family.noise([REQUEST]), lambda *_: None)
    return np.asarray(family.decode(latents)[0], float)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-12, np.mean((one - other) ** 2))))


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return drawn(MINIATURE)


def test_three_files_of_comfyui_draw_the_same_pixels(split: Path, plain: np.ndarray) -> None:
    for name in (split, split / "models", split / "models" / "diffusion_models" / "miniature_turbo.safetensors"):
        entry = models.find(name)
        assert (entry.id, entry.card.defaults.steps) == (str(name), 8)
        assert {part for part, _ in entry.parts} == {"transformer", "text_encoder", "vae"}
        assert np.array_equal(drawn(entry), plain)


def test_one_file_of_everything_draws_the_same_pixels(tmp_path: Path, plain: np.ndarray) -> None:
    written = export.save_comfyui(MINIATURE, tmp_path, single=True)
    (path,) = set(written.values())
    assert header.read(path).prefix("cap_embedder.1.weight") == "model.diffusion_model."
    assert np.array_equal(drawn(models.find(path)), plain)


def test_bfloat16_files_draw_nearly_the_same(tmp_path: Path, plain: np.ndarray) -> None:
    export.save_comfyui(MINIATURE, tmp_path, dtype=torch.bfloat16)
    assert psnr(drawn(models.find(tmp_path)), plain) > 35


def float8(tensors: dict[str, torch.Tensor], kind: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Quantize as ComfyUI stores it: an older way, a scale a matrix, one a row; give what is meant, too."""
    stored: dict[str, torch.Tensor] = {"scaled_fp8": torch.zeros(2).to(torch.float8_e4m3fn)} if kind == "old" else {}
    meant: dict[str, torch.Tensor] = {}
    for name, value in tensors.items():
        if value.ndim != 2 or "layers." not in name:
            stored[name] = meant[name] = value
            continue
        layer, largest = name.removesuffix(".weight"), value.abs().float()
        factor = (largest.amax(dim=1, keepdim=True) if kind == "rows" else largest.max()) / 448
        stored[name] = (value.float() / factor).to(torch.float8_e4m3fn)
        stored[f"{layer}.scale_weight" if kind == "old" else f"{layer}.weight_scale"] = factor
        if kind == "old":
            stored[f"{layer}.scale_input"] = torch.ones(())
        else:
            mark = b'{"format": "float8_e4m3fn"}'
            stored[f"{layer}.comfy_quant"] = torch.frombuffer(bytearray(mark), dtype=torch.uint8)
        meant[name] = stored[name].float() * factor
    return stored, meant


@pytest.mark.parametrize("kind", ["old", "matrix", "rows"])
def test_float8_with_scales_draws_what_it_stands_for(kind: str, tmp_path: Path, plain: np.ndarray) -> None:
    from safetensors.torch import load_file, save_file

    pictures = []
    for meant in (0, 1):
        written = export.save_comfyui(MINIATURE, tmp_path / str(meant))
        for component in ("transformer", "text_encoder"):
            save_file(float8(load_file(written[component]), kind)[meant], written[component])
        pictures.append(drawn(models.find(tmp_path / str(meant))))
    assert np.array_equal(*pictures)
    assert psnr(pictures[0], plain) > 35


def test_a_transformer_alone_takes_the_rest_from_its_base(split: Path, tmp_path: Path, plain: np.ndarray) -> None:
    path = tmp_path / "miniature_turbo.safetensors"
    path.write_bytes((split / "models" / "diffusion_models" / "miniature_turbo.safetensors").read_bytes())
    entry = models.find(path)
    assert entry.parts == (("transformer", path),)
    assert np.array_equal(drawn(entry), plain)


def test_two_models_of_one_shape_are_told_apart(tmp_path: Path) -> None:
    both = [models.find("miniature"), MINIATURE]
    for model in both:
        export.save_comfyui(model, tmp_path / "together")
        (transformer := export.save_comfyui(model, tmp_path / model.id)["transformer"]).rename(
            transformer.with_name("mine.safetensors")
        )
    folder = tmp_path / "together" / "models" / "diffusion_models"
    for model in both:
        stem = model.id.replace("-", "_")
        named = models.find(folder / f"{stem}.safetensors")
        assert named.card.defaults == model.card.defaults
        assert {path.name for _, path in named.parts} == {
            f"{stem}{end}.safetensors" for end in ("", "_text_encoder", "_vae")
        }
        unnamed = models.find(tmp_path / model.id / "models" / "diffusion_models" / "mine.safetensors")
        assert unnamed.card.defaults == model.card.defaults, "what lies beside it says whose it is"


@pytest.mark.parametrize(("kind", "least"), [("F16", 80.0), ("Q8_0", 45.0)])
def test_gguf_draws_nearly_the_same(kind: str, least: float, tmp_path: Path, plain: np.ndarray) -> None:
    gguf = pytest.importorskip("gguf")
    path = tmp_path / f"miniature_turbo-{kind}.gguf"
    writer = gguf.GGUFWriter(str(path), "lumina2")
    for name, value in export._component(MINIATURE, "transformer", None).items():
        array = value.float().numpy()
        if kind == "Q8_0" and array.ndim == 2 and name.endswith(".weight") and array.shape[1] % 32 == 0:
            quantized = gguf.quants.quantize(array, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(name, quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(name, array.astype(np.float16) if array.ndim == 2 else array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    entry = models.find(path)
    assert psnr(drawn(entry), plain) > least
    cut = tmp_path / "miniature_turbo-cut.gguf"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(ModelLoadError, match="damaged or cut off GGUF"):
        models.find(cut)


def test_files_work_in_panel_cell_and_shell(split: Path, tmp_path: Path, plain: np.ndarray) -> None:
    from zimage_lab.cli import main

    assert main(["models", "add", "my-files", str(split), "--home", str(tmp_path)]) == 0
    engine = zimage_lab.load("my-files", home=tmp_path)
    try:
        image = engine.generate(REQUEST.replace(model="my-files"))
    finally:
        engine.stop()
    assert np.abs(np.asarray(image.image, float) - plain).max() <= 1
    assert image.record.model.id == "my-files"
    assert len(image.record.model.weights_sha256) == 3, "each file by its hash"
    assert not any(str(tmp_path) in name for name in image.record.model.weights_sha256)
    assert main(["models", "remove", "my-files", "--home", str(tmp_path)]) == 0
    with pytest.raises(UnknownModel):
        models.find("my-files", tmp_path)


def test_names_of_ones_own(split: Path) -> None:
    assert registry.add("mine", split, like="z-image").card.guided
    assert {"mine"} <= {model.id for model in models.models()}
    for name, path, like, field in (
        ("mine", split, None, "taken"),
        ("z-image-turbo", split, None, "taken"),
        ("../x", split, None, "cannot be a name"),
        ("Mine", split, None, "cannot be a name"),
        ("other", split, "z-image-huge", "not a known model"),
        ("other", split, "../cards/z-image", "not a known model"),
        ("other", split.parent / "nothing", None, "path: there is nothing at"),
        ("other", "~nobody-at-all/x", None, "path: there is nothing at"),
        ("other", "a\0b", None, "path: there is nothing at"),
        ("other", split.parent, None, "no folder of a model"),
    ):
        with pytest.raises(InvalidRequest, match=field):
            registry.add(name, path, like=like)
    registry.remove("mine")
    with pytest.raises(InvalidRequest, match="was not added"):
        registry.remove("mine")


def test_a_name_whose_weights_went_is_left_out(tmp_path: Path) -> None:
    root = tmp_path / "ComfyUI"
    written = export.save_comfyui(MINIATURE, root)
    registry.add("mine", root)
    for path in written.values():
        path.unlink()
    assert "mine" not in {model.id for model in models.models()}
    with pytest.raises(InvalidRequest, match="this ComfyUI holds no Z-Image transformer"):
        models.find("mine")


def test_another_family_s_defaults_are_no_use(split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = tmp_path / "cards"
    shutil.copytree(catalog.CARDS, cards)
    monkeypatch.setattr(catalog, "CARDS", cards)
    card = json.loads((cards / "z-image.json").read_text(encoding="utf-8"))
    (cards / "other.json").write_text(json.dumps(card | {"id": "other", "family": "stable_diffusion"}))
    with pytest.raises(InvalidRequest, match=r"of another family\. Use z-image-turbo or z-image"):
        registry.add("mine", split, like="other")
    own = registry.home() / registry.MODELS
    own.mkdir(parents=True, exist_ok=True)
    (own / "mine.json").write_text(json.dumps({"path": str(split), "like": "other"}))
    assert models.find("mine").card.family == "z_image"


def sparse(path: Path, shapes: dict[str, tuple[int, ...]], dtype: str = "BF16") -> Path:
    """Write a file whose header is whole and whose weights are holes of zeros."""
    entries, end = {}, 0
    for name, shape in shapes.items():
        size = math.prod(shape) * (2 if dtype == "BF16" else 1)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return path


TRANSFORMER = {"cap_embedder.1.weight": (3840, 2560)} | {f"layers.{n}.ffn_norm1.weight": (3840,) for n in range(30)}
TEXT = {"model.embed_tokens.weight": (151936, 2560)} | {
    f"model.layers.{n}.input_layernorm.weight": (2560,) for n in range(36)
}
VAE = {"decoder.conv_in.weight": (512, 16, 3, 3), "encoder.conv_in.weight": (128, 3, 3, 3)}


def test_real_files_in_comfyui_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "ComfyUI" / "models"
    turbo = sparse(root / "diffusion_models" / "z_image_turbo_bf16.safetensors", TRANSFORMER)
    base = sparse(root / "diffusion_models" / "z_image_bf16.safetensors", TRANSFORMER)
    text = sparse(root / "text_encoders" / "qwen_3_4b.safetensors", TEXT)
    vae = sparse(root / "vae" / "ae.safetensors", VAE)
    sparse(root / "vae" / "sd.safetensors", {"decoder.conv_in.weight": (512, 4, 3, 3)})
    for number, name in enumerate(("weight_scale_2", "weight_scale", "comfy_quant")):
        further = TRANSFORMER | {f"layers.0.attention.qkv.{name}": (7,)}
        sparse(root / "diffusion_models" / f"z_image_turbo_nvfp4_{number}.safetensors", further, "U8")
    monkeypatch.setenv(comfyui.VARIABLE, str(tmp_path / "ComfyUI"))
    entry = models.find("z-image-turbo")
    assert (entry.path, entry.card.id, entry.card.guided) == (turbo, "z-image-turbo", False)
    assert dict(entry.parts) == {"transformer": turbo, "text_encoder": text, "vae": vae}
    assert models.find("z-image").path == base
    assert models.count(entry, "Hello, world!") == 12, "the template's eight tokens and four"
    found = models.found()
    assert {(one.path.name, one.model_id, one.loadable) for one in found} >= {
        ("z_image_turbo_bf16.safetensors", "z-image-turbo", True),
        ("z_image_bf16.safetensors", "z-image", True),
    }
    for path in (root / "diffusion_models").glob("*nvfp4*"):
        with pytest.raises(ModelLoadError, match="quantized in a way that only ComfyUI's kernels read"):
            models.find(path)
    text.unlink()
    assert models.find("z-image-turbo").path is None
    with pytest.raises(ModelLoadError, match=r"its text encoder \(qwen_3_4b\) cannot be found"):
        models.find(turbo)
    assert ("comfyui transformer", turbo) in {(one.kind, one.path) for one in models.found()}


def test_what_belongs_together_is_found_from_a_deeper_folder(tmp_path: Path) -> None:
    root = tmp_path / "elsewhere" / "models"
    path = sparse(root / "diffusion_models" / "z-image" / "old" / "z_image_turbo.safetensors", TRANSFORMER)
    sparse(root / "text_encoders" / "a_fine_tune.safetensors", TEXT)
    text = sparse(root / "text_encoders" / "qwen_3_4b.safetensors", TEXT)
    vae = sparse(root / "vae" / "flux" / "ae.safetensors", VAE)
    for name in (path, root.parent):
        assert dict(models.find(name).parts) == {"transformer": path, "text_encoder": text, "vae": vae}


def test_a_full_comfyui_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request finds its model anew: what the other files are is remembered, however many there are."""
    root = tmp_path / "ComfyUI" / "models"
    for number in range(200):
        sparse(root / "checkpoints" / f"{number}.safetensors", {"double_blocks.0.img_attn.qkv.weight": (2, 2)})
    path = sparse(root / "diffusion_models" / "z_image_turbo.safetensors", TRANSFORMER)
    sparse(root / "text_encoders" / "qwen_3_4b.safetensors", TEXT)
    sparse(root / "vae" / "ae.safetensors", VAE)
    monkeypatch.setenv(comfyui.VARIABLE, str(root))
    assert models.find("z-image-turbo").path == path
    read, asked = header.read, []
    monkeypatch.setattr(header, "read", lambda file: asked.append(file) or read(file))
    assert models.find("z-image-turbo").path == path
    assert set(asked) == {path}
    (root / "checkpoints" / "0.safetensors").write_bytes(b"changed")
    assert models.find("z-image-turbo").path == path


def test_a_text_encoder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = sparse(tmp_path / "z_image_turbo.safetensors", TRANSFORMER)
    sparse(tmp_path / "ae.safetensors", VAE)
    scaled = TEXT | {"model.layers.0.mlp.up_proj.weight_scale_2": (1,)}
    sparse(tmp_path / "qwen_3_4b_nvfp4.safetensors", scaled)
    with pytest.raises(ModelLoadError, match=r"cannot be found: qwen_3_4b_nvfp4\.safetensors is quantized in a way"):
        models.find(path)


def test_files_in_the_libraries_spelling_draw_the_same_pixels(
    tmp_path: Path, plain: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    """Parts of a download in ComfyUI's folders; a text encoder with a head of its own, which is not used."""
    from safetensors.torch import load_file, save_file

    written = export.save_comfyui(MINIATURE, tmp_path)
    for component, name in (("transformer", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model")):
        save_file(load_file(MINIATURE.folder / component / f"{name}.safetensors"), written[component])
    text = load_file(written["text_encoder"])
    text["lm_head.weight"] = text["model.embed_tokens.weight"].clone()
    save_file(text, written["text_encoder"])
    assert np.array_equal(drawn(models.find(tmp_path)), plain)
    folder = tmp_path / "folder"
    shutil.copytree(MINIATURE.folder, folder)
    path = folder / "text_encoder" / "model.safetensors"
    path.chmod(0o644)
    save_file(text, path, metadata={"format": "pt"})
    assert np.array_equal(drawn(models.find(folder)), plain)
    assert capfd.readouterr().err == ""


def test_a_clone_without_its_large_files_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    shutil.copytree(MINIATURE.folder, folder)
    for path in folder.glob("*/*.safetensors"):
        path.chmod(0o644)
        path.write_bytes(BROKEN["a Git LFS pointer"])
    with pytest.raises(ModelLoadError, match=r"a Git LFS pointer.*git lfs pull"):
        ZImage.load(models.find(folder), "cpu")


def test_the_shipped_configs_are_the_real_architecture() -> None:
    from diffusers import AutoencoderKL, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3Model

    folder = bases.CONFIGS / "z-image"
    with torch.device("meta"):
        transformer = ZImageTransformer2DModel.from_config(ZImageTransformer2DModel.load_config(folder / "transformer"))
        text = Qwen3Model(Qwen3Config.from_pretrained(folder / "text_encoder", local_files_only=True))
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(folder / "vae"))
    assert [sum(value.numel() for value in module.parameters()) for module in (transformer, text, vae)] == [
        6_154_908_736,  # zimage.md
        4_022_468_096,  # Qwen3-4B without a head of its own
        83_819_683,  # FLUX.1's
    ]


@pytest.mark.parametrize("text", list(QWEN))
def test_the_shipped_tokenizer_is_qwen_s(text: str) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(bases.CONFIGS / "z-image" / "tokenizer" / "tokenizer.json"))
    assert tokenizer.encode(text).ids == QWEN[text]
    assert tokenizer.decode(QWEN[text], skip_special_tokens=False) == text


def test_the_shipped_clip_tokenizer_is_clip_s() -> None:
    from tokenizers import Tokenizer

    path = bases.CONFIGS / "stable-diffusion-v1-5" / "tokenizer" / "tokenizer.json"
    assert Tokenizer.from_file(str(path)).encode("a photo of a cat").ids == [49406, 320, 1125, 539, 320, 2368, 49407]


BROKEN = {
    "a pickle of PyTorch's": b"PK\x03\x04" + b"\0" * 60,
    "a pickle": b"\x80\x04\x95" + b"\0" * 60,
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12309866400\n",
    "a web page": b"\n<!DOCTYPE html><html><body>Sign in</body></html>" + b" " * 60,
    "a JSON text": b'{"error": "not found", "more": "text that is long enough"}',
    "is empty": b"",
    "is cut off": b"\1\0\0",
    "has 0 bytes": struct.pack("<Q", 0) + b"\0" * 60,
    "has 101000000 bytes": struct.pack("<Q", 101_000_000) + b"\0" * 60,
    "has 9223372036854775808 bytes": struct.pack("<Q", 2**63) + b"\0" * 60,
    "cut off inside its header": struct.pack("<Q", 5000) + b'{"a":' + b" " * 60,
    "a damaged header": struct.pack("<Q", 20) + b'{"a": [1, 2, 3], 4: 5' + b"\0" * 60,
}


@pytest.mark.parametrize("what", list(BROKEN))
def test_what_is_no_weights_is_told(what: str, tmp_path: Path) -> None:
    path = tmp_path / "z_image_turbo.safetensors"
    path.write_bytes(BROKEN[what])
    with pytest.raises(ModelLoadError, match=what) as told:
        models.find(path)
    assert str(told.value).endswith(".")


def test_a_checkpoint_s_name_is_a_pickle_s(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    path.write_bytes(struct.pack("<Q", 2) + b"{}" + b"\0" * 60)
    with pytest.raises(ModelLoadError, match="name of a pickle"):
        models.find(path)


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_download_that_stopped_is_told(tenth: int, split: Path, tmp_path: Path) -> None:
    whole = (split / "models" / "diffusion_models" / "miniature_turbo.safetensors").read_bytes()
    path = tmp_path / "miniature_turbo.safetensors"
    path.write_bytes(whole[: len(whole) * tenth // 10])
    with pytest.raises(ModelLoadError, match=r"is cut off: \d+% of its weights came. Download it again"):
        models.find(path)


@pytest.mark.parametrize("length", [640, 896, 1152, 1408, 66176, 0x3C20, 0x7B20, 123, 316])
def test_a_length_that_spells_another_format_is_a_length(length: int, tmp_path: Path) -> None:
    text = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", length) + text + bytes(4))
    assert header.read(path).numbers == 1


@pytest.mark.parametrize(
    "entry", [{"shape": [math.inf]}, {"shape": [10**12]}, {"shape": [-1]}, {"data_offsets": [4, 0]}]
)
def test_a_tensor_that_cannot_be_is_told(entry: dict[str, Any], tmp_path: Path) -> None:
    """Memory is reckoned from shapes before anything is read, so a shape must have its bytes."""
    text = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | entry}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    with pytest.raises(ModelLoadError, match="damaged header"):
        header.read(path)


def test_no_path_is_told() -> None:
    with pytest.raises(ModelLoadError, match="is no path"):
        header.read(Path("a\0b"))


@settings(max_examples=150)
@given(st.binary(max_size=300))
def test_any_bytes_are_told_or_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "x.safetensors"
    path.write_bytes(data)
    try:
        numbers = header.read(path).numbers
    except ModelLoadError as told:
        sentence = str(told)
        assert str(path) in sentence
    else:
        assert numbers >= 0


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"conditioner.embedders.1.model.x": (2, 2)}, "a Stable Diffusion XL checkpoint"),
        ({"double_blocks.0.img_attn.qkv.weight": (2, 2)}, "a FLUX transformer"),
        ({"transformer_blocks.0.img_mlp.net": (2, 2), "txt_norm.weight": (2,)}, "a Qwen-Image transformer"),
        ({"lora_unet_layers_0_attention_to_q.lora_down.weight": (4, 3840)}, "a LoRA"),
        ({"diffusion_model.layers.0.attention.to_q.lora_A.weight": (4, 3840)}, "a LoRA"),
        (VAE, "a VAE"),
        (TEXT, "a Qwen text encoder"),
        ({"cap_embedder.1.weight": (512, 256)}, "a Z-Image transformer of a size that is not known here"),
        ({"something": (2, 2)}, "weights that are not known here"),
        ({"cond_stage_model.x": (2, 2), "y.attn2.to_k.weight": (320, 1024)}, "not a whole one of 1.5"),
    ],
)
def test_another_architecture_is_told(tensors: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=words) as told:
        models.find(sparse(tmp_path / "z_image_turbo.safetensors", tensors, "F8_E4M3"))
    assert "xpected" in str(told.value)


def test_a_folder_that_brings_code_is_refused(tmp_path: Path) -> None:
    for number, (name, change) in enumerate(
        (
            ("transformer/config.json", {"auto_map": {"AutoModel": "evil.Model"}}),
            ("text_encoder/config.json", {"_attn_implementation_internal": "evil/kernel"}),
            ("text_encoder/config.json", {"text_config": {"auto_map": {}}}),
            ("text_encoder/config.json", {"attn_implementation": "evil/kernel"}),
            ("text_encoder/config.json", {"_attn_implementation": {"": "evil/kernel"}}),
            ("model_index.json", {"transformer": ["evil_pipeline", "Transformer"]}),
        )
    ):
        folder = tmp_path / str(number)
        shutil.copytree(MINIATURE.folder, folder)
        (folder / "card.json").unlink()
        path = folder / name
        path.chmod(0o644)
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(InvalidRequest, match="asks to run code"):
            models.find(folder)


def test_a_folder_that_brings_code_is_not_listed(tmp_path: Path) -> None:
    """Neither from the home, nor from the cache, nor in the place of a known model."""
    for folder in (
        tmp_path / "home" / "models" / "mine",
        tmp_path / "home" / "models" / "z-image-turbo",
        tmp_path / "hub" / "models--Tongyi-MAI--Z-Image" / "snapshots" / "abc",
    ):
        shutil.copytree(MINIATURE.folder, folder)
        (folder / "card.json").unlink()
        path = folder / "text_encoder" / "config.json"
        path.chmod(0o644)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoModel": "evil.Model"}}))
    listed = {model.id: model.path for model in models.models()}
    assert "mine" not in listed
    assert (listed["z-image-turbo"], listed["z-image"]) == (None, None)
    assert models.find("z-image-turbo").path is None


def test_a_changed_copy_has_hashes_of_its_own(tmp_path: Path) -> None:
    """A card that was copied with the folder tells the hashes of other files."""
    folder = tmp_path / "home" / "models" / "mine"
    shutil.copytree(MINIATURE.folder, folder)
    card = folder / "card.json"
    card.chmod(0o644)
    card.write_text(json.dumps(json.loads(card.read_text()) | {"id": "mine"}))
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    for name in ("mine", folder):
        told = hashes.weights_sha256(models.find(name), tmp_path / "home")
        name_of_vae = "vae/diffusion_pytorch_model.safetensors"
        assert told[name_of_vae] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert told[name_of_vae] != MINIATURE.card.sha256[name_of_vae]


def test_a_file_that_lacks_tensors_is_told(split: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(split / "models" / "diffusion_models" / "miniature_turbo.safetensors")
    del tensors["layers.3.feed_forward.w2.weight"]
    save_file(tensors, tmp_path / "miniature_turbo.safetensors")
    with pytest.raises(ModelLoadError, match="lack some tensors"):
        ZImage.load(models.find(tmp_path / "miniature_turbo.safetensors"), "cpu")


def test_the_libraries_are_quiet_only_while_they_load() -> None:
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    def state() -> list[tuple[int, bool]]:
        return [(one.get_verbosity(), one.is_progress_bar_enabled()) for one in (of_diffusers, of_transformers)]

    before = state()
    with load_z_image.quiet():
        assert [bar for _, bar in state()] == [False, False]
    assert state() == before


def test_bytes_are_told_before_anything_is_read(split: Path) -> None:
    whole = load_z_image.component_bytes(MINIATURE, 4)
    family = ZImage.load(MINIATURE, "cpu")
    assert whole == {name: family.memory_bytes[name] for name in whole}
    assert load_z_image.component_bytes(models.find(split), 4) == whole


def test_export_refuses_what_it_cannot_write(split: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="single files already"):
        export.save_comfyui(models.find(split), tmp_path)
    (tmp_path / "models").touch()
    with pytest.raises(ZImageError, match="cannot be written"):
        export.save_comfyui(MINIATURE, tmp_path)


def test_every_card_has_its_bases() -> None:
    assert {path.name for path in bases.bases()} >= {"z-image", "miniature-turbo"}
    assert catalog.BUNDLED == bases.BUNDLED
