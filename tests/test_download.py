"""Weights from a hub: nothing before a yes, resumed, verified, and a sentence for all that a hub may answer.

The hub is a small server on this machine that speaks as much of the protocol as the client asks for.
"""

from __future__ import annotations

import shutil
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
from fake_hub import COMMIT, HUB_ID, Hub

from zimage_lab import models
from zimage_lab.errors import Cancelled, InvalidRequest, ModelLoadError, StoreError
from zimage_lab.models import download, folders

if TYPE_CHECKING:
    from pathlib import Path


def get(**options: Any) -> models.Model:  # noqa: ANN401 - as download's
    return download.download("z-image-turbo", **{"confirm": lambda _: True, **options})


def test_a_download_is_whole_verified_and_found(hub: type[Hub], tmp_path: Path) -> None:
    offers, told = [], []
    entry = get(confirm=lambda offer: offers.append(offer) or True, progress=lambda *now: told.append(now))
    assert entry.path == tmp_path / "cache" / "models--Tongyi-MAI--Z-Image-Turbo" / "snapshots" / COMMIT
    assert not folders.missing(entry.folder)
    (offer,) = offers
    assert (offer.revision, offer.hub_id, offer.licence) == (COMMIT, HUB_ID, "Apache-2.0")
    assert f"{offer.missing_bytes / 1e9:.1f} GB" in offer.sentence
    assert offer.endpoint in offer.sentence
    names = {path.relative_to(entry.folder).as_posix() for path in entry.folder.rglob("*") if path.is_file()}
    assert names == {file.path for file in offer.files}
    assert not {"README.md", "evil.py", "model.safetensors"} & names
    assert not any("fp16" in name or name.endswith(".bin") or "safety" in name for name in names)
    assert told[-1] == (offer.missing_bytes, offer.missing_bytes)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    before = len(hub.asked)
    assert get(confirm=lambda _: pytest.fail("it is here")) == entry
    assert len(hub.asked) == before, "what is here needs no network"
    assert models.find("z-image-turbo") == entry


def test_nothing_is_fetched_before_a_yes(hub: type[Hub], tmp_path: Path) -> None:
    with pytest.raises(Cancelled, match="Nothing was downloaded of z-image-turbo"):
        get(confirm=lambda _: False)
    assert not any("/resolve/" in path for _, path, _ in hub.asked)
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").rglob("*.safetensors"))


def test_a_connection_that_breaks_is_resumed(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 20_000)  # of 10 MB: what is kept of a break
    name = "transformer/diffusion_pytorch_model.safetensors"
    hub.cut[name] = 100_000
    entry = get()
    assert (entry.folder / name).read_bytes() == hub.files[name]
    assert any(begun.startswith("bytes=") for command, path, begun in hub.asked if command == "GET" and name in path)


def test_a_download_that_was_stopped_goes_on(hub: type[Hub]) -> None:
    def stop(done: int, total: int) -> None:
        if done > total // 2:
            message = "enough"
            raise Cancelled(message)

    with pytest.raises(Cancelled, match="enough"):
        get(progress=stop)
    assert models.find("z-image-turbo").path is None
    offers = []
    entry = get(confirm=lambda offer: offers.append(offer) or True)
    assert offers[0].missing_bytes < sum(file.bytes for file in offers[0].files), "what has come is counted"
    assert not folders.missing(entry.folder)
    assert len(hub.asked) > 0


def test_a_file_of_another_hash_is_thrown_away(hub: type[Hub]) -> None:
    name = "vae/diffusion_pytorch_model.safetensors"
    hub.wrong.add(name)
    with pytest.raises(ModelLoadError, match="came damaged: its SHA-256 is not what the hub says"):
        get()
    assert models.find("z-image-turbo").path is None
    hub.wrong.clear()
    assert not folders.missing(get().folder)


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "needs a token in HF_TOKEN"), (403, "Accept its terms"), (404, "does not exist there"), (500, "Try again")],
)
def test_a_refusal_is_a_sentence(hub: type[Hub], status: int, words: str) -> None:
    hub.status = status
    with pytest.raises(ModelLoadError, match=words) as told:
        get()
    assert str(told.value).startswith(f"{HUB_ID} cannot be fetched from http://127.0.0.1")


def test_a_token_is_sent_and_never_told(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "hf_secretsecretsecret"  # noqa: S105 - made up
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert get().path is not None
    hub.status = 500
    shutil.rmtree(folders.hub_cache())
    with pytest.raises(ModelLoadError) as told:
        get()
    assert "secret" not in str(told.value)


def test_nobody_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelLoadError, match="HF_ENDPOINT names a mirror"):
        get()


def test_a_full_disk_is_told_before(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(path)._replace(free=1_000_000))
    with pytest.raises(StoreError, match="Make room there"):
        get(confirm=lambda _: pytest.fail("no need to ask"))
    assert not any("/resolve/" in path for _, path, _ in hub.asked)


def test_a_hub_without_safetensors(hub: type[Hub]) -> None:
    hub.files = {name: data for name, data in hub.files.items() if not name.endswith(".safetensors")}
    with pytest.raises(ModelLoadError, match="has no safetensors weights"):
        get()


def test_models_that_are_on_no_hub(tmp_path: Path) -> None:
    source = models.find("miniature-turbo").folder
    assert download.download("miniature-turbo", confirm=lambda _: False).folder == source
    with pytest.raises(InvalidRequest, match="not a known model"):
        download.download("nothing", tmp_path, confirm=lambda _: True)


def test_names_that_leave_the_folder_are_not_wanted() -> None:
    for name in ("../x/y.safetensors", "/etc/x.json", "a/b/c.json", "transformer/../../x.json", "x.py", "a/x.bin"):
        assert not download._wanted(name)
    for name in ("model_index.json", "transformer/config.json", "tokenizer/merges.txt", "vae/model-1.safetensors"):
        assert download._wanted(name)


def test_modelscope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = models.find("miniature-turbo").folder
    monkeypatch.setenv(download.HUB, "modelscope")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelLoadError, match="pip install modelscope"):
        get(place=tmp_path)
    calls = []

    def fetch(model_id: str, *, local_dir: str, **options: object) -> str:
        calls.append((model_id, options))
        shutil.copytree(source, local_dir, ignore=shutil.ignore_patterns("card.json"))
        return local_dir

    fake = types.ModuleType("modelscope")
    fake.snapshot_download = fetch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "modelscope", fake)
    monkeypatch.setattr(download.importlib.util, "find_spec", lambda _: True)
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(path)._replace(free=10**12))
    entry = get(place=tmp_path)
    assert entry.path == tmp_path / "models" / "z-image-turbo"
    assert calls[0][0] == HUB_ID


def test_from_the_shell(
    hub: type[Hub], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zimage_lab.cli import main

    home = str(tmp_path / "home")
    assert main(["models", "get", "z-image-turbo", "--home", home]) == 2
    printed = capsys.readouterr().err
    assert "GB are free" in printed
    assert "--yes: nobody can be asked here" in printed
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert main(["models", "get", "z-image-turbo", "--home", home]) == 3
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert main(["models", "get", "z-image-turbo", "--home", home]) == 0
    printed = capsys.readouterr()
    assert "z-image-turbo is ready" in printed.out
    assert "0 of " in printed.err or "B of " in printed.err
    hub.status = 500
    assert main(["models", "get", "z-image", "--yes", "--home", home]) == 1
