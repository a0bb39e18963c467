"""`%load_ext zimage_lab`: `%%zimage` makes a picture of its cell's text, `%zimage status` tells of the engine.

Whatever stands in the cell is a prompt and nothing else: no expansion, no evaluation, no shell. Only `--variables` puts
values of the notebook in the place of `{name}`, by plain lookup. The options of the first line are split like a shell's
words, and their values are judged by the request's own validator.
"""

from __future__ import annotations

import html
import keyword
import shlex
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display as ipython_display

import zimage_lab
from zimage_lab.engine import live
from zimage_lab.engine.waiting import STOP_SECONDS
from zimage_lab.errors import InvalidRequest, ZImageError, shown, suggestion
from zimage_lab.options import OPTIONS
from zimage_lab.prompts import templates

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from zimage_lab.engine.job import Job
    from zimage_lab.result import GeneratedImage

display: Any = ipython_display  # IPython leaves it untyped

Function = TypeVar("Function", bound="Callable[..., Any]")

QUIET = {"text/plain": "", "text/html": ""}
"""What the progress leaves behind: the same in a notebook that was saved, converted, or run again by a test."""


def _request_options(function: Function) -> Function:
    """Give the magic every option of a request; the last decorator's argument comes first in the help."""
    for option in reversed(OPTIONS):
        take: Any = argument(  # type: ignore[no-untyped-call]
            option.flag, dest=option.name, type=option.read, metavar=option.takes, help=option.help
        )
        function = take(function)
    return function


@magics_class
class ZImageMagics(Magics):
    """The magic `zimage`, for a cell and for a line."""

    @no_var_expand
    @line_cell_magic
    @magic_arguments("%zimage")  # type: ignore[no-untyped-call, untyped-decorator]
    @_request_options
    @argument("--name", metavar="VARIABLE", help="give the picture this name too")  # type: ignore[no-untyped-call, untyped-decorator]
    @argument("--variables", action="store_true", help="{name} in the cell is the variable's value; {{ is a brace")  # type: ignore[no-untyped-call, untyped-decorator]
    def zimage(self, line: str, cell: str | None = None) -> GeneratedImage | Status:
        """Make a picture: `%%zimage --seed 7`, the prompt in the cell's body, word by word as it stands.

        `%zimage status` says what the engine does.
        """
        try:
            return status(line) if cell is None else self._draw(line, cell)
        except ZImageError as error:
            error._render_traceback_ = Short(error)  # type: ignore[attr-defined]
            raise

    def _draw(self, line: str, cell: str) -> GeneratedImage:
        given = self._arguments(line)
        name = given.pop("name", None)
        if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
            field = "--name"
            raise InvalidRequest(field, name, f"{shown(name)} is not a variable's name", "Use letters, digits and _.")
        prompt = cell.rstrip("\n")  # the line break after the last line is the cell's, not the prompt's
        if given.pop("variables"):
            prompt = templates.expand(prompt, self._variables(), field="--variables")
        job = zimage_lab.load().submit(prompt, source="magic", **given)
        image = show(job)
        if name is not None:
            self.shell.push({name: image})  # type: ignore[union-attr]
        return image

    def _variables(self) -> dict[str, object]:
        """Give the notebook's own variables, without those that IPython put there."""
        shell: Any = self.shell
        hidden = shell.user_ns_hidden
        return {
            name: value
            for name, value in shell.user_ns.items()
            if not name.startswith("_") and not (name in hidden and hidden[name] is value)
        }

    def _arguments(self, line: str) -> dict[str, Any]:
        """Give the options that were typed, by their names in Python."""
        parser: Any = self.zimage.parser  # type: ignore[union-attr]
        parser.allow_abbrev = False
        try:
            parsed, rest = parser.parse_known_args(words(line))
        except UsageError as error:
            field, _, what = str(error).removeprefix("argument ").partition(": ")
            raise InvalidRequest(field, line, what or "cannot be read", "See %zimage? for the options.") from None
        if rest:
            raise unknown(rest[0], [*(option.flag for option in OPTIONS), "--name", "--variables"])
        return {name: value for name, value in vars(parsed).items() if value is not None}


class Short:
    """Shows an error as its one sentence instead of a page of our own frames; a class, so that the error pickles."""

    def __init__(self, error: ZImageError) -> None:
        self.lines = [f"{type(error).__name__}: {error}"]

    def __call__(self) -> list[str]:
        """Give the lines that IPython shows."""
        return self.lines


class Status:
    """What the engine of this kernel does, as a small table."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def __repr__(self) -> str:
        """Give a line for each fact."""
        return "\n".join(f"{name:<14} {'-' if value is None else value}" for name, value in self.facts.items())


def words(line: str) -> list[str]:
    """Split a magic's line as a shell would, quotes and all, without ever giving it to one."""
    try:
        return shlex.split(line)
    except ValueError:
        field = "%%zimage"
        raise InvalidRequest(field, line, "a quote is not closed", "Close it, or remove it.") from None


def unknown(word: str, flags: list[str]) -> InvalidRequest:
    """Give the error for a word of the first line that is no option."""
    name = word.partition("=")[0]
    if name.startswith("-"):
        return InvalidRequest("%%zimage", word, f"{shown(name)} is not an option", suggestion(name, flags))
    what = f"{shown(word)} does not belong to an option"
    return InvalidRequest("%%zimage", word, what, "The prompt goes below, into the cell's body.")


def status(line: str) -> Status:
    """Answer `%zimage status` without starting an engine or loading a model for it."""
    asked = words(line)
    if asked not in ([], ["status"]):
        fix = "Use %zimage status, or put a prompt into a cell that begins with %%zimage."
        field = "%zimage"
        raise InvalidRequest(field, line, f"{shown(asked[0])} is not known", fix)
    engine = sys.modules.get("zimage_lab.engine")
    running = engine.engines() if engine is not None else []
    return Status(running[0].status() if running else {"state": "not started"})


def show(job: Job) -> GeneratedImage:
    """Wait for a job in the cell that asked for it, with a live bar and preview where there is a front end.

    Parameters
    ----------
    job
        The job; an interrupt of the kernel cancels it.

    Returns
    -------
    GeneratedImage
        The picture.
    """
    for warning in job.warnings:
        display({"text/plain": f"Note: {warning}", "text/html": f"<p>{html.escape(warning)}</p>"}, raw=True)
    slot = display(QUIET, raw=True, display_id=True)
    last = ""
    try:
        while not job.done:
            now = live.progress(job)
            if now != last and slot is not None:
                slot.update({"text/plain": "", "text/html": now}, raw=True)
                last = now
            try:
                return job.result(timeout=live.LOOK)
            except TimeoutError:
                continue
        return job.result()
    except KeyboardInterrupt:
        job.cancel()  # also where the interrupt came between two looks
        job.wait(STOP_SECONDS)
        raise
    finally:
        if slot is not None:
            slot.update(QUIET, raw=True)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magic: `%load_ext zimage_lab`."""
    shell.register_magics(ZImageMagics)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magic away again: `%unload_ext zimage_lab`."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("zimage", None)
    shell.magics_manager.registry.pop(ZImageMagics.__name__, None)
