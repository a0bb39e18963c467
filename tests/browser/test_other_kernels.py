"""Kernels besides the newest one: one without subshells, and, in the long form, an older ipykernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from book import PANEL_CELL, PATIENCE, Book, blocks
from conftest import shot
from held import STEP, gate, held
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab
    from playwright.sync_api import Page

PROMPT = "a red cat on the left"
PLAIN = """
from ipykernel.ipkernel import IPythonKernel


class PlainKernel(IPythonKernel):
    @property
    def kernel_info(self):
        return {**super().kernel_info, "supported_features": []}
"""
OLDER = "ipykernel==7.3.*"


def kernelspec(lab: Lab, name: str, modules: Path, *options: str) -> None:
    """Make a kernel of this Python for which the modules of a folder come first."""
    folder = lab.data / "kernels" / name
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", *options, "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": name, "language": "python", "env": {"PYTHONPATH": str(modules)}}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def test_without_subshells_escape_interrupts_the_cell(lab: Lab, page: Page, tmp_path: Path) -> None:
    (tmp_path / "plain_kernel.py").write_text(PLAIN, encoding="utf-8")
    kernelspec(lab, "plain", tmp_path, "--IPKernelApp.kernel_class=plain_kernel.PlainKernel")
    with gate(lab), held(lab):
        book = Book(lab, page, blocks(tmp_path / "go"), kernel="plain")
        page.locator(".lm-MenuBar-item", has_text="Kernel").click()
        page.locator(".lm-Menu-item", has_text="Open Z-Image Studio on This").click()
        page.fill(".zl-prompt textarea", PROMPT)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".zl-state")).to_contain_text(f"Step {STEP} of", timeout=PATIENCE)
        book.run(0)
        book.runs(0)
        page.locator(".zl-prompt textarea").focus()
        page.keyboard.press("Escape")
        expect(page.locator(".zl-state")).to_contain_text("Cancelled at step")
        expect(book.cell(0).get_by_text("KeyboardInterrupt").first).to_be_visible()
        shot(page, "kernel-without-subshells")


@pytest.mark.skipif("ZIMAGE_LAB_LONG_TESTS" not in os.environ, reason="installs another ipykernel: ./test.sh --all")
def test_an_older_ipykernel_answers_at_once(lab: Lab, page: Page, tmp_path: Path) -> None:
    modules, go = tmp_path / "modules", tmp_path / "go"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(modules), OLDER]
    subprocess.run(install, check=True, timeout=120)
    kernelspec(lab, "older", modules)
    book = Book(lab, page, PANEL_CELL, blocks(go), "import ipykernel; print(ipykernel.__version__)", kernel="older")
    book.run(2)
    expect(book.cell(2).locator(".jp-OutputArea-output")).to_contain_text("7.3.")
    book.run(0)
    page.fill(".zl-prompt textarea", PROMPT)
    page.click(".zl-generate")
    expect(page.locator(".zl-thumb")).to_have_count(1, timeout=PATIENCE)
    book.run(1)
    book.runs(1)
    page.click(".zl-generate")
    expect(page.locator(".zl-thumb")).to_have_count(2)
    expect(book.ended(1)).to_have_count(0)  # the cell still blocks
    go.touch()
    expect(book.ended(1)).to_be_visible()
