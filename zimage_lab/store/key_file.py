"""Secret keys of a home, each a small file that only its owner can read, made when it is first needed."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from zimage_lab.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES = 32


def key(path: Path, whose: str, damaged: str) -> bytes:
    """Give the key that a file holds, made where there is none.

    Parameters
    ----------
    path
        The file.
    whose
        What it is for, in a sentence: "of the webhooks".
    damaged
        What to do where it is damaged, a sentence.

    Raises
    ------
    StoreError
        When it cannot be read, made, or is no key.
    """
    try:
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            made = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(made, path)  # of two processes the first one's key holds
            except FileExistsError:
                pass
            finally:
                made.unlink(missing_ok=True)
            found = path.read_bytes()
    except OSError as error:
        message = f"The key {whose}, {path}, cannot be used ({error.strerror}). Mend its folder."
        raise StoreError(message) from error
    if len(found) != KEY_BYTES:
        message = f"The key {whose}, {path}, is damaged. {damaged}"
        raise StoreError(message)
    return found
