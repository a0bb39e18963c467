"""The magic `zimage` itself: a cell's text becomes one picture, or a batch of them."""

from __future__ import annotations

import keyword
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

import zimage_lab
from zimage_lab.errors import InvalidRequest, ZImageError, shown
from zimage_lab.magics import commands, compare, sweep
from zimage_lab.magics.completion import COMPARE, OWN, SWEEP
from zimage_lab.magics.line import Short, unknown, words
from zimage_lab.magics.show import show, show_batch
from zimage_lab.options import OPTIONS, whole
from zimage_lab.prompts import expand
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.batch import Batch
    from zimage_lab.engine.job import Job
    from zimage_lab.prompts import Written
    from zimage_lab.result import GeneratedImage

MOST_PICTURES = 1000
"""Most pictures of each prompt."""

Function = TypeVar("Function", bound="Callable[..., Any]")


def _request_options(function: Function) -> Function:
    """Give the magic every option of a request; the last decorator's argument comes first in the help."""
    for option in reversed(OPTIONS):
        take: Any = argument(  # type: ignore[no-untyped-call]
            option.flag, dest=option.name, type=option.read, metavar=option.takes, help=option.help
        )
        function = take(function)
    return function


def _own_options(function: Function) -> Function:
    """Give the magic its own options, in the order in which the help lists them."""
    own: tuple[tuple[str, dict[str, Any]], ...] = (
        ("--name", {"metavar": "VARIABLE", "help": "give the result this name too"}),
        (
            "--variables",
            {
                "nargs": "?",
                "const": True,
                "metavar": "ROWS",
                "help": "{name} in the cell is the notebook's variable; with ROWS, a data frame, a list or a CSV file, "
                "the column's value, one picture a row; {{ is a brace",
            },
        ),
        ("--wildcards", {"action": "store_true", "help": "{red|blue} and __name__ in the cell stand for choices"}),
        ("--draws", {"type": whole, "metavar": "N", "help": "with --wildcards: N choices at random instead of all"}),
        ("--style", {"action": "append", "metavar": "NAME", "help": "put a named style around the prompt"}),
        ("--pictures", {"type": whole, "metavar": "N", "help": "pictures of each prompt, with consecutive seeds"}),
        ("--wait", {"action": "store_true", "help": "wait for the pictures (the default)"}),
        ("--no-wait", {"action": "store_true", "help": "go on at once; the job or batch shows its progress"}),
    )
    for flag, options in reversed(own):
        take: Any = argument(flag, **options)  # type: ignore[no-untyped-call]
        function = take(function)
    return function


@magics_class
class ZImageMagics(Magics):
    """The magic `zimage`, for a cell and for a line."""

    @no_var_expand
    @line_cell_magic
    @magic_arguments("%zimage")  # type: ignore[no-untyped-call, untyped-decorator]
    @_request_options
    @_own_options
    def zimage(self, line: str, cell: str | None = None) -> Any:  # noqa: ANN401 - picture, job, batch, status, table
        """Make a picture: `%%zimage --seed 7`, the prompt in the cell's body, word by word as it stands.

        Examples::

            %%zimage --seed 42 --name picture
            a red cat on the left, a yellow lantern on the right

            %%zimage --variables rows --pictures 2
            a {colour} {animal} on a white background

            %%zimage --wildcards --style "paper cut" --no-wait
            a {red|blue|green} __animals__

        On a line::

            %zimage status                       what the engine does
            %zimage load miniature-turbo         have a model ready
            %zimage unload                       give its memory back
            %zimage cancel                       what runs; an id, or all
            %zimage history cat --since 2d       what was made
            %zimage sweep "a cat" --seeds 4      pictures along axes; %zimage sweep --help
            %zimage compare "a cat" --models ... models side by side; %zimage compare --help
        """
        kind = {SWEEP: sweep, COMPARE: compare}.get(line.split(maxsplit=1)[0] if line.strip() else "")
        if not {"-h", "--help"}.isdisjoint(line.split()):
            sys.stdout.write(kind.help_text() if kind else self.zimage.__doc__ or "")
            return None
        try:
            if kind:
                body = None if cell is None else cell.rstrip("\n")
                return kind.run(words(line)[1:], body, self.shell.user_ns)  # type: ignore[union-attr]
            return commands.run(line) if cell is None else self._draw(line, cell)
        except ZImageError as error:
            error._render_traceback_ = Short(error)  # type: ignore[attr-defined]
            raise

    def _draw(self, line: str, cell: str) -> GeneratedImage | Job | Batch:
        given = self._arguments(line)
        name, waits = given.pop("name", None), not given.pop("no_wait")
        if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
            field = "--name"
            raise InvalidRequest(field, name, f"{shown(name)} is not a variable's name", "Use letters, digits and _.")
        if given.pop("wait") and not waits:
            field = "--wait"
            raise InvalidRequest(field, None, "is the opposite of --no-wait", "Give one of them.")
        pictures = checked_integer("--pictures", given.pop("pictures", 1), 1, MOST_PICTURES)
        many = given.get("variables") not in {True, None} or given["wildcards"] or pictures > 1
        written = self._written(cell.rstrip("\n"), given)  # the last line break is the cell's, not the prompt's
        result = self._several(written, pictures, given, waits) if many else self._one(written[0], given, waits)
        if name is not None:
            self.shell.push({name: result})  # type: ignore[union-attr]
        return result

    @staticmethod
    def _one(written: Written, given: dict[str, Any], waits: bool) -> GeneratedImage | Job:  # noqa: FBT001 - a word of the line
        given = {**given, "negative_prompt": written.negative_prompt} if written.negative_prompt else given
        job = zimage_lab.load().submit(written.prompt, source="magic", **given)
        return show(job) if waits else job

    @staticmethod
    def _several(written: list[Written], pictures: int, given: dict[str, Any], waits: bool) -> Batch:  # noqa: FBT001
        batch = zimage_lab.load().batch([one._asdict() for one in written], seeds=pictures, **given)
        return show_batch(batch) if waits else batch

    def _written(self, text: str, given: dict[str, Any]) -> list[Written]:
        """Give the prompts that the cell stands for, and take from the options what was needed for it."""
        asked, draws = given.pop("variables", None), given.pop("draws", None)
        wildcards = given.pop("wildcards")
        if draws is not None:
            field = "--draws"
            if not wildcards:
                raise InvalidRequest(field, draws, "is of no use without --wildcards", "Give both.")
            draws = checked_integer(field, draws, 1, MOST_PICTURES)
        field = "--variables"
        try:
            return expand(
                text,
                given.pop("negative_prompt", ""),
                rows=None if asked in {None, True} else self._rows(asked),
                variables=None if asked is None else self._variables(),
                wildcards=wildcards,
                draws=draws,
                seed=given.get("seed") if isinstance(given.get("seed"), int) else None,
                styles=given.pop("style", None) or (),
            )
        except InvalidRequest as error:
            if asked is not None and error.field == "prompt" and "not known here" in error.what:
                raise InvalidRequest(field, error.value, error.what, error.fix) from None
            raise

    def _rows(self, name: str) -> object:
        """Give a table by the name of the variable that holds it, or by its file."""
        known = self._variables()
        if name in known:
            return known[name]
        if "." in name or "/" in name:
            return name
        field = "--variables"
        what, fix = f"there is no variable {shown(name)}", "Name a data frame or a list of rows, or give a CSV file."
        raise InvalidRequest(field, name, what, fix)

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
            raise unknown(rest[0], [*(option.flag for option in OPTIONS), *OWN])
        return {name: value for name, value in vars(parsed).items() if value is not None}
