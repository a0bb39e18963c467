"""Every word of the panel and of the JupyterLab extension is there in English and in Chinese, and is used."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import zimage_lab
from zimage_lab.widgets.words import TABLE, Words

WIDGETS = Path(zimage_lab.__file__).parent / "widgets"
EXTENSION = Path(__file__).parents[1] / "labextension" / "src"
SCHEMA = EXTENSION.parent / "schema" / "studio.json"
HAN = re.compile(r"[㐀-鿿]")
HOLE = re.compile(r"\{(\w+)\}")
ENTRY = re.compile(r"^  (\w+): '(.*)',?$", re.MULTILINE)

SETTING = re.compile(r"""^  (\w+|'[^']*'|"[^"]*"):\s+'([^']*)'""", re.MULTILINE)


def holes(text: str) -> set[str]:
    return set(HOLE.findall(text.replace("{{", "").replace("}}", "")))


def blocks() -> tuple[dict[str, str], dict[str, str]]:
    """Read the extension's two tables."""
    english, chinese = (EXTENSION / "words.ts").read_text(encoding="utf-8").split("const CHINESE")
    return dict(ENTRY.findall(english)), dict(ENTRY.findall(chinese))


@pytest.mark.parametrize("key", TABLE)
def test_a_text_of_the_panel_is_in_both_languages(key: str) -> None:
    english, chinese = TABLE[key]
    assert holes(english) == holes(chinese)
    assert not HAN.search(english)
    letters = HOLE.sub("", english.replace("{{", "").replace("}}", ""))
    assert HAN.search(chinese) or not re.search(r"[A-Za-z]{4}", letters), "not translated"


def test_a_text_of_the_panel_is_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in WIDGETS.glob("*.py"))
    quoted = set(re.findall(r"'\w+'|\"\w+\"", code))
    built = [
        re.compile(re.sub(r"\\\{[^}]*\\\}", r"\\w*", re.escape(one))) for one in re.findall(r'words\(f"([^"]+)"', code)
    ]
    unused = [
        key for key in TABLE if not {f'"{key}"', f"'{key}'"} & quoted and not any(one.fullmatch(key) for one in built)
    ]
    assert unused == []


def test_the_extension_is_in_both_languages_and_says_nothing_else() -> None:
    english, chinese = blocks()
    assert len(english) >= 30
    assert list(english) == list(chinese)
    for key, text in english.items():
        assert holes(text) == holes(chinese[key]), key
        assert HAN.search(chinese[key]), key
        assert not HAN.search(text), key
    code = {path: path.read_text(encoding="utf-8") for path in EXTENSION.glob("*.ts") if path.name != "words.ts"}
    used = "".join(code.values())
    assert [key for key in english if not re.search(rf"(text|words)\.{key}\b", used)] == []
    shown = re.compile(r"(?:label|caption|title|textContent|placeholder|okLabel)(?::| =) *['\"`]")
    assert [path.name for path, source in code.items() if shown.search(source)] == []


def test_the_settings_are_named_in_both_languages() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert schema["jupyter.lab.transform"] is True, "else the registry never asks for the Chinese names"
    named = {schema["title"], schema["description"], schema["jupyter.lab.setting-icon-label"]}
    named |= {one[key] for one in schema["properties"].values() for key in ("title", "description")}
    code = (EXTENSION / "settingWords.ts").read_text(encoding="utf-8")
    chinese = {name.strip("'\""): text for name, text in SETTING.findall(code)}
    assert set(chinese) == named
    assert all(HAN.search(text) for text in chinese.values())


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 B"), (999, "999 B"), (7_600, "8 kB"), (28e6, "28 MB"), (20.7e9, "20.7 GB")]
)
def test_sizes_keep_a_digit_that_says_something(number: int, said: str) -> None:
    assert Words("en").size(number) == said
