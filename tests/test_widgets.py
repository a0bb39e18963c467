"""The panel without a browser and without a model: an engine that does nothing until a test says so."""

from __future__ import annotations

import dataclasses
import html
import io
import json
import re
import string
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from ipywidgets.widgets import widget as ipywidgets
from PIL import Image

from zimage_lab import models
from zimage_lab.engine.events import Events
from zimage_lab.engine.job import Job, Progress
from zimage_lab.errors import InvalidRequest, ModelLoadError, StoreError
from zimage_lab.recipe import Environment, ModelIdentity, RunRecord, now
from zimage_lab.result import GeneratedImage
from zimage_lab.widgets import Panel, panel
from zimage_lab.widgets.panel import MOST
from zimage_lab.widgets.publisher import Publisher
from zimage_lab.widgets.sentences import beside, translated
from zimage_lab.widgets.words import TABLE, Words, language

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fake_hub import Hub

    from zimage_lab.request import GenerationRequest

HOSTILE = "<img src=x onerror=alert(1)>"
PROMPT = "a red cat on the left"


class StillEngine:
    """Takes jobs as the engine does, and lets the test move them."""

    def __init__(self) -> None:
        self.events, self.all, self.refuse = Events(), [], None
        self.home, self.model = None, "miniature-turbo"
        self.state, self.keys = "idle", []

    def submit(self, request: GenerationRequest, *, key: str, source: str, parent_id: str | None = None) -> Job:
        del parent_id
        assert source == "panel"
        if self.refuse is not None:
            raise self.refuse
        job = Job(str(uuid.uuid4()), request, models.check(request))
        job._on_cancel = lambda job: job.state == "queued" and job._finish("cancelled", error="Cancelled.")
        self.all.append(job)
        self.keys.append(key)
        self.events.emit("state", job.id, state="queued")
        return job

    def jobs(self) -> list[Job]:
        return list(reversed(self.all))

    def cancel(self, job_id: str) -> None:
        next(job for job in self.all if job.id == job_id).cancel()

    def status(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "model": None,
            "default_model": self.model,
            "device": "cpu",
            "memory_bytes": 28_000_000,
        }

    def step(self, job: Job, number: int) -> None:
        job.state = "running"
        job.progress = Progress("denoising", number, job.request.steps, 0.3)
        job.preview = Image.new("RGB", (64, 64), (number * 9, 90, 40))
        self.events.emit("step", job.id)

    def finish(self, job: Job) -> None:
        record = RunRecord(
            job_id=job.id,
            request=job.request,
            state="succeeded",
            created_at=now(),
            seconds={"encode": 0.1, "denoise": 0.3},
            model=ModelIdentity(id=job.request.model, family="z_image"),
            environment=Environment(zimage_lab="0", python="3.11", device="cpu", dtype="float32", platform="Linux"),
        )
        job._finish("succeeded", GeneratedImage(record, None, Image.new("RGB", (128, 128), (200, 30, 30))))
        self.events.emit("state", job.id, state="succeeded")


@pytest.fixture
def still() -> StillEngine:
    return StillEngine()


@pytest.fixture
def shown(still: StillEngine) -> Iterator[Panel]:
    made = Panel(still, "en")
    yield made
    made.close()


def drawn(made: Panel) -> None:
    """Draw the latest state now instead of up to a tenth of a second later."""
    with made.publisher.lock:
        made.refresh()


def test_a_first_panel_offers_what_the_miniature_knows(shown: Panel) -> None:
    drawn(shown)
    assert shown.choice.menu.value == "miniature-turbo"
    assert shown.create.form.fields["steps"].value == 8
    assert "miniature" in shown.create.form.prompt.row.under.value
    shown.create.form.prompt.examples.children[1].children[0].click()
    assert shown.create.form.prompt.value.startswith("a girl in hanfu")
    shown.create.form.prompt.vocabulary.head.click()
    word = next(
        each for each in shown.create.form.prompt.vocabulary.body.children[0].children if each.description == "fish"
    )
    word.click()
    assert shown.create.form.prompt.value.endswith("realistic fish")
    used, limit = shown.create.form.prompt.count.value.split("/")
    assert int(used) > 10
    assert limit == "512"
    assert "zl-blank" in shown.create.frame.widget._dom_classes


def test_a_word_outside_the_world_is_warned_of_as_text(shown: Panel) -> None:
    shown.create.form.prompt.value = f"a red elephant {HOSTILE}"
    assert "elephant" in shown.create.form.prompt.row.under.value
    assert "<img" not in shown.create.form.prompt.row.under.value


def test_twenty_clicks_are_twenty_jobs_with_twenty_seeds(shown: Panel, still: StillEngine) -> None:
    shown.create.form.prompt.value = PROMPT
    for _ in range(20):
        shown.create.generate.click()
    assert len(still.all) == len(set(still.keys)) == len({job.request.seed for job in still.all}) == 20
    drawn(shown)
    assert "queue 20" in shown.status.value
    assert "place 1 in line" in shown.create.progress.widget.value


def test_a_picture_forms_and_is_done(shown: Panel, still: StillEngine) -> None:
    shown.create.form.prompt.value = f"{PROMPT} {HOSTILE}"
    shown.create.generate.click()
    (job,) = still.all
    still.step(job, 5)
    drawn(shown)
    assert "Step 5 of 8, 0.3 s left" in shown.create.progress.widget.value
    preview = shown.create.frame.image.value
    assert preview[8:12] == b"WEBP"
    still.finish(job)
    drawn(shown)
    assert shown.create.frame.image.value != preview
    assert "Done in 0.4 s" in shown.create.progress.widget.value
    assert str(job.request.seed) in shown.create.summary.value
    assert list(shown.create.strip.thumbnails) == [job.id]
    shown.create.show_code.value = True
    assert "engine.generate" in shown.create.code.value
    for part in (shown.create.summary, shown.create.recipe_text, shown.create.code, shown.create.frame.caption):
        assert "<img" not in part.value
        assert "&lt;img src=x" in part.value


def test_cancel_stops_what_runs_then_what_waits(shown: Panel, still: StillEngine) -> None:
    shown.create.form.prompt.value = PROMPT
    shown.create.generate.click()
    shown.create.generate.click()
    first, second = still.all
    still.step(first, 3)
    shown.create.cancel.click()
    assert first.cancelled
    assert not second.cancelled
    drawn(shown)
    shown.create.cancel.click()
    assert second.state == "cancelled"
    first._finish("cancelled", error="The job was cancelled at step 3 of 8.")
    shown.create._pin(first.id)
    drawn(shown)
    assert "Cancelled at step 3 of 8" in shown.create.progress.widget.value
    assert "zl-cancelled" in shown.create.frame.widget._dom_classes
    assert shown.create.frame.image.value


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("width", 100, "100 is not a multiple of 16. Use 96 or 112."),
        ("height", 1040, "Use 64 to 256"),
        ("steps", 0, "Use 1 to 1000."),
        ("guidance_scale", float("nan"), "nan is out of range"),
        ("shift", -1.0, "out of range"),
    ],
)
def test_a_wrong_number_is_a_sentence_beside_its_field(
    shown: Panel, still: StillEngine, field: str, value: float, says: str
) -> None:
    shown.create.form.prompt.value = PROMPT
    shown.create.form.fields[field].value = value
    assert says in shown.create.form.rows[field].sentences[field]
    shown.create.generate.click()
    assert not still.all
    assert says in shown.create.form.rows[field].sentences[field]
    shown.create.form.fields[field].value = {
        "width": 128,
        "height": 128,
        "steps": 8,
        "guidance_scale": 0.0,
        "shift": 3.0,
    }[field]
    assert not shown.create.form.rows[field].sentences
    shown.create.generate.click()
    assert len(still.all) == 1


@pytest.mark.parametrize("prompt", ["a red cat, " * 300, "一只<红色>的猫，" * 300])
def test_what_is_too_long_is_marked(shown: Panel, prompt: str) -> None:
    field = shown.create.form.prompt
    field.value = prompt
    assert "zl-gone" not in field.cut._dom_classes
    assert "<红色>" not in field.cut.value, "a prompt is text"
    fits, model = models.kept(shown.create.form.model, prompt), shown.create.form.model
    marked = re.search("<mark>(.*)…</mark>", field.cut.value)
    assert marked is not None
    assert prompt[fits:].startswith(html.unescape(marked[1]))
    assert models.count(model, prompt[:fits]) <= 512 < models.count(model, prompt[: fits + 12])
    shown.create.generate.click()
    assert "Shorten it: what is too long is marked." in field.row.sentences["prompt"], "no advice for a cell"
    field.value = prompt[:fits]
    assert not field.row.sentences
    assert "zl-gone" in field.cut._dom_classes


@pytest.mark.parametrize("seed", ["", "-1", "1.5", "nan", str(2**64), "²", "9" * 5000])
def test_a_wrong_seed_is_a_sentence_beside_it(shown: Panel, still: StillEngine, seed: str) -> None:
    shown.create.form.prompt.value = PROMPT
    shown.create.form.seed.field.value = seed
    shown.create.generate.click()
    assert not still.all
    assert "18446744073709551615" in shown.create.form.seed.row.sentences["seed"]


@pytest.mark.parametrize("prompt", ["", "  \n", "a red cat " * 400])
def test_a_wrong_prompt_is_a_sentence_under_it(shown: Panel, still: StillEngine, prompt: str) -> None:
    shown.create.form.prompt.value = prompt
    shown.create.generate.click()
    assert not still.all
    assert shown.create.form.prompt.row.sentences["prompt"]


def test_seeds_lock_and_dice(shown: Panel, still: StillEngine) -> None:
    seed = shown.create.form.seed
    shown.create.form.prompt.value = PROMPT
    first = seed.field.value
    shown.create.generate.click()
    assert str(still.all[0].request.seed) == first == seed.field.value  # the used seed stays to be seen
    shown.create.generate.click()
    assert seed.field.value != first
    seed.field.value = str(2**64 - 1)
    assert seed.lock.value  # what was typed is kept
    shown.create.generate.click()
    shown.create.generate.click()
    assert [job.request.seed for job in still.all[2:]] == [2**64 - 1] * 2
    seed.dice.click()
    assert seed.field.value != str(2**64 - 1)


def test_defaults_follow_the_model_unless_changed_by_hand(shown: Panel) -> None:
    shown.create.form.fields["steps"].value = 12
    shown.choice.choose("z-image")
    assert shown.create.form.fields["steps"].value == 12
    assert "zl-hand" in shown.create.form.fields["steps"]._dom_classes
    assert shown.create.form.fields["width"].value == 1024
    assert not shown.create.form.negative.disabled
    shown.create.form.fields["guidance_scale"].value = 0.0
    assert shown.create.form.negative.disabled
    assert "guidance" in shown.create.form.negative_why.value


def test_a_model_that_is_not_here_says_what_to_do_and_queues_nothing(shown: Panel, still: StillEngine) -> None:
    shown.create.form.prompt.value = PROMPT
    shown.choice.choose("z-image-turbo")
    assert "Get Tongyi-MAI/Z-Image-Turbo below" in shown.choice.note.value
    shown.create.generate.click()
    assert not still.all
    assert "Nothing was queued" in shown.choice.note.value


def visible(widget: ipywidgets.DOMWidget) -> bool:
    """Tell whether a part is seen, as far as its own class says."""
    return "zl-gone" not in widget._dom_classes


def until(made: Panel, reached: Callable[[], bool]) -> None:
    """Draw the panel until something is so."""
    for _ in range(600):
        drawn(made)
        if reached():
            return
        time.sleep(0.05)
    pytest.fail("it did not come")


def test_weights_are_fetched_after_a_yes(shown: Panel, hub: type[Hub]) -> None:
    shown.choice.choose("z-image-turbo")
    drawn(shown)
    offered = shown.choice.download
    assert visible(offered.widget)
    assert "32.8 GB" in offered.get.description
    offered.get.click()
    until(shown, lambda: visible(offered.yes))
    assert "Licence: Apache-2.0" in offered._note.value
    assert not any("/resolve/" in path for _, path, _ in hub.asked)
    offered.no.click()
    until(shown, lambda: not offered.running)
    assert visible(offered.get), "it can be asked again"
    offered.get.click()
    until(shown, lambda: visible(offered.yes))
    offered.yes.click()
    until(shown, lambda: not offered.running and not visible(offered.widget))
    assert shown.choice.model is not None
    assert shown.choice.model.path is not None
    assert not shown.choice.note.value


def test_a_hub_that_refuses_is_a_sentence(shown: Panel, hub: type[Hub]) -> None:
    hub.status = 403
    shown.choice.choose("z-image-turbo")
    drawn(shown)
    shown.choice.download.get.click()
    until(shown, lambda: "Accept its terms" in shown.choice.download._note.value)
    shown.choice.choose("miniature-turbo")
    drawn(shown)
    assert not visible(shown.choice.download.widget)


def test_the_page_is_told_only_of_what_it_shows(shown: Panel) -> None:
    before = set(ipywidgets._instances)
    shown.publisher.mark()
    assert set(ipywidgets._instances) == before, "nothing is told before it is shown"
    assert shown.widget.model_id
    new = set(ipywidgets._instances) - before
    assert 50 < len(new) < 150
    form = shown.create.form
    assert form.prompt.area.comm is not None
    assert form.negative.comm is None, "its part is folded"
    form.negative.value = "blurred"
    form.negative_fold.open(opened=True)
    assert form.negative.comm is not None
    assert form.negative.value == "blurred"


def test_another_model_closes_only_what_it_replaces(shown: Panel) -> None:
    assert shown.widget.model_id  # as the front end has it
    counts = []
    for _ in range(3):
        shown.choice.choose("z-image")
        shown.choice.choose("miniature-turbo")
        counts.append(len(ipywidgets._instances))
    assert shown.create.generate.comm is not None
    assert counts[0] == counts[1] == counts[2]


def test_weights_that_came_are_used_after_looking_again(
    shown: Panel, still: StillEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.create.form.prompt.value = PROMPT
    shown.choice.choose("z-image-turbo")
    shown.create.generate.click()
    here, every = models.find("miniature-turbo").path, models.models()
    came = [dataclasses.replace(model, path=here) for model in every]
    monkeypatch.setattr(models, "models", lambda _: came)
    shown.choice.again.click()
    assert not shown.choice.note.value
    shown.create.form.fields["width"].value = shown.create.form.fields["height"].value = 512
    shown.create.generate.click()
    assert [job.request.model for job in still.all] == ["z-image-turbo"]


def test_a_model_by_another_name_is_chosen_by_its_id(still: StillEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still, "model", "Tongyi-MAI/Z-Image-Turbo")
    made = Panel(still, "en")
    assert made.choice.menu.value == made.create.form.model.id == "z-image-turbo"
    made.close()


def test_a_choice_while_the_labels_are_written_is_kept(shown: Panel) -> None:
    with shown.publisher.lock:
        click = threading.Thread(target=lambda: setattr(shown.choice.menu, "value", "z-image"))
        click.start()
        click.join(0.2)  # it waits for the lock, as a click does while the publisher draws
        shown.choice._resident = ("miniature-turbo", "idle")
        shown.choice._label("miniature-turbo")
    click.join(10)
    assert shown.choice.menu.value == shown.create.form.model.id == "z-image"


def test_a_damaged_tokenizer_leaves_the_panel_alive(
    shown: Panel, still: StillEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object, **__: object) -> None:
        message = "The tokenizer cannot be read."
        raise ModelLoadError(message)

    shown.create.form.prompt.value = PROMPT
    for name in ("check", "count"):
        monkeypatch.setattr(models, name, damaged)
    shown.choice.choose("miniature-turbo")
    assert shown.create.form.prompt.count.value == "-/512"
    shown.create.generate.click()
    assert not still.all
    assert "The tokenizer cannot be read." in shown.create.notice.value


def test_without_an_engine_the_reason_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        message = "The disk is full."
        raise StoreError(message)

    monkeypatch.setattr("zimage_lab.engine.load", full)
    made = Panel(language="en")
    made.create.generate.click()
    assert "The disk is full." in made.create.notice.value
    made.close()


def test_reuse_takes_back_a_shift_that_nobody_chose(shown: Panel, still: StillEngine) -> None:
    shown.create.form.prompt.value = PROMPT
    shown.create.generate.click()
    drawn(shown)
    shown.create.form.fields["shift"].value = 5.0
    shown.create.reuse.click()
    shown.create.generate.click()
    assert [job.request.shift for job in still.all] == [None, None]
    assert not shown.create.form.by_hand


def test_old_panels_make_room(still: StillEngine) -> None:
    roots = [panel(still, "en") for _ in range(MOST)]
    assert len({root.model_id for root in roots}) == MOST  # as the front end has them
    before = len(ipywidgets._instances)
    for _ in range(3):
        roots.append(panel(still, "en"))
        assert roots[-1].model_id
    assert len(still.events._listeners) == MOST
    assert len(ipywidgets._instances) <= before + 20
    assert "made room" in roots[0].children[0].value
    assert roots[-1].owner.create.generate.comm is not None
    for root in roots:
        root.owner.close()


def test_a_failed_job_says_what_why_and_what_to_do(shown: Panel, still: StillEngine) -> None:
    shown.create.form.prompt.value = PROMPT
    shown.create.generate.click()
    still.all[0]._finish("failed", error=f"The weights {HOSTILE} are damaged.")
    drawn(shown)
    box = shown.create.failure.value
    assert "The picture was not made" in box
    assert "damaged" in box
    assert "zimage-lab doctor" in box
    assert "<details>" in box
    assert "<img" not in box


def test_an_engine_that_refuses_is_a_sentence(shown: Panel, still: StillEngine) -> None:
    still.refuse = StoreError("The disk is full. Make room.")
    shown.create.form.prompt.value = PROMPT
    shown.create.generate.click()
    assert "The disk is full" in shown.create.notice.value


def test_a_panel_made_anew_finds_the_running_job_and_its_result(shown: Panel, still: StillEngine) -> None:
    shown.create.form.prompt.value = PROMPT
    shown.create.generate.click()
    still.step(still.all[0], 2)
    again = Panel(still, "en")
    try:
        drawn(again)
        assert "Step 2 of 8" in again.create.progress.widget.value
        assert again.create.frame.image.value
        still.finish(still.all[0])
        drawn(again)
        assert "Done" in again.create.progress.widget.value
        again.create.reuse.click()
        assert again.create.form.prompt.value == PROMPT
        assert again.create.form.seed.field.value == str(still.all[0].request.seed)
        assert again.create.form.seed.lock.value
    finally:
        again.close()


def test_a_thumbnail_brings_its_picture_back(shown: Panel, still: StillEngine) -> None:
    shown.create.form.prompt.value = PROMPT
    for _ in range(2):
        shown.create.generate.click()
        still.finish(still.all[-1])
    drawn(shown)
    first, second = still.all
    assert str(second.request.seed) in shown.create.summary.value
    shown.create.strip.buttons[first.id].click()
    drawn(shown)
    assert str(first.request.seed) in shown.create.summary.value


def test_the_publisher_is_calm_and_always_draws_the_last_state() -> None:
    state, seen, times = {"now": 0}, [], []
    publisher = Publisher(lambda: (seen.append(state["now"]), times.append(time.monotonic())), 0.05)
    publisher.start()
    for number in range(300):
        state["now"] = number
        publisher.mark()
        time.sleep(0.001)
    time.sleep(0.3)
    publisher.close()
    assert seen[-1] == 299
    assert len(seen) < 100
    assert min(after - before for before, after in pairwise(times)) >= 0.045


def test_a_click_returns_at_once_while_the_panel_is_being_drawn(shown: Panel, still: StillEngine) -> None:
    shown.create.form.prompt.value = PROMPT
    held, release = threading.Event(), threading.Event()

    def draw() -> None:
        with shown.publisher.lock:
            held.set()
            release.wait(10)

    thread = threading.Thread(target=draw)
    thread.start()
    held.wait(10)
    shown.create.generate.click()
    shown.create.cancel.click()
    release.set()
    thread.join()
    assert still.all[0].cancelled


def test_every_text_is_in_both_languages_with_the_same_values() -> None:
    for key, pair in TABLE.items():
        assert len(pair) == 2, key
        assert all(pair), key
        english, chinese = ({name for _, name, _, _ in string.Formatter().parse(each) if name} for each in pair)
        assert english == chinese, key


def test_the_chinese_panel_speaks_chinese(still: StillEngine) -> None:
    made = Panel(still, "zh")
    try:
        assert made.create.generate.description == "生成"
        made.create.form.fields["width"].value = 100
        assert made.create.form.size.row.sentences["width"] == "100 不是 16 的倍数。请用 96 或 112。"
        made.create.generate.click()
        assert made.create.form.prompt.row.sentences["prompt"] == "提示词是空的。请输入看得见的内容。"
    finally:
        made.close()


def test_the_language_is_the_arguments_then_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZIMAGE_LAB_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert language() == "en"
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert language() == "zh"
    monkeypatch.setenv("ZIMAGE_LAB_LANGUAGE", "en")
    assert language() == "en"
    assert language("zh-CN") == "zh"
    with pytest.raises(InvalidRequest, match="language"):
        language("fr")


@pytest.mark.parametrize(
    "sentence",
    [
        "This engine was stopped. Call zimage_lab.load() for a new one.",
        "The picture is one single colour. The weights may be damaged; try another seed or model.",
        "The latents hold values that are not numbers. Half precision fails: use bfloat16 or float32, or another seed.",
        "The weights of a cannot be read: no header. Check or replace the folder a.",
        "The disk of /x is full, the picture was not saved. Free some space, then try again.",
        "The disk of /x is full. Free some space, then try again.",
        "The job was cancelled.",
    ],
)
def test_what_the_engine_says_is_told_in_chinese(sentence: str) -> None:
    assert translated(sentence, Words("zh")) != sentence


def test_an_unknown_sentence_is_shown_as_it_is() -> None:
    words = Words("zh")
    assert translated("Something new.", words) == "Something new."
    assert beside(InvalidRequest("seed", -1, "-1 is out of range", "Use 0 to 9."), "种子", words) == (
        "-1 超出了范围。请用 0 到 9。"
    )


def test_the_panel_is_shown_without_torch() -> None:
    code = (
        "import sys, zimage_lab.engine as engine\n"
        "engine.Engine.warm_up = lambda self: None\n"
        "from zimage_lab import panel\n"
        "text = repr(panel(language='en'))\n"
        "assert text == 'Z-Image Studio: run this cell to use the panel', text\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_panel_gives_a_widget(still: StillEngine) -> None:
    root = panel(still, "en")
    assert "zl-panel" in root._dom_classes
    root.owner.close()


@pytest.fixture
def editing(tmp_path: Path) -> Path:
    """Give a folder that says it is an edit model; nobody asks it to draw."""
    folder, bundled = tmp_path / "edit", models.find("miniature-turbo").folder
    folder.mkdir()
    for part in bundled.iterdir():
        (folder / part.name).symlink_to(part)
    card = json.loads((bundled / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").unlink()
    card |= {"id": "edit", "family": "z_image_edit", "reference_images": [1, 1]}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def chosen(made: Panel, content: bytes) -> None:
    """Choose a file in the browser's dialogue."""
    told = {"name": "x.png", "type": "", "size": len(content), "last_modified": datetime.now(UTC)}
    made.create.form.reference.upload.value = ({**told, "content": content},)


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_edit_model_asks_for_its_picture(shown: Panel, still: StillEngine, editing: Path) -> None:
    field = shown.create.form.reference
    assert "zl-gone" in field.widget._dom_classes, "nothing to change for the others"
    shown.choice.choose(str(editing))
    assert "zl-gone" not in field.widget._dom_classes
    assert "make the cat blue" in shown.create.form.prompt.area.placeholder
    assert not field.row.sentences, "nobody has asked for a picture yet"
    shown.create.form.prompt.value = "make the cat blue"
    shown.create.generate.click()
    assert not still.all
    assert "wants 1, not 0" in field.row.under.value
    field.take.click()
    assert "There is no finished picture yet" in field.row.under.value
    chosen(shown, png("teal"))
    assert not field.row.sentences
    assert field.image.value[:4] == b"RIFF"
    shown.create.generate.click()
    (job,) = still.all
    assert len(job.request.reference_images) == 1
    chosen(shown, b"<html>")
    assert "no picture that can be read" in field.row.under.value
    shown.choice.choose("miniature-turbo")
    shown.create.generate.click()
    assert still.all[-1].request.reference_images == ()


def test_reuse_brings_the_picture_to_change_back(shown: Panel, still: StillEngine, editing: Path) -> None:
    shown.choice.choose(str(editing))
    chosen(shown, png("teal"))
    shown.create.form.prompt.value = "make it red"
    shown.create.generate.click()
    first = still.all[0].request
    chosen(shown, png("pink"))
    still.finish(still.all[0])
    drawn(shown)
    shown.create.reuse.click()
    assert len(first.reference_images) == 1
    assert shown.create.form.requests()[0].reference_images == first.reference_images
