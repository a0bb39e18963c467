"""What a panel finds after its kernel was restarted or its page was loaded anew: cut pictures, and the typed words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zimage_lab.engine.door import claim
from zimage_lab.engine.interrupted import interrupted, resume
from zimage_lab.errors import InvalidRequest
from zimage_lab.request import GenerationRequest
from zimage_lab.store.queue import Queue
from zimage_lab.widgets import Panel
from zimage_lab.widgets.carry import carry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.engine import Engine

HOSTILE = "<img src=x onerror=alert(1)>"


def cut(home: Path, *prompts: str) -> list[str]:
    """Leave jobs as an engine leaves them whose kernel is restarted in the middle of them; gives their ids."""
    home.mkdir(parents=True, exist_ok=True)
    with Queue(home) as queue:
        for seed, prompt in enumerate(prompts):
            values = {"prompt": prompt, "width": 64, "height": 64, "steps": 1, "guidance_scale": 0.0, "seed": seed}
            queue.put(GenerationRequest(**values, model="miniature-turbo"))
        leases = [queue.lease("an engine that is gone") for _ in prompts]
        return [queue.release(lease, paused=True).id for lease in leases if lease is not None]


@pytest.fixture
def ids(own_home: Path) -> list[str]:
    """Give the ids of two jobs that were cut."""
    return cut(own_home, f"a red cat {HOSTILE}", "a blue fish")


@pytest.fixture
def engine(own_home: Path, ids: list[str]) -> Iterator[Engine]:
    """Give the engine of the restarted kernel."""
    assert len(ids) == 2
    made = claim(own_home, device="cpu")
    assert made is not None
    yield made
    made.stop()


@pytest.fixture
def shown(engine: Engine) -> Iterator[Panel]:
    made = Panel(engine, "en")
    yield made
    made.close()


def drawn(made: Panel) -> None:
    with made.publisher.lock:
        made.refresh()


def test_what_was_cut_waits_for_a_word_and_is_made(engine: Engine, shown: Panel, ids: list[str]) -> None:
    part = shown.create.interrupted
    drawn(shown)
    assert "zl-gone" not in part.widget._dom_classes
    assert part.line.value == "Python was restarted while 2 pictures were made"
    assert not engine.jobs()
    part.again.click()
    assert {job.id for job in engine.jobs()} == set(ids)
    assert all(job.result(60).path for job in engine.jobs())
    drawn(shown)
    assert "zl-gone" in part.widget._dom_classes
    assert not interrupted(engine)


def test_what_was_cut_can_be_dropped(engine: Engine, shown: Panel, ids: list[str]) -> None:
    part = shown.create.interrupted
    resume(engine, ids[1]).result(60)
    drawn(shown)
    assert part.line.value.startswith("Python was restarted while this was made: a red cat &lt;img src=x")
    part.drop.click()
    drawn(shown)
    assert "zl-gone" in part.widget._dom_classes
    with Queue(engine.home) as queue:
        assert queue.get(ids[0]).state == "cancelled"
    with pytest.raises(InvalidRequest):
        resume(engine, ids[0])


def test_somebody_else_was_quicker(engine: Engine, shown: Panel, ids: list[str]) -> None:
    drawn(shown)
    with Queue(engine.home) as queue:
        for name in ids:
            queue.cancel(name)
    shown.create.interrupted.again.click()
    assert "cannot be resumed" in shown.create.interrupted.line.value or not interrupted(engine)


def test_a_new_panel_has_what_was_typed(shown: Panel) -> None:
    form = shown.create.form
    form.prompt.value, form.fields["steps"].value, form.seed.field.value = "a green tree", 3, "77"
    form.seed.pictures.value = 2
    again = Panel(shown.engine, "en")
    try:
        carry(shown.create, again.create)
        (first, second) = again.create.form.requests()
    finally:
        again.close()
    assert (first.prompt, first.steps, first.seed, second.seed) == ("a green tree", 3, 77, 78)
    assert again.create.form.seed.lock.value
    assert "steps" in again.create.form.by_hand


def test_an_open_lock_draws_again_in_the_new_panel(shown: Panel) -> None:
    shown.create.form.prompt.value = "a green tree"
    (first,) = shown.create.form.requests()
    shown.create.form.seed.used()
    again = Panel(shown.engine, "en")
    try:
        carry(shown.create, again.create)
        assert not again.create.form.seed.lock.value
        (second,) = again.create.form.requests()
    finally:
        again.close()
    assert first.seed != second.seed
