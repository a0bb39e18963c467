"""A package's names, each loaded from its module when it is first used (PEP 562)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def names(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Give a package's `__getattr__` and `__dir__`.

    Parameters
    ----------
    package
        Its own name.
    modules
        From the names that it gives to the modules inside it that hold them.
    """

    def get(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        if name not in modules:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        vars(importlib.import_module(package))[name] = value
        return value

    return get, lambda: sorted(modules)
