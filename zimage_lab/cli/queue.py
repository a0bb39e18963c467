"""`zimage-lab queue`: what waits, and the hand on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.cli import engines
from zimage_lab.cli.engines import SHORT, match, place
from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import DONE, say, say_json, table, tell

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from zimage_lab.cli.parser import Parser
    from zimage_lab.store.jobs import JobRow
    from zimage_lab.store.queue import Queue

PROMPT = 40


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command, and that of the engines, to the parser."""
    engines.add(groups)
    text = "list, pause, reorder and clear what waits"
    top = groups.add_parser("queue", help=text, description=text[0].upper() + text[1:] + ".")
    top.set_defaults(run=list_jobs, parser=top, home=None, json=False, all=False, limit=50)
    verbs = top.add_subparsers(metavar="VERB")
    listed = _verb(verbs, "list", list_jobs, "list what waits and runs", job=None)
    listed.add_argument("--all", action="store_true", help="also what has ended")
    listed.add_argument("--limit", type=int, default=50, metavar="N", help="most jobs (default 50)")
    listed.add_argument("--json", action="store_true", help="print JSON")
    _verb(verbs, "pause", pause, "pause a job, or the whole queue where none is named", job="?")
    _verb(verbs, "resume", resume, "let a job, or the whole queue, go on", job="?")
    _verb(verbs, "cancel", cancel, "cancel a job", job="+")
    _verb(verbs, "retry", retry, "queue an ended job's request once more", job="+")
    _verb(verbs, "first", first, "let a waiting job go before all others of its priority", job="+")
    _verb(verbs, "clear", clear, "cancel everything that waits", job=None)


def _verb(
    verbs: argparse._SubParsersAction[Parser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
    *,
    job: str | None,
) -> Parser:
    parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    if job is not None:
        parser.add_argument("job", nargs=job, metavar="JOB", help="id of the job, or its beginning")
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    parser.set_defaults(run=run, parser=parser)
    return parser


def list_jobs(arguments: argparse.Namespace) -> int:
    """Print the jobs that wait and run, the next one first."""
    with _queue(arguments) as queue:
        rows = _shown_jobs(queue, ended=arguments.all, limit=arguments.limit)
        paused = queue.paused
    if arguments.json:
        say_json({"paused": paused, "jobs": [_job(row) for row in rows]})
        return DONE
    if paused:
        tell("The queue is paused: zimage-lab queue resume lets it go on.")
    if not rows:
        say("Nothing waits.")
        return DONE
    table(
        ["JOB", "STATE", "PRIORITY", "MODEL", "SIZE", "SEED", "PROMPT"],
        [
            [
                row.id[:SHORT],
                "paused" if row.paused else row.state,
                str(row.priority),
                row.request.model,
                f"{row.request.width}x{row.request.height}",
                str(row.request.seed),
                _cut(row.request.prompt),
            ]
            for row in rows
        ],
    )
    return DONE


def pause(arguments: argparse.Namespace) -> int:
    """Pause a job or the queue."""
    with _queue(arguments) as queue:
        queue.pause(None if arguments.job is None else _find(queue, arguments.job).id)
    say("The queue is paused; what runs is finished." if arguments.job is None else "Paused.")
    return DONE


def resume(arguments: argparse.Namespace) -> int:
    """Let a job or the queue go on."""
    with _queue(arguments) as queue:
        queue.resume(None if arguments.job is None else _find(queue, arguments.job).id)
    say("The queue goes on." if arguments.job is None else "It waits for its turn again.")
    return DONE


def cancel(arguments: argparse.Namespace) -> int:
    """Cancel jobs."""
    with _queue(arguments) as queue:
        for row in [_find(queue, name) for name in arguments.job]:
            now = queue.cancel(row.id)
            told = "is asked to stop" if now.state == "running" else now.state
            say(f"{row.id[:SHORT]}: {told}")
    return DONE


def retry(arguments: argparse.Namespace) -> int:
    """Queue ended jobs' requests again."""
    with _queue(arguments) as queue:
        for row in [_find(queue, name) for name in arguments.job]:
            say(f"{row.id[:SHORT]}: queued again as {queue.retry(row.id).id[:SHORT]}")
    return DONE


def first(arguments: argparse.Namespace) -> int:
    """Move waiting jobs to the front, in the order in which they are named."""
    with _queue(arguments) as queue:
        for row in reversed([_find(queue, name) for name in arguments.job]):
            queue.move(row.id)
    say("Moved to the front.")
    return DONE


def clear(arguments: argparse.Namespace) -> int:
    """Cancel what waits."""
    with _queue(arguments) as queue:
        number = queue.clear()
    say("Nothing waited." if number == 0 else f"Cancelled {number} job{'s' * (number != 1)}; what runs goes on.")
    return DONE


def _queue(arguments: argparse.Namespace) -> Queue:
    from zimage_lab.store.queue import Queue

    return Queue(place(arguments))


def _shown_jobs(queue: Queue, *, ended: bool, limit: int) -> list[JobRow]:
    states = None if ended else ("queued", "running")
    rows = queue.list(states, limit=limit)
    return rows if ended else sorted(rows, key=lambda row: (row.state != "running", -row.priority, row.position))


def _find(queue: Queue, name: str) -> JobRow:
    found: JobRow = match("JOB", name, queue.starting_with(name))
    return found


def _job(row: JobRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "paused": row.paused,
        "priority": row.priority,
        "attempts": row.attempts,
        "source": row.source,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "error": row.error,
        "record_id": row.record_id,
        "request": row.request.model_dump(mode="json"),
    }


def _cut(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= PROMPT else line[: PROMPT - 1] + "…"
