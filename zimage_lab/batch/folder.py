"""The output folder of a batch: its pictures, its results table, and what a second start must know.

`results.csv` is both the result and the memory. While a batch runs, every picture that ends is one line appended and
synced: after a kill or a power cut, what is in the table is on the disk, and the cost of a line does not grow with
the batch. At every end, also after Ctrl-C, the table is written anew as a whole, in the order of the rows, and
replaced in one step. A picture's file comes before its line: a line never names a file that is not there yet.
"""

from __future__ import annotations

import csv
import io
import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock, Timeout

from zimage_lab.errors import InvalidRequest, StoreError, ZImageError, shown
from zimage_lab.store.images import write_whole
from zimage_lab.values import json_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zimage_lab.batch.cell import Cell
    from zimage_lab.result import GeneratedImage

FIELD = "output_dir"
RESULTS = "results.csv"
MEMORY = ".zimage-lab-batch.json"
LOCK = ".zimage-lab-batch.lock"
COLUMNS = ("row", "line", "prompt", "seed", "state", "path", "seconds", "error", "record_id", "key", "tries")
EARLIER = "earlier"
"""State of pictures that an earlier start made of another table or with other options; they stay."""


class Line(NamedTuple):
    """What an earlier start wrote of a cell."""

    values: dict[str, str]

    @property
    def key(self) -> str:
        """The cell's identity."""
        return self.values["key"]

    @property
    def state(self) -> str:
        """How it ended."""
        return self.values["state"]

    @property
    def tries(self) -> int:
        """How often it was tried in vain."""
        text = self.values["tries"]
        return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0  # noqa: PLR2004 - a sane count

    @property
    def seconds(self) -> float | None:
        """What it took."""
        try:
            return float(self.values["seconds"])
        except ValueError:
            return None


class Folder:
    """The output folder.

    Parameters
    ----------
    path
        Where it is, or shall be.

    Raises
    ------
    InvalidRequest
        When no folder can be there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        text = os.fspath(path)
        if not isinstance(text, str) or not text.strip() or "\0" in text:
            raise InvalidRequest(FIELD, path, f"{shown(path)} is no folder", "Give a folder's path.")
        self.path = Path(text).expanduser().absolute()
        if self.path.exists() and not self.path.is_dir():
            raise InvalidRequest(FIELD, text, f"{shown(text)} is a file", "Give a folder's path.")
        self.id = str(uuid.uuid4())
        self.seed: int | None = None
        # Taken by whoever starts the batch, let go by the thread that ends it.
        self._lock = FileLock(self.path / LOCK, timeout=0, thread_local=False)
        self._extra: list[str] = []
        self._remember_read()

    @property
    def results(self) -> Path:
        """The results table."""
        return self.path / RESULTS

    def open(self) -> None:
        """Make the folder, and take it for this process.

        Raises
        ------
        InvalidRequest
            When another process is at work in it, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            what = f"another batch is at work in {shown(str(self.path))}"
            raise InvalidRequest(FIELD, str(self.path), what, "Wait for its end, or give another folder.") from None
        except OSError as error:
            raise self._unwritable(error) from error
        self._remember_read()  # whoever had the folder before may have written since

    def close(self) -> None:
        """Let others have the folder."""
        self._lock.release()

    def remember(self, seed: int | None) -> None:
        """Keep the identity of the batch and its first seed for the next start."""
        self.seed = self.seed if seed is None else seed
        facts = {"version": 1, "id": self.id, "seed": None if self.seed is None else str(self.seed)}
        write_whole(self.path / MEMORY, json.dumps(facts, indent=1).encode())

    def lines(self) -> dict[str, Line]:
        """Read what is known, by key; of several lines of one cell the last one holds."""
        try:
            text = self.results.read_bytes().decode("utf-8-sig", errors="replace")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unwritable(error) from error
        whole = text.endswith("\n")
        found: dict[str, Line] = {}
        csv.field_size_limit(2**28)
        records = list(csv.reader(io.StringIO(text, newline="")))
        head = records[0] if records else []
        if head and not set(COLUMNS) <= set(head):
            what = f"{shown(str(self.results))} is no results table of ours"
            raise InvalidRequest(FIELD, str(self.path), what, "Give another folder, or move that file away.")
        for number, cells in enumerate(records[1:], 2):
            torn = number == len(records) and not whole  # a kill came into the middle of the line
            if len(cells) == len(head) and not torn:
                line = Line(dict(zip(head, cells, strict=True)))
                found[line.key] = line
        return found

    def has(self, name: str) -> bool:
        """Say whether a picture of this name is there, whole or at least begun by somebody."""
        return bool(name) and Path(name).name == name and (self.path / name).is_file()

    def same(self, name: str, image: GeneratedImage) -> bool:
        """Say whether the file is this very picture: a kill may have come between its copy and its line."""
        try:
            there = (self.path / name).read_bytes()
            # With its labels, or as copies were made before there were any.
            return there == image.exported() or (image.path is not None and there == image.path.read_bytes())
        except (OSError, ZImageError):
            return False

    def rewrite(self, cells: Sequence[Cell], earlier: Iterable[Line]) -> None:
        """Write the whole table: the batch in its order, then the pictures of earlier starts that are still there."""
        self._extra = list(dict.fromkeys(name for cell in cells for name in cell.values if name not in COLUMNS))
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([*COLUMNS, *self._extra])
        for cell in cells:
            writer.writerow(self._values(cell))
        for line in earlier:
            known = {**line.values, "state": EARLIER}
            writer.writerow([known.get(name, "") for name in [*COLUMNS, *self._extra]])
        # The mark at the beginning is what makes Excel read the file as UTF-8.
        write_whole(self.results, b"\xef\xbb\xbf" + buffer.getvalue().encode(errors="replace"))

    def append(self, cell: Cell) -> None:
        """Add the line of a cell that ended; when this returns, it is on the disk.

        Raises
        ------
        StoreError
            When it cannot be written.
        """
        buffer = io.StringIO(newline="")
        csv.writer(buffer, lineterminator="\n").writerow(self._values(cell))
        try:
            with self.results.open("ab", buffering=0) as file:
                file.write(buffer.getvalue().encode(errors="replace"))
                os.fsync(file.fileno())
        except OSError as error:
            message = (
                f"{self.results} cannot be written ({error.strerror}). Free space or mend the folder, start again."
            )
            raise StoreError(message) from error

    def _values(self, cell: Cell) -> list[object]:
        seconds = "" if cell.seconds is None else f"{cell.seconds:.3f}"
        path = cell.path.name if cell.path is not None else ""
        known = (cell.row, cell.line, cell.prompt, cell.seed, cell.state, path, seconds, cell.error, cell.record_id)
        extra = [cell.values.get(name) for name in self._extra]
        return ["" if value is None else value for value in (*known, cell.key, cell.tries, *extra)]

    def _remember_read(self) -> None:
        try:
            facts = json_object(MEMORY, (self.path / MEMORY).read_text(encoding="utf-8"))
            self.id = str(uuid.UUID(str(facts["id"])))
            self.seed = None if facts["seed"] is None else int(facts["seed"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"{shown(str(self.path / MEMORY))} cannot be read"
            raise InvalidRequest(FIELD, str(self.path), what, "Give another folder, or remove that file.") from error

    def _unwritable(self, error: OSError) -> InvalidRequest:
        what = f"{shown(str(self.path))} cannot be used ({error.strerror})"
        return InvalidRequest(FIELD, str(self.path), what, "Give a folder that you may write.")


def is_done(line: Line, folder: Folder) -> bool:
    """Say whether a line stands for a picture that is still there."""
    return line.state in {"succeeded", EARLIER} and folder.has(line.values["path"])
