"""The READMEs say nothing that is not so: their cells run, their commands parse, their links lead somewhere."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from http_server import Running

from zimage_lab.cli import command
from zimage_lab.engine import engines
from zimage_lab.magics.completion import OWN
from zimage_lab.magics.line import words
from zimage_lab.models import memory
from zimage_lab.options import OPTIONS, SWEEP_OPTIONS
from zimage_lab.result import GeneratedImage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = (*READMES, "CONTRIBUTING.md", "CHANGELOG.md", "BENCHMARKS.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(zimage-lab(?: [^`]*)?)`")
ADDRESS = "http://127.0.0.1:8188"
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(text(document)) if kind == language]


def commands(document: str) -> list[str]:
    """List the document's `zimage-lab` commands, those of its shell blocks first."""
    shell = [line for block in blocks(document, "bash") for line in block.splitlines() if line.startswith("zimage-lab")]
    return shell + [" ".join(found.split()) for found in INLINE.findall(BLOCK.sub("", text(document)))]


def parsed(line: str) -> argparse.Namespace:
    return command.parser().complete(shlex.split(line, comments=True)[1:])


@pytest.fixture
def no_engine_left() -> Iterator[None]:
    yield
    for engine in engines():
        engine.stop()


@pytest.fixture
def served(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """Give the server that the examples of HTTP ask, and a token where they look for it."""
    server = Running(own_home)
    monkeypatch.setenv("ZIMAGE_LAB_TOKEN", server.token())
    yield server
    server.close()


@pytest.mark.parametrize("document", READMES)
def test_the_curl_example_runs(document: str, served: Running) -> None:
    (line,) = [block for block in blocks(document, "bash") if block.startswith("curl")]
    line = line.replace("\\\n", "").replace(ADDRESS, served.address).replace("$ZIMAGE_LAB_TOKEN", served.token())
    asked = shlex.split(line)
    ran = subprocess.run([*asked, "--silent"], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["state"] == "queued"


@pytest.mark.usefixtures("no_engine_left")
@pytest.mark.parametrize("document", READMES)
def test_the_python_blocks_run(document: str, own_home: Path, served: Running) -> None:
    names: dict[str, object] = {}
    cells = blocks(document, "python")
    assert cells
    for cell in cells:
        # No cluster listens here; an engine for each device of this machine is the same call.
        line = cell.replace('executor="ray://10.0.0.1:10001"', 'executor="engines"').replace(ADDRESS, served.address)
        exec(compile(line, document, "exec"), names)  # noqa: S102 - our own text
    picture = names["picture"]
    assert isinstance(picture, GeneratedImage)
    assert picture.path is not None
    assert picture.path.is_relative_to(own_home)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_parse(document: str) -> None:
    for line in commands(document):
        assert callable(parsed(line).run), line


def test_both_readmes_have_the_same_commands() -> None:
    def asked(document: str) -> list[dict[str, object]]:
        every = [vars(parsed(line)) for line in commands(document)]
        # Prompts and templates are in the document's language; parsers are built anew for each line.
        return [
            {name: value for name, value in one.items() if name not in {"prompt", "template", "parser"}}
            for one in every
        ]

    english, chinese = map(asked, READMES)
    assert len(english) > 5
    assert english == chinese


def test_both_readmes_have_the_same_sections() -> None:
    english, chinese = (re.findall(r"^#+(?= )", text(document), re.MULTILINE) for document in READMES)
    assert english == chinese


@pytest.mark.parametrize("document", READMES)
def test_the_magic_has_the_options_that_are_shown(document: str) -> None:
    cells = [block for block in blocks(document, "text") if block.startswith(("%%zimage", "%zimage sweep"))]
    assert cells
    sweeps = {option.flag for option in SWEEP_OPTIONS}
    for cell in cells:
        flags = {word for word in words(cell.splitlines()[0]) if word.startswith("--")}
        swept = words(cell.splitlines()[0])[1] == "sweep"
        assert flags <= (sweeps if swept else {option.flag for option in OPTIONS} | set(OWN))


CARD_ROW = re.compile(r"^\| (\d+) GB \| `(\w+)` \| ([\d.]+) GB", re.MULTILINE)


@pytest.mark.parametrize("document", READMES)
def test_the_table_of_cards_is_what_the_engine_would_do(document: str) -> None:
    weights = {"text_encoder": 8.04e9, "transformer": 12.31e9, "vae": 0.34e9}
    working, decoding = memory.working_bytes(1024, 1024), memory.decode_bytes(1024, 1024)
    layer = weights["transformer"] / 30
    peaks = {
        "resident": sum(weights.values()) + decoding,
        "balanced": weights["transformer"] + weights["vae"] + max(memory.STREAMED, working),
        "small": weights["vae"] + max(memory.STREAMED, 2 * layer + working),
    }
    rows = CARD_ROW.findall(text(document))
    assert [int(card) for card, _, _ in rows] == [8, 12, 16, 24, 80]
    for card, policy, peak in rows:
        free = int((int(card) - 0.6) * 2**30)  # the driver and torch's context take the rest
        assert memory.choose("auto", {name: int(size) for name, size in weights.items()}, free, working) == policy
        assert float(peak) == pytest.approx(peaks[policy] / 1e9, abs=0.06)
        assert float(peak) * 1e9 < free


@pytest.mark.parametrize("document", DOCUMENTS)
def test_relative_links_lead_somewhere(document: str) -> None:
    for link in LINK.findall(text(document)):
        if not link.startswith(("https://", "#")):
            assert (ROOT / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS)
def test_scripts_and_modules_that_are_named_exist(document: str) -> None:
    for script in re.findall(r"\./(\S+?\.sh)", text(document)):
        assert (ROOT / script).is_file(), script
    for test in re.findall(r"tests/\w+\.py", text(document)):
        assert (ROOT / test).is_file(), test


def test_the_family_s_picture_is_the_tutorial_s_own() -> None:
    cells = json.loads((ROOT / "notebooks" / "03-the-family.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [one.get("data", {}) for cell in cells for one in cell.get("outputs", [])]
    first = next(one["image/jpeg"] for one in outputs if "image/jpeg" in one)
    assert base64.b64decode(first) == (ROOT / "notebooks" / "images" / "family.jpg").read_bytes()
