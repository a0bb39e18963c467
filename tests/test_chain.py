"""The chain of records: whatever is changed is found, and what a person had removed is gone and known to be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from samples import record

from zimage_lab.errors import InvalidRequest, StoreError
from zimage_lab.recipe import ImageFile, RunRecord
from zimage_lab.store import chain
from zimage_lab.store.images import pixels_sha256, save_png
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records
from zimage_lab.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPT = "穿唐装的老人 in front of a palace"


def saved(home: Path, prompt: str = PROMPT, seed: int = 1, **changes: object) -> RunRecord:
    """Write a picture and give its record."""
    seconds = {"encode": 0.1, "denoise": 0.2, "decode": 0.3}  # their sum depends on the order
    made = record(prompt, seed=seed, seconds=seconds, warnings=[f"It does not know {prompt!r}."], **changes)
    picture = Image.new("RGB", (64, 64), (seed, 2, 3))
    done = save_png(picture, made, home)
    path = done.path.relative_to(home).as_posix()
    return made.replace(image=ImageFile(path=path, sha256=done.sha256, pixels_sha256=done.pixels_sha256))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "lab"


@pytest.fixture
def records(home: Path) -> Iterator[Records]:
    home.mkdir()
    with Records(home) as made:
        for seed in range(1, 4):
            made.append(saved(home, seed=seed))
        yield made


def tamper(home: Path, *statements: str) -> None:
    """Change the file as somebody would who has the rights to: behind every guard."""
    with closing(sqlite3.connect(home / "lab.db")) as connection:
        for trigger in ("records_stay", "records_hold"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_sound_home_has_nothing_to_say(records: Records, home: Path) -> None:
    assert records.broken() == ()
    assert verify(home) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE records SET body = replace(body, '\"steps\":8', '\"steps\":9') WHERE sequence = 2", "was changed"),
        ("UPDATE records SET kind = 'prompt_erased' WHERE sequence = 2", "was changed"),
        ("UPDATE records SET about = 'x' WHERE sequence = 2", "was changed"),
        ("UPDATE records SET id = 'x' WHERE sequence = 2", "was changed"),
        ("UPDATE records SET link = 'x' WHERE sequence = 2", "does not follow"),
        ("UPDATE records SET previous = 'x' WHERE sequence = 2", "does not follow"),
        ("UPDATE records SET sequence = 9 WHERE sequence = 3", "is missing"),
        ("DELETE FROM records WHERE sequence = 2", "is missing"),
        ("DELETE FROM records WHERE sequence = 3", "are missing"),
        ("UPDATE secrets SET prompt = 'a cat' WHERE record_id = (SELECT id FROM records WHERE sequence = 2)", "prompt"),
        ("UPDATE secrets SET told = '{}'", "told"),
        ("UPDATE secrets SET salt = 'x'", "prompt"),
        ("DELETE FROM runs WHERE sequence = 2", "not in the list"),
        ("DELETE FROM secrets", "nothing says that they were erased"),
        ("UPDATE runs SET seed = '9' WHERE sequence = 2", "another seed"),
        ("UPDATE runs SET prompt = 'a dog', state = 'failed' WHERE sequence = 2", "another state, prompt"),
        ("UPDATE runs SET image_path = NULL, deleted = 1 WHERE sequence = 2", "another image_path, deleted"),
        ("UPDATE runs SET record_id = 'x' WHERE sequence = 2", "not in the chain"),
    ],
)
def test_every_change_is_found(records: Records, home: Path, statement: str, said: str) -> None:
    assert records.broken() == ()
    tamper(home, statement)
    assert any(said in problem for problem in verify(home)), verify(home)


def test_nobody_changes_or_removes_a_record_by_accident(records: Records) -> None:
    with pytest.raises(StoreError, match="never"), records._database.write() as connection:
        connection.execute("DELETE FROM records")
    with pytest.raises(StoreError, match="never"), records._database.write() as connection:
        connection.execute("UPDATE records SET body = ''")
    assert records.broken() == ()


def test_every_change_of_a_picture_is_found(records: Records, home: Path) -> None:
    paths = [home / made.image.path for made in records.list() if made.image]
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:-40])
    Image.new("RGB", (64, 64)).save(paths[2])
    Image.new("RGB", (8, 8)).save(home / "images" / "stranger.png")
    said = "\n".join(verify(home))
    assert "cannot be read" in said
    assert "damaged" in said
    assert "was changed" in said
    assert "stranger.png is in no record" in said
    assert len(verify(home)) == 4


def test_a_deleted_picture_keeps_its_record(records: Records, home: Path) -> None:
    (first, *_) = records.list()
    assert first.image is not None
    assert records.delete_picture(first.id) is True
    assert records.delete_picture(first.id) is False
    assert not (home / first.image.path).exists()
    assert records.get(first.id) == first
    assert verify(home) == []
    with pytest.raises(InvalidRequest, match="no record"):
        records.delete_picture("nothing")


@pytest.mark.parametrize("name", ["lab.db", "../outside.png", "images/../lab.db"])
def test_a_record_cannot_have_another_file_deleted(records: Records, home: Path, name: str) -> None:
    (home.parent / "outside.png").write_bytes(b"x")
    made = record(seed=7, image=ImageFile(path=name, sha256="0", pixels_sha256="0"))
    records.append(made)
    assert any("outside of the folder" in problem for problem in verify(home))
    assert records.delete_picture(made.id) is False
    assert (home / name).exists()


def test_the_folder_of_pictures_may_be_a_link(records: Records, home: Path, tmp_path: Path) -> None:
    (home / "images").rename(tmp_path / "larger disk")
    (home / "images").symlink_to(tmp_path / "larger disk")
    assert verify(home) == []
    (first, *_) = records.list()
    assert records.delete_picture(first.id) is True
    assert verify(home) == []


def test_an_erased_prompt_leaves_no_byte(records: Records, home: Path) -> None:
    with Queue(home) as queue:
        for made in records.list():
            job = queue.put(made.request, name=PROMPT)
            queue.cancel(job.id)
            with records._database.write() as connection:  # the job of the record
                connection.execute("UPDATE jobs SET id = ? WHERE id = ?", (made.job_id, job.id))
        for made in queue.list():
            for run in records.by_job(made.id):
                records.erase_prompt(run.id)
        for run in records.list():
            records.erase_prompt(run.id)  # a second time changes nothing
    for run in records.list():
        assert run.request.prompt == chain.ERASED
        assert run.warnings == []
        if run.image is None:
            continue
        with Image.open(home / run.image.path) as picture:
            assert pixels_sha256(picture) == run.image.pixels_sha256
    assert verify(home) == []
    records.close()
    for path in home.rglob("*"):
        if path.is_file():
            assert PROMPT.encode() not in path.read_bytes(), path
            assert "唐装".encode() not in path.read_bytes(), path


def test_erasing_a_damaged_picture_deletes_it(records: Records, home: Path) -> None:
    (first, *_) = records.list()
    assert first.image is not None
    path = home / first.image.path
    path.write_bytes(path.read_bytes()[:-40])
    records.erase_prompt(first.id)
    assert not path.exists()
    assert verify(home) == []


def test_erasing_says_when_a_reader_keeps_the_old_bytes(
    records: Records, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zimage_lab.store.records.CHECKPOINT_SECONDS", 0.1)
    monkeypatch.setattr("zimage_lab.store.database.BUSY_SECONDS", 0.1)
    (first, *_) = records.list()
    with closing(sqlite3.connect(home / "lab.db", isolation_level=None)) as reader, Records(home) as impatient:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM secrets").fetchone()
        with pytest.raises(StoreError, match="Erase it once more"):
            impatient.erase_prompt(first.id)
        reader.execute("COMMIT")
        impatient.erase_prompt(first.id)
    assert records.get(first.id).request.prompt == chain.ERASED


def test_an_error_that_quotes_the_prompt_is_forgotten_too(records: Records, home: Path) -> None:
    made = record("a cat", state="failed", error=f"It could not draw {PROMPT!r}.")
    records.append(made)
    assert records.get(made.id) == made
    records.erase_prompt(made.id)
    assert records.get(made.id).error is None
    assert verify(home) == []


def test_a_waiting_jobs_prompt_is_not_erased(records: Records, home: Path) -> None:
    (first, *_) = records.list()
    with Queue(home) as queue:
        job = queue.put(first.request)
        with records._database.write() as connection:
            connection.execute("UPDATE jobs SET id = ? WHERE id = ?", (first.job_id, job.id))
        with pytest.raises(InvalidRequest, match="still queued"):
            records.erase_prompt(first.id)
    assert records.get(first.id).request.prompt == PROMPT


def test_records_of_the_first_layout_are_chained(tmp_path: Path) -> None:
    from zimage_lab.store.schema import MIGRATIONS

    old = [record(seed=seed) for seed in range(3)]
    with closing(sqlite3.connect(tmp_path / "lab.db")) as connection:
        for step in MIGRATIONS[0]:
            assert isinstance(step, str)
            connection.executescript(step)
        for made in old:
            values = (made.id, made.job_id, "succeeded", "m", "1", made.created_at, made.to_json())
            connection.execute("INSERT INTO records VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute("PRAGMA user_version=1")
        connection.commit()
    with Records(tmp_path) as records:
        assert records.list() == old[::-1]
        assert records.broken() == ()
    assert (tmp_path / "lab.db.v1.bak").exists()
