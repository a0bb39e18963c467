"""Starting: which torch, which server, which kernel, in which words; nothing here installs or starts anything."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import socket
import string
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

from zimage_lab.start import (
    host_install,
    host_server,
    host_torch,
    kernelspec,
    lab,
    messages,
    packages,
    probe_torch,
    torch_choice,
)
from zimage_lab.start.messages import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
NVIDIA_SMI = """\
| NVIDIA-SMI 550.90.07              Driver Version: 550.90.07      CUDA Version: 12.4     |
"""
PAGE = """<html><script id="jupyter-config-data" type="application/json">
{"appVersion": "4.5.1", "federated_extensions": [{"name": "ipycanvas"}, {"name": "zimage-lab"}]}
</script></html>"""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIMAGE_LAB_LANGUAGE", "en")
    for name in ("JUPYTER_SERVER_URL", "JPY_PARENT_PID", "JUPYTERHUB_API_TOKEN", torch_choice.VARIABLE):
        monkeypatch.delenv(name, raising=False)


# --- words


@pytest.mark.parametrize("key", messages.TABLE)
def test_a_sentence_has_the_same_values_in_both_languages(key: str) -> None:
    english, chinese = messages.TABLE[key]
    fields = [sorted(name for _, name, _, _ in string.Formatter().parse(words) if name) for words in (english, chinese)]
    assert fields[0] == fields[1]
    assert english
    assert chinese
    assert english.isascii()
    assert chinese == english or not chinese.isascii()


def test_every_sentence_is_used_and_every_used_one_is_there() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "zimage_lab" / "start").glob("*.py"))
    assert [key for key in messages.TABLE if source.count(f'"{key}"') < 2] == []


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"ZIMAGE_LAB_LANGUAGE": "zh"}, "zh"),
        ({"ZIMAGE_LAB_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "de_DE.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_language(environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (messages.VARIABLE, *messages.LOCALES):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert messages.language() == language


# --- the shell's part


@pytest.mark.parametrize("script", ["start.sh", "1键启动.sh", "test.sh", ".ci/run"])
def test_scripts_are_valid_and_executable(script: str) -> None:
    subprocess.run(["/bin/bash", "-n", ROOT / script], check=True)
    assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize(("script", "word"), [("start.sh", "usage: ./start.sh"), ("1键启动.sh", "用法")])
def test_help_needs_no_environment(script: str, word: str) -> None:
    ran = subprocess.run([ROOT / script, "--help"], capture_output=True, encoding="utf-8", check=True)
    assert ran.stdout.startswith(word)


def test_without_python_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    script = tmp_path / "start.sh"
    script.write_bytes((ROOT / "start.sh").read_bytes())
    environment = {"PATH": str(tmp_path), "LANG": "C"}
    ran = subprocess.run(["/bin/bash", script], capture_output=True, encoding="utf-8", env=environment, check=False)
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith("Python 3.11 or newer is needed (found: none): install it")
    assert ran.stderr.count("\n") == 1


# --- torch


def test_driver_is_read_from_nvidia_smi() -> None:
    assert torch_choice.parse(NVIDIA_SMI) == torch_choice.Driver("550.90.07", 12)
    assert torch_choice.parse("nothing") == torch_choice.Driver(None, None)


def test_without_a_driver_the_cpu_index_is_tried_once_and_then_pip() -> None:
    first, last = torch_choice.attempts(None, None, "linux")
    assert first[:3] == ["torch==2.13.0", "--index-url", torch_choice.CPU_INDEX]
    assert first[-1] == "0"
    assert "--retries" in first
    assert last == ["torch==2.13.0"]
    assert torch_choice.attempts(None, None, "darwin") == [["torch==2.13.0"]]


def test_with_a_driver_pip_finds_the_cuda_build() -> None:
    assert torch_choice.attempts(torch_choice.Driver("580.1", 13), None, "linux") == [["torch==2.13.0"]]
    old = torch_choice.attempts(torch_choice.Driver("550.90", 12), None, "linux")
    assert torch_choice.CUDA_12_INDEX in old[0]
    assert old[-1] == ["torch==2.13.0"]


def test_the_variable_beats_every_index() -> None:
    for driver in (None, torch_choice.Driver("550", 12)):
        first, last = torch_choice.attempts(driver, "https://mirror.example/whl", "linux")
        assert "https://mirror.example/whl" in first
        assert last == ["torch==2.13.0"]


def probes(*answers: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    waiting = list(answers)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


GPU = {"version": "2.8.0+cu128", "cuda": "12.8", "available": True, "device": "Some GPU", "python": [3, 11]}
NONE = {"version": None, "why": "ModuleNotFoundError: torch"}


def test_what_is_installed_already_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_torch, "unlink", lambda: None)
    monkeypatch.setattr(host_torch, "probe", probes({"version": "2.13.0+cpu", "cuda": None, "available": False}))
    torch_choice.install(pytest.fail, None)


def test_a_failed_index_gives_way_to_pip(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(host_torch, "unlink", lambda: None)
    monkeypatch.setattr(host_torch, "probe", probes(NONE))
    monkeypatch.setattr(sys, "platform", "linux")
    seen = []

    def pip(arguments: list[str]) -> None:
        seen.append(arguments)
        if len(seen) == 1:
            error = packages.sentence("Read timed out", Path("log"))
            raise error

    torch_choice.install(pip, None)
    assert seen[-1] == ["torch==2.13.0"]
    assert "trying pip's own" in capsys.readouterr().out


def test_a_cpu_build_makes_way_where_a_driver_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    seen: list[list[str]] = []
    cpu = {"version": "2.13.0+cpu", "cuda": None, "available": False}
    monkeypatch.setattr(host_torch, "unlink", lambda: None)
    monkeypatch.setattr(host_torch, "base_python", lambda: None)
    monkeypatch.setattr(host_torch, "probe", probes(cpu, GPU))
    monkeypatch.setattr(torch_choice.subprocess, "run", lambda command, **_: ran.append(command))
    torch_choice.install(seen.append, torch_choice.Driver("580", 13))
    assert [command[2:4] for command in ran] == [["pip", "uninstall"]]
    assert seen == [["torch==2.13.0"]]


def test_a_full_disk_is_not_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_torch, "unlink", lambda: None)
    monkeypatch.setattr(host_torch, "probe", probes(NONE))

    def pip(_: list[str]) -> None:
        raise packages.disk_full(Path("/"), 3)

    with pytest.raises(StartError, match="The disk is full"):
        torch_choice.install(pip, None)


def test_the_hosts_torch_is_used_where_it_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = GPU | {"python": list(sys.version_info[:2]), "entries": {}}
    linked = []
    monkeypatch.setattr(host_torch, "unlink", lambda: None)
    monkeypatch.setattr(host_torch, "link", lambda *given: linked.append(given))
    monkeypatch.setattr(host_torch, "base_python", lambda: "/opt/python")
    monkeypatch.setattr(host_torch, "probe", probes(NONE, facts, facts))
    torch_choice.install(pytest.fail, torch_choice.Driver("550", 12))
    assert linked
    assert "Using torch 2.8.0+cu128 of /opt/python" in capsys.readouterr().out


def test_a_gpu_that_does_not_answer_is_said_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {"version": "2.13.0+cu130", "cuda": "13.0", "available": False, "why": "driver too old"}
    monkeypatch.setattr(host_torch, "unlink", lambda: None)
    monkeypatch.setattr(host_torch, "base_python", lambda: None)
    monkeypatch.setattr(host_torch, "probe", probes(facts))
    torch_choice.install(pytest.fail, torch_choice.Driver("550", 13))
    assert "torch 2.13.0+cu130 cannot use the GPU (driver too old)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"version": "2.5.1"}, False),
        ({"version": "3.0"}, True),
        ({"version": None}, False),
        ({"available": False}, False),
        ({"python": [3, 9]}, False),
    ],
)
def test_which_host_torch_fits(changes: dict[str, Any], *, fits: bool) -> None:
    assert host_torch.fits(GPU | {"python": list(sys.version_info[:2])} | changes) is fits


def test_only_torch_and_its_needs_are_linked(tmp_path: Path) -> None:
    host, prefix, site = tmp_path / "host", tmp_path / "venv", tmp_path / "site"
    for folder in (host / "torch", host / "nvidia", host / "oldlib", prefix, site):
        folder.mkdir(parents=True)
    facts = {"entries": {str(host): ["torch", "nvidia", "gone"]}}
    for _ in range(2):  # a second start links again
        host_torch.link(facts, prefix, site)
        assert sorted(path.name for path in (prefix / "host-torch").iterdir()) == ["nvidia", "torch"]
    assert (site / host_torch.PATH_FILE).read_text(encoding="utf-8").strip() == str(prefix / "host-torch")
    host_torch.unlink(site)
    assert not list(site.iterdir())


def test_the_entries_of_a_distribution() -> None:
    # setuptools, where a test before this one imported it, adds a folder of copies of its own.
    names = {name for folder in probe_torch.entries("pytest").values() for name in folder}
    assert {"pytest", "_pytest", "pluggy", "iniconfig"} <= names
    assert "bin" not in names


# --- packages


def test_the_fingerprint_changes_with_the_lock(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text("a==1\n", encoding="ascii")
    first = packages.fingerprint(tmp_path)
    assert packages.fingerprint(tmp_path) == first
    (tmp_path / "requirements.lock").write_text("a==2\n", encoding="ascii")
    assert packages.fingerprint(tmp_path) != first


def test_a_driver_that_came_later_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, installed = tmp_path / "version", []
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(torch_choice, "DRIVER_FILE", file)
    monkeypatch.setattr(packages, "_install", installed.append)
    for there, runs in ((False, 1), (False, 1), (True, 2), (True, 2), (False, 2)):
        file.touch() if there else file.unlink(missing_ok=True)
        packages.ensure()
        assert len(installed) == runs


@pytest.mark.parametrize(
    ("version", "will_do"),
    [("v18.20.4", False), ("v20.18.1", False), ("v20.19.0", True), ("v21.7.3", False), ("", False)],
)
def test_which_node_of_the_machine_builds(version: str, monkeypatch: pytest.MonkeyPatch, *, will_do: bool) -> None:
    names = runpy.run_path(str(ROOT / "hatch_build.py"))
    answer = subprocess.CompletedProcess([], 0, version)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/node")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    assert names["_machine_has_node"]() is will_do


def test_a_tutorial_s_copy_brings_its_pictures(tmp_path: Path) -> None:
    names = runpy.run_path(str(ROOT / "hatch_build.py"))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "panel.png").write_bytes(b"pixels")
    cell = {"source": ["![The panel](images/panel.png)\n", "and [a link](01-first-picture.ipynb)"]}
    names["_take_pictures_along"](cell, tmp_path)
    assert cell["source"] == "![The panel](attachment:panel.png)\nand [a link](01-first-picture.ipynb)"
    assert cell["attachments"] == {"panel.png": {"image/png": "cGl4ZWxz"}}


@pytest.mark.parametrize(
    ("output", "key"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk_full"),
        ("ERROR: No matching distribution found for torch==2.13.0", "download_failed"),
        ("ReadTimeoutError: Read timed out.", "download_failed"),
        ("error: metadata-generation-failed", "install_failed"),
    ],
)
def test_a_failed_pip_ends_with_one_sentence(output: str, key: str, tmp_path: Path) -> None:
    error = packages.sentence(output, tmp_path / "install.log")
    assert error.key == key
    assert "\n" not in str(error)


def test_the_lock_is_pinned_and_holds_no_torch() -> None:
    for name in (packages.LOCK, packages.TEST_LOCK):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if not line.startswith("#")]
        assert pins
        assert all("==" in line for line in pins)
        assert not any(line.startswith(("torch=", "nvidia-", "triton")) for line in pins)
        assert not any("://" in line for line in pins)


def test_the_locks_hold_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked: dict[str, str] = {}
    for lock, asked in (
        (packages.LOCK, project["dependencies"]),
        (packages.TEST_LOCK, project["optional-dependencies"]["test"]),
    ):
        pins = (line.partition(" ;")[0] for line in (ROOT / lock).read_text(encoding="utf-8").splitlines())
        locked |= dict(pin.split("==") for pin in pins if not pin.startswith("#"))
        for wanted in map(Requirement, asked):
            if wanted.name != "torch":
                assert wanted.specifier.contains(locked[wanted.name]), wanted


# --- a server that is there already


SERVER = {"url": "http://localhost:8888/jupyter/", "token": "secret", "pid": 4711}


@pytest.mark.parametrize(
    ("environment", "ancestors", "link"),
    [
        ({}, {1, 2}, None),
        ({}, {1, 4711}, "http://localhost:8888/jupyter/lab?token=secret&zimage=open"),
        ({"JPY_PARENT_PID": "4711"}, set(), "http://localhost:8888/jupyter/lab?token=secret&zimage=open"),
        (
            {"JUPYTER_SERVER_URL": "http://localhost:8888/jupyter"},
            set(),
            "http://localhost:8888/jupyter/lab?token=secret&zimage=open",
        ),
        ({"JUPYTER_SERVER_URL": "http://hub:80/user/me/"}, set(), "http://hub:80/user/me/lab?zimage=open"),
    ],
)
def test_the_server_around_us(environment: dict[str, str], ancestors: set[int], link: str | None) -> None:
    found = host_server.choose(environment, [{"url": "http+unix://x", "pid": 2}, SERVER], frozenset(ancestors))
    assert (found.link if found else None) == link


def test_a_server_of_our_own_can_be_wished_for() -> None:
    assert host_server.find({"ZIMAGE_LAB_OWN_SERVER": "1", "JUPYTER_SERVER_URL": "http://localhost:1/"}) is None


def test_a_server_that_is_gone_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_server, "_running", list)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        environment = {"JUPYTER_SERVER_URL": f"http://127.0.0.1:{listening.getsockname()[1]}/"}
        assert host_server.find(environment) is not None
    assert host_server.find(environment) is None


def test_the_page_tells_version_and_extensions() -> None:
    found = host_server.read(PAGE)
    assert found == host_server.HostLab("4.5.1", frozenset({"ipycanvas", "zimage-lab"}))
    assert host_server.read("<html>log in</html>") is None


@pytest.mark.parametrize(("version", "old"), [("4.3.9", True), ("3.6.1", True), ("4.4.0", False), ("4.10.0a1", False)])
def test_old_labs(version: str, *, old: bool) -> None:
    assert host_server.HostLab(version, None).old is old


def test_an_old_lab_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(host_server, "ask", lambda _: host_server.HostLab("4.2.5", frozenset()))
    with pytest.raises(StartError, match=r"This JupyterLab is 4\.2\.5, and 4\.4 is needed"):
        host_install.offer(host_server.HostServer("http://localhost:8888/", "t"))
    assert not list(tmp_path.iterdir())


def extension(folder: Path, load: str) -> Path:
    folder.mkdir(parents=True)
    package = {"name": folder.name, "version": "1", "jupyterlab": {"_build": {"load": load}}}
    (folder / "package.json").write_text(json.dumps(package), encoding="utf-8")
    (folder / load).write_text("", encoding="utf-8")
    return folder


def test_a_host_gets_the_kernel_and_what_its_lab_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix, data = tmp_path / "prefix", tmp_path / "data"
    for name in ("zimage-lab", "ipycanvas", "anywidget", "@jupyter-widgets/jupyterlab-manager"):
        extension(prefix / "share/jupyter/labextensions" / name, "remoteEntry.1.js")
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(data))
    monkeypatch.setattr(host_server, "ask", lambda _: host_server.HostLab("4.6.6", frozenset({"ipycanvas"})))
    assert host_install.offer(host_server.HostServer("http://localhost:8888/", "t")) == 0
    found = sorted(str(path.parent.relative_to(data)) for path in data.rglob("package.json"))
    lacked = ("@jupyter-widgets/jupyterlab-manager", "anywidget", "zimage-lab")
    assert found == [f"labextensions/{name}" for name in lacked]
    assert (data / "kernels/zimage-lab/kernel.json").is_file()
    assert capsys.readouterr().out.splitlines()[-1] == "http://localhost:8888/lab?token=t&zimage=open"


@pytest.mark.parametrize(("code", "told"), [(404, True), (401, False), (200, False)])
def test_a_host_without_our_addresses_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], code: int, *, told: bool
) -> None:
    class Host(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code if self.path == "/zimage/v1/openapi.json" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(host_server, "ask", lambda _: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host_install.offer(host_server.HostServer(f"http://127.0.0.1:{server.server_port}/", "t"))
        server.shutdown()
    assert ("serve` gives them the same addresses" in capsys.readouterr().out) is told


def test_an_extension_is_copied_once_and_again_when_it_changes(tmp_path: Path) -> None:
    old, new = extension(tmp_path / "old", "remoteEntry.1.js"), extension(tmp_path / "new", "remoteEntry.2.js")
    target = tmp_path / "labextensions" / "zimage-lab"
    target.parent.mkdir()
    assert host_install.copy(old, target)
    assert not host_install.copy(old, target)
    assert host_install.copy(new, target)
    assert sorted(path.name for path in target.iterdir()) == ["package.json", "remoteEntry.2.js"]
    assert [path.name for path in target.parent.iterdir()] == ["zimage-lab"]
    assert not host_install.copy(tmp_path / "missing", target)


# --- the kernel and our own server


def test_the_kernel_is_this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZIMAGE_LAB_HOME", "/somewhere")
    folder = kernelspec.install(tmp_path)
    spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    assert folder == tmp_path / "kernels" / "zimage-lab"
    assert spec["display_name"] == "Z-Image"
    assert spec["argv"] == [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    assert spec["env"]["ZIMAGE_LAB_HOME"] == "/somewhere"
    assert spec["env"]["PATH"].endswith(":${PATH}")
    assert sorted(path.name for path in folder.iterdir()) == ["kernel.json", "logo-svg.svg"]
    before = (folder / "kernel.json").stat().st_mtime_ns
    kernelspec.install(tmp_path)
    assert (folder / "kernel.json").stat().st_mtime_ns == before


def test_a_persons_arguments_come_last() -> None:
    arguments = lab.options(["--port=9999", "--ServerApp.ip=0.0.0.0"])
    assert "--ServerApp.ip=127.0.0.1" in arguments
    assert arguments[-2:] == ["--port=9999", "--ServerApp.ip=0.0.0.0"]


@pytest.mark.parametrize(
    ("argv", "environment", "wanted"),
    [
        ([], {"DISPLAY": ":0"}, True),
        ([], {}, False),
        (["--no-browser"], {"DISPLAY": ":0"}, False),
        ([], {"DISPLAY": ":0", "ZIMAGE_LAB_NO_BROWSER": "1"}, False),
    ],
)
def test_a_browser_only_where_it_can_be_seen(
    argv: list[str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, wanted: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "ZIMAGE_LAB_NO_BROWSER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    assert lab.wants_browser(argv) is wanted
