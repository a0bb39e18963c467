"""`%load_ext zimage_lab`: `%%zimage` makes a picture of its cell's text, `%zimage` loads, cancels, tells and finds.

Whatever stands in the cell is a prompt and nothing else: no expansion, no evaluation, no shell. Only `--variables` puts
values in the place of `{name}`, by plain lookup, and only `--wildcards` reads `{a|b}`. The options of the first line
are split like a shell's words, and their values are judged by the request's own validator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.magics.completion import COMPLETED, complete
from zimage_lab.magics.magic import ZImageMagics
from zimage_lab.magics.show import show

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["ZImageMagics", "load_ipython_extension", "show", "unload_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magic: `%load_ext zimage_lab`."""
    shell.register_magics(ZImageMagics)
    shell.set_hook("complete_command", complete, re_key=COMPLETED)  # type: ignore[no-untyped-call]


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magic away again: `%unload_ext zimage_lab`."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("zimage", None)
    shell.magics_manager.registry.pop(ZImageMagics.__name__, None)
    shell.strdispatchers["complete_command"].regexs.pop(COMPLETED, None)
