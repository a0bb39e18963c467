"""Hashes of weights are worked out once, and remembered as long as the file stays what it is."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from zimage_lab import models
from zimage_lab.models import export, hashes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, reads = tmp_path / "a.safetensors", []
    path.write_bytes(b"weights")
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: reads.append(1) or digest(*given))
    for _ in range(3):
        assert hashes.sha256_of(path, tmp_path) == hashlib.sha256(b"weights").hexdigest()
    assert len(reads) == 1
    path.write_bytes(b"changed")
    os.utime(path, (1, 1))
    assert hashes.sha256_of(path, tmp_path) == hashlib.sha256(b"changed").hexdigest()
    (tmp_path / "models" / hashes.REMEMBERED).write_text("damaged")
    assert hashes.sha256_of(path, tmp_path) == hashlib.sha256(b"changed").hexdigest()


def test_the_cache_s_own_name_is_the_hash(tmp_path: Path) -> None:
    name = "ab" * 32
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / name).write_bytes(b"not read")
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "blobs" / name)
    assert hashes.sha256_of(tmp_path / "link.safetensors", tmp_path) == name


def test_a_home_that_cannot_be_written_still_tells(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"x")
    (tmp_path / "models").touch()
    assert hashes.sha256_of(path, tmp_path) == hashlib.sha256(b"x").hexdigest()


def test_a_model_s_files_are_told_without_their_place(tmp_path: Path) -> None:
    miniature = models.find("miniature-turbo")
    assert hashes.weights_sha256(miniature, tmp_path) == miniature.card.sha256
    written = export.save_comfyui(miniature, tmp_path)
    told = hashes.weights_sha256(models.find(tmp_path), tmp_path)
    assert set(told) == {path.name for path in written.values()}
    alone = written["transformer"].rename(tmp_path / "miniature_turbo.safetensors")
    written["text_encoder"].unlink()
    written["vae"].unlink()
    told = hashes.weights_sha256(models.find(alone), tmp_path)
    assert set(told) == {
        "miniature_turbo.safetensors",
        "text_encoder/model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
    }
