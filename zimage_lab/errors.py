"""The errors a person can meet, so that every face shows the same sentence for the same mistake.

Each message is one or two plain sentences: what is wrong, why, and what to do about it. Values from outside are shown
as Python literals, so that a terminal escape or a lone surrogate in a prompt cannot act on whoever reads the message.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN_CHARACTERS = 60


class ZImageError(Exception):
    """Base of everything zimage_lab raises on purpose; ``str()`` is a sentence for a person."""


class InvalidRequest(ZImageError, ValueError):  # noqa: N818 - the name is in the design
    """Something asked for cannot be: the message names the field, what is wrong with it, and the fix.

    Parameters
    ----------
    field
        Name of the option, as the caller wrote it.
    value
        The refused value, whole and unchanged.
    what
        What is wrong, beginning with a verb or the value: "1000 is not a multiple of 16".
    fix
        What to do, a full sentence: "Use 992 or 1008."
    """

    def __init__(self, field: str, value: object, what: str, fix: str) -> None:
        # All four go to Exception.args: that is what makes the error survive pickling between processes.
        super().__init__(field, value, what, fix)
        self.field = field
        self.value = value
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        """Give the sentence."""
        return f"{self.field}: {self.what}. {self.fix}"

    def __repr__(self) -> str:
        """Show the sentence instead of the value, which may be a megabyte long."""
        return f"{type(self).__name__}({str(self)!r})"


class UnknownModel(InvalidRequest):
    """No model of this name is known; the message lists the nearest names.

    Parameters
    ----------
    value
        The name that was asked for.
    known
        The names there are.
    """

    def __init__(self, value: object, known: Iterable[str] = ()) -> None:
        names = sorted(known)
        super().__init__("model", value, f"{shown(value)} is not a known model", suggestion(value, names))
        self.known = tuple(names)

    def __reduce__(self) -> tuple[type[UnknownModel], tuple[object, tuple[str, ...]]]:
        """Pickle by this class's own arguments, not by those of the base."""
        return type(self), (self.value, self.known)


class ModelLoadError(ZImageError):
    """Weights are there but cannot be used: damaged, incomplete, or of another architecture."""


class InvalidOutput(ZImageError):  # noqa: N818 - the name is in the design
    """The model gave NaN or a picture without any variance; nothing was saved."""


class OutOfMemory(ZImageError):  # noqa: N818 - it says what happened
    """Memory ran out, and ran out again in a smaller attempt; nothing was saved."""


class Cancelled(ZImageError):  # noqa: N818 - the name is in the design
    """The job was cancelled on request; nothing was saved."""


class StoreError(ZImageError):
    """The database or the picture folder cannot be used: disk full, no permission, a newer database."""


class LabelError(ZImageError):
    """An AI label cannot be written: its library is missing, or refuses to sign."""


class QueueFull(ZImageError):  # noqa: N818 - a full queue is a state that passes
    """The queue takes no more jobs for now; nothing was queued.

    Parameters
    ----------
    message
        The sentence.
    retry_after
        Seconds after which there may be room.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Give the sentence."""
        return str(self.args[0])


class LeaseLost(ZImageError):  # noqa: N818 - it says what happened
    """A job was taken from the engine that ran it, which had been silent too long; what it made does not count."""


class EngineStopped(ZImageError):  # noqa: N818 - the name is in the design
    """The engine takes no more jobs."""


class JobFailed(ZImageError):  # noqa: N818 - the name is in the design
    """A job ended without a picture.

    Parameters
    ----------
    job_id
        The job's UUID.
    state
        The state it ended in.
    cause
        The sentence that says why.
    """

    def __init__(self, job_id: str, state: str, cause: str) -> None:
        super().__init__(job_id, state, cause)
        self.job_id = job_id
        self.state = state
        self.cause = cause

    def __str__(self) -> str:
        """Give the sentence."""
        return f"Job {self.job_id} {self.state.replace('_', ' ')}: {self.cause}"


def shown(value: object) -> str:
    """Give a value as a short literal that is safe to print anywhere.

    Parameters
    ----------
    value
        Anything, also an object whose ``repr`` raises.

    Returns
    -------
    str
        At most about 60 characters, with control characters, surrogates and bidirectional marks escaped.
    """
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…")
    if isinstance(value, int) and not -(10**SHOWN_CHARACTERS) < value < 10**SHOWN_CHARACTERS:
        return "a number of more than 60 digits"  # repr() of such a number can be refused or take long
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a hostile __repr__ must not replace the error that is being told
        return f"a {type(value).__name__}"
    text = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def suggestion(value: object, names: Iterable[str]) -> str:
    """Give the sentence that helps after an unknown name.

    Parameters
    ----------
    value
        The unknown name.
    names
        The known ones.

    Returns
    -------
    str
        "Did you mean 'a' or 'b'?" with up to three close matches, or else the list of what there is.
    """
    known = list(names)
    text = value[:200] if isinstance(value, str) else ""
    close = get_close_matches(text.lower(), known, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(repr(name) for name in close)}?"
    return f"Use one of {', '.join(known)}." if known else "There is none here yet."
