"""The writer of pictures: whole or not at all, the recipe inside, and strangers' files read with care."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo
from samples import record

from zimage_lab.errors import InvalidOutput, InvalidRequest, StoreError
from zimage_lab.store.images import pixels_sha256, read_recipe, save_png, sweep, write_whole
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from pathlib import Path


def picture(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 48, 3), dtype=np.uint8))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks)


def leftovers(home: Path) -> list[Path]:
    return list(home.rglob("*.part"))


@pytest.mark.parametrize(
    "prompt", ["a red circle", "café", "左侧一个红色的圆形\n第二行", "👩‍👩‍👧 \u202e", "</x:xmpmeta>\t'\""]
)
def test_save_and_read_back(tmp_path: Path, prompt: str) -> None:
    made, image = record(prompt), picture()
    path, sha256, pixels = save_png(image, made, tmp_path)
    assert path == tmp_path / "images" / made.created_at[:10] / f"{made.id}.png"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    inside = read_recipe(path)
    assert inside.request == made.request
    assert inside.image is not None
    assert (inside.image.path, inside.image.sha256) == (path.relative_to(tmp_path).as_posix(), None)
    assert inside.image.pixels_sha256 == pixels
    with Image.open(path) as again:
        assert pixels_sha256(again) == pixels == pixels_sha256(image)
        assert again.text["parameters"] == made.as_parameters()  # type: ignore[attr-defined]
    assert leftovers(tmp_path) == []


def test_pixels_hash_sees_size_and_pixels_only() -> None:
    assert pixels_sha256(picture(1)) == pixels_sha256(picture(1))
    assert pixels_sha256(picture(1)) != pixels_sha256(picture(2))
    assert pixels_sha256(Image.new("RGB", (2, 8))) != pixels_sha256(Image.new("RGB", (8, 2)))
    assert pixels_sha256(Image.new("L", (2, 8), 7)) == pixels_sha256(Image.new("RGB", (2, 8), (7, 7, 7)))


def test_only_rgb(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput, match="RGBA"):
        save_png(Image.new("RGBA", (8, 8)), record(), tmp_path)
    assert not (tmp_path / "images").exists()


def test_saving_again_replaces(tmp_path: Path) -> None:
    made = record()
    save_png(picture(1), made, tmp_path)
    path, _, pixels = save_png(picture(2), made, tmp_path)
    with Image.open(path) as image:
        assert pixels_sha256(image) == pixels
    assert len(list(path.parent.iterdir())) == 1


def test_full_disk_is_noticed_before_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StoreError, match="is full, the picture was not saved"):
        save_png(picture(), record(), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("number", "says"), [(errno.ENOSPC, "is full"), (errno.EROFS, "Read-only"), (errno.EIO, "cannot be written")]
)
def test_disk_that_fails_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str) -> None:
    target = tmp_path / "x.png"
    target.write_bytes(b"old")

    def fails(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StoreError, match=says):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_interrupt_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupts(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupts)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "x.png", b"new")
    assert list(tmp_path.iterdir()) == []


WRITER = """
import os, sys, time
from pathlib import Path
from PIL import Image
from zimage_lab.recipe import RunRecord
from zimage_lab.store.images import save_png

stop, synced = int(sys.argv[3]), 0
real = os.fsync

def fsync(descriptor):
    global synced
    if synced == stop:
        print("there", flush=True)
        time.sleep(60)
    synced += 1
    real(descriptor)

os.fsync = fsync
save_png(Image.new("RGB", (64, 64), (200, 30, 30)), RunRecord.from_json(sys.argv[2]), Path(sys.argv[1]))
"""


@pytest.mark.parametrize(("stop", "kept"), [(0, False), (1, False), (2, True)])
def test_kill_at_each_stage_of_writing(tmp_path: Path, stop: int, kept: bool) -> None:  # noqa: FBT001 - a case
    """Stop 0 is before anything, 1 with the file written but not named, 2 with it named."""
    made = record("红")
    command = [sys.executable, "-c", WRITER, str(tmp_path), made.to_json(), str(stop)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "there\n"
        child.send_signal(signal.SIGKILL)
    whole = list(tmp_path.rglob("*.png"))
    assert len(whole) == kept
    for path in whole:
        inside = read_recipe(path)
        with Image.open(path) as image:
            assert inside.image is not None
            assert pixels_sha256(image) == inside.image.pixels_sha256
    assert len(leftovers(tmp_path)) == (stop == 1)
    Records(tmp_path).close()  # opening sweeps
    assert leftovers(tmp_path) == []


def test_sweep_takes_the_dead_and_the_old_only(tmp_path: Path) -> None:
    folder = tmp_path / "images" / "2026-01-01"
    folder.mkdir(parents=True)
    alive, dead, old, odd = (
        folder / f".x.png.{name}.part" for name in (os.getpid(), 2**30, f"0{os.getpid()}", "9" * 99)
    )
    for part in (alive, dead, old, odd):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    (folder / "keep.png").write_bytes(b"")
    assert sweep(tmp_path) == 3
    assert sorted(path.name for path in folder.iterdir()) == sorted([alive.name, "keep.png"])
    assert sweep(tmp_path / "nowhere") == 0


def test_next_save_sweeps_its_folder(tmp_path: Path) -> None:
    made = record()
    path = save_png(picture(), made, tmp_path).path
    path.with_name(f".y.png.{2**30}.part").write_bytes(b"half")
    save_png(picture(), made, tmp_path)
    assert leftovers(tmp_path) == []


def refused(path: Path, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as caught:
        read_recipe(path)
    assert caught.value.field == "path"


def test_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(60000, 60000, chunk(b"IDAT", zlib.compress(bytes(1000))), chunk(b"IEND", b"")))
    refused(path, r"is too large \(60000x60000\)")


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_text_bombs_are_refused(tmp_path: Path, kind: bytes) -> None:
    bomb = zlib.compress(bytes(64 * 2**20), 9)
    data = b"zimage_lab\0\0" + bomb if kind == b"zTXt" else b"zimage_lab\0\1\0\0\0" + bomb
    path = tmp_path / "bomb.png"
    path.write_bytes(png(8, 8, chunk(kind, data), chunk(b"IDAT", zlib.compress(bytes(200))), chunk(b"IEND", b"")))
    refused(path, "is damaged|holds no recipe")


def test_ten_thousand_text_chunks(tmp_path: Path) -> None:
    many = [chunk(b"tEXt", b"key%d\0value" % number) for number in range(10_000)]
    path = tmp_path / "many.png"
    path.write_bytes(png(8, 8, *many, chunk(b"IDAT", zlib.compress(bytes(200))), chunk(b"IEND", b"")))
    refused(path, "holds no recipe")


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"GIF89a" + bytes(100), png(8, 8)[:20], b"\xff\xd8\xff" + bytes(50)]
)
def test_what_is_no_png(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(data)
    refused(path, "is not a PNG")


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.png", "cannot be read")
    refused(tmp_path, "cannot be read")
    refused(tmp_path / "a\0b", "cannot be read")


def test_truncated_at_each_tenth(tmp_path: Path) -> None:
    whole = save_png(picture(), record(), tmp_path).path.read_bytes()
    path = tmp_path / "cut.png"
    for tenth in range(10):
        path.write_bytes(whole[: len(whole) * tenth // 10])
        try:
            read_recipe(path)  # a cut behind the recipe leaves the recipe
        except InvalidRequest as error:
            assert error.field == "path"  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"id": 3}', "[" * 100_000, "x" * 1_000_001])
def test_forged_recipes_are_refused(tmp_path: Path, text: str) -> None:
    info = PngInfo()
    info.add_text("zimage_lab", text)
    path = tmp_path / "forged.png"
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    path.write_bytes(buffer.getvalue())
    with pytest.raises(InvalidRequest):
        read_recipe(path)


def test_a_record_cannot_name_a_place_outside(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="id"):
        record(id="../../x")
    assert save_png(picture(), record(), tmp_path).path.is_relative_to(tmp_path)


def test_threads_that_write_one_name_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, both = os.fsync, threading.Barrier(2)

    def together(descriptor: int) -> None:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            both.wait(10)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", together)
    target, contents = tmp_path / "x.png", (b"a" * 9, b"b" * 5)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write_whole, [target] * 2, contents))
    assert target.read_bytes() in contents
    assert leftovers(tmp_path) == []


def test_no_pixel_is_decoded_for_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = record()
    path = save_png(picture(), made, tmp_path).path

    def decodes(_: object) -> None:
        pytest.fail("the pixels were decoded")

    monkeypatch.setattr(PngImageFile, "load", decodes)
    assert read_recipe(path).request == made.request
