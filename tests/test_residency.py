"""Which models stay in memory, which leave, and what a caller is told of them; with a fake loader and a fake device."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zimage_lab import models
from zimage_lab.engine import families
from zimage_lab.engine.residency import Residency
from zimage_lab.errors import ModelLoadError, OutOfMemory, UnknownModel
from zimage_lab.models import memory

if TYPE_CHECKING:
    from zimage_lab.models.catalog import Model
    from zimage_lab.models.memory import Policy

GB = 10**9
SIZES = {"text_encoder": 8 * GB, "transformer": 12 * GB, "vae": GB // 2}
WORKING = 1 * GB


@dataclasses.dataclass(eq=False)
class Loaded:
    """What a family is to residency."""

    model: Model
    device: str
    policy: Policy
    dtype: torch.dtype = torch.bfloat16
    memory_bytes: dict[str, int] = dataclasses.field(default_factory=lambda: dict(SIZES))


class Card:
    """A fake card: so many bytes, of which weights take what the policies say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, total: float) -> None:
        self.total = int(total * GB)
        self.loads: list[tuple[str, str]] = []
        self.changes: list[tuple[str, str]] = []
        self.full: list[Exception] = []
        self.residency: Residency | None = None
        monkeypatch.setattr(memory, "choose_device", lambda _: ("cuda", torch.bfloat16))
        monkeypatch.setattr(memory, "free_bytes", self.free)
        monkeypatch.setattr(memory, "component_bytes", lambda *_: dict(SIZES))
        monkeypatch.setattr(memory, "working_bytes", lambda *_: WORKING)
        monkeypatch.setattr(families, "load", self.load)

    def free(self, _: str) -> int:
        held = () if self.residency is None else self.residency._models
        return self.total - sum(one.taken() for one in held)

    def load(self, model: Model, device: str, _: Any, policy: Policy) -> Loaded:  # noqa: ANN401 - settings
        self.loads.append((model.id, policy))
        if self.full:
            raise self.full.pop()
        return Loaded(model, device, policy)

    def made(self, home: Path) -> Residency:
        self.residency = Residency(home, None, lambda change, name: self.changes.append((change, name)))
        return self.residency


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a home with two more models: the miniature's weights under other names."""
    whole = models.find("miniature-turbo").folder
    for name in ("second", "third"):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        for path in whole.iterdir():
            if path.name == "card.json":
                card = json.loads(path.read_text(encoding="utf-8"))
                (folder / path.name).write_text(json.dumps({**card, "id": name}), encoding="utf-8")
            else:
                (folder / path.name).symlink_to(path)
    return tmp_path


def ids(residency: Residency) -> list[str]:
    return [one["id"] for one in residency.facts()["models"]]


def test_models_stay_while_they_fit_and_the_longest_unused_leaves(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    card = Card(monkeypatch, 45)  # two models of 20.5 GB and what a picture needs
    residency = card.made(place)
    first = residency.get("miniature-turbo")
    residency.get("second")
    assert ids(residency) == ["second", "miniature-turbo"]
    assert residency.get("miniature-turbo") is first
    assert residency.loaded is first
    residency.get("third")
    assert ids(residency) == ["third", "miniature-turbo"], "second was used longest ago"
    assert {policy for _, policy in card.loads} == {"resident"}, "a model leaves before another one is made slow"
    assert card.changes[:5] == [
        ("loading", "miniature-turbo"),
        ("ready", "miniature-turbo"),
        ("loading", "second"),
        ("ready", "second"),
        ("ready", "miniature-turbo"),
    ]
    assert ("unloaded", "second") in card.changes


@pytest.mark.parametrize(("total", "policy"), [(80, "resident"), (24, "resident"), (16, "balanced"), (8, "small")])
def test_one_model_gets_the_policy_of_its_card(
    monkeypatch: pytest.MonkeyPatch, place: Path, total: float, policy: str
) -> None:
    card = Card(monkeypatch, total)
    residency = card.made(place)
    for name in ("second", "miniature-turbo", "second"):
        residency.get(name)
        assert residency.facts()["models"][0]["policy"] == policy


def test_a_budget_holds_where_more_is_free(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    (place / "config.toml").write_text("memory_gb = 22\n")
    residency = Card(monkeypatch, 80).made(place)
    residency.get("second")
    residency.get("miniature-turbo")
    assert ids(residency) == ["miniature-turbo"]
    (place / "config.toml").write_text("memory_gb = 15\n")
    residency.get("second")
    assert residency.facts()["models"][0]["policy"] == "balanced"
    (place / "config.toml").write_text('memory_gb = 15\nmemory = "small"\n')
    residency.get("miniature-turbo")
    assert ids(residency)[0] == "miniature-turbo"
    assert residency.facts()["models"][0]["policy"] == "small"


def test_facts_keep_their_keys_and_name_every_component(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    residency = Card(monkeypatch, 80).made(place)
    assert residency.facts() == {"model": None, "device": None, "dtype": None, "memory_bytes": 0, "models": []}
    residency.get("second")
    residency.get("miniature-turbo")
    facts = residency.facts()
    assert (facts["model"], facts["device"], facts["dtype"]) == ("miniature-turbo", "cuda", "bfloat16")
    assert facts["memory_bytes"] == 2 * sum(SIZES.values())
    one = {"id": "miniature-turbo", "device": "cuda", "dtype": "bfloat16", "policy": "resident", "bytes": SIZES}
    assert facts["models"][0] == one


def test_unloading_one_or_all(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    card = Card(monkeypatch, 80)
    residency = card.made(place)
    residency.get("second")
    residency.get("miniature-turbo")
    residency.unload("nobody")
    residency.unload("miniature-turbo")
    assert ids(residency) == ["second"]
    residency.get("miniature-turbo")
    assert residency.keep_only("miniature-turbo")
    assert not residency.keep_only("miniature-turbo")
    residency.unload()
    residency.unload()
    assert residency.loaded is None
    assert [name for change, name in card.changes if change == "unloaded"] == [
        "miniature-turbo",
        "second",
        "miniature-turbo",
    ]


def test_a_model_registered_anew_is_another_one(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    card = Card(monkeypatch, 80)
    residency = card.made(place)
    entry = models.find("second", place)
    found = {"path": entry.folder}
    monkeypatch.setattr("zimage_lab.models.catalog.find", lambda *_: models.Model(entry.card, found["path"]))
    old = residency.get("second")
    assert residency.get("second") is old
    found["path"] = place
    new = residency.get("second")
    assert new is not old
    assert ids(residency) == ["second"], "the old one is of no use any more"


def test_what_cannot_be_loaded_lets_nothing_go(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    card = Card(monkeypatch, 22)
    residency = card.made(place)
    residency.get("second")
    with pytest.raises(UnknownModel):
        residency.get("secund")
    with pytest.raises(ModelLoadError, match="not on this machine"):
        residency.get("z-image-turbo")
    assert ids(residency) == ["second"]


def test_memory_that_runs_out_while_loading(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    card = Card(monkeypatch, 80)
    residency = card.made(place)
    residency.get("second")
    card.full = [torch.OutOfMemoryError("once")]
    residency.get("miniature-turbo")
    assert ids(residency) == ["miniature-turbo"], "the other one left"
    residency.unload()
    card.full = [MemoryError()]
    residency.get("second")
    assert residency.facts()["models"][0]["policy"] == "balanced", "nobody was there to leave"
    residency.unload()
    card.full = [MemoryError(), MemoryError()]
    with pytest.raises(OutOfMemory, match="Choose a smaller size"):
        residency.get("second")
    assert card.changes[-1] == ("unloaded", "second")
    assert residency.get("second").model.id == "second"


def test_weights_larger_than_all_memory_are_refused_off_cuda(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    card = Card(monkeypatch, 12)
    monkeypatch.setattr(memory, "choose_device", lambda _: ("cpu", torch.float32))
    residency = card.made(place)
    with pytest.raises(OutOfMemory, match=r"takes 20\.5 GB on the device cpu, and 12\.0 GB are free"):
        residency.get("second")
    assert card.loads == []
    assert card.changes == [("loading", "second"), ("unloaded", "second")]
    (place / "config.toml").write_text('memory = "resident"\n')
    assert residency.get("second").model.id == "second", "who insists may try"


def test_a_model_can_be_loaded_in_a_way_that_needs_less(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    residency = Card(monkeypatch, 80).made(place)
    assert residency.lower("second") is None
    residency.get("second")
    assert [residency.lower("second") for _ in range(3)] == ["balanced", "small", None]
    residency.unload()
    monkeypatch.setattr(families, "load", lambda model, device, *_: Loaded(model, device, "resident"))
    residency.get("second")
    assert residency.lower("second") is None, "a family that streams nothing"
    residency.unload()
    (place / "config.toml").write_text('memory = "resident"\n')
    residency.get("second")
    assert residency.lower("second") is None, "what a person settled holds"


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=12),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 30), min_size=4, max_size=4),
    st.integers(2, 60),
)
def test_whatever_is_asked_for_what_stays_fits(
    asked: list[tuple[str, bool]], scale: dict[str, int], total: int
) -> None:
    entry = models.find("miniature-turbo")
    sizes = {
        name: {"text_encoder": 2 * GB * factor // 10, "transformer": 3 * GB * factor // 10, "vae": GB // 10}
        for name, factor in scale.items()
    }
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        card = Card(patch, total)
        found = lambda name, _: models.Model(entry.card.model_copy(update={"id": name}), entry.path)  # noqa: E731
        patch.setattr("zimage_lab.models.catalog.find", found)
        patch.setattr("zimage_lab.models.hashes.prepare", lambda *_: None)
        patch.setattr(memory, "component_bytes", lambda model, _: dict(sizes[model.id]))
        patch.setattr(
            families,
            "load",
            lambda model, device, _, policy: Loaded(model, device, policy, memory_bytes=sizes[model.id]),
        )
        residency = card.made(Path(folder))
        recent: list[str] = []
        for name, leaves in asked:
            if leaves:
                residency.unload(name)
            else:
                assert residency.get(name).model.id == name
            recent = [name] * (not leaves) + [one for one in recent if one != name]
            held = ids(residency)
            assert held == [one for one in recent if one in held], "the latest used first"
            assert held[:1] == recent[:1] or leaves
            taken = sum(one.taken() for one in residency._models)
            assert taken <= card.total or len(held) == 1, "one that is too large is tried alone"
            recent = held


def test_two_real_models_on_the_cpu(place: Path) -> None:
    residency = Residency(place, "cpu", lambda *_: None)
    residency.get("second")
    residency.get("miniature-turbo")
    for one in residency.facts()["models"]:
        assert (one["device"], one["dtype"], one["policy"]) == ("cpu", "float32", "resident")
        assert set(one["bytes"]) == {"text_encoder", "transformer", "vae"}
    assert residency.lower("second") is None
