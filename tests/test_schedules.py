"""Schedules: what is due runs once, what was missed is told, and whatever happens is accounted for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from fake_engine import bundle

from zimage_lab.cli import main
from zimage_lab.errors import InvalidRequest
from zimage_lab.home import home
from zimage_lab.models import catalog
from zimage_lab.schedules import Scheduler, Schedules
from zimage_lab.schedules import process as process_module
from zimage_lab.schedules import scheduler as scheduler_module
from zimage_lab.schedules.command import checked, filled
from zimage_lab.schedules.scheduler import Busy, is_running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WAIT = 20.0
MONDAY = datetime(2026, 11, 23, 7, 0, 30, tzinfo=UTC).timestamp()
HOUR = 3600.0
COMMAND = ["generate", "a red circle"]


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, at: float = MONDAY) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return home(tmp_path / "lab")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def as_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a piece of Python stand in for `zimage-lab`."""

    def put(code: str) -> None:
        script = tmp_path / "program.py"
        script.write_text(code, encoding="utf-8")
        monkeypatch.setattr(process_module, "program", lambda: [sys.executable, str(script)])

    return put


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def printed(place: Path) -> bytes:
    """Give what a run has printed so far."""
    return b"".join(path.read_bytes() for path in (place / "run").glob("schedule-run-*.log"))


def states(schedules: Schedules) -> list[str]:
    return [run.state for run in schedules.log()]


def test_a_schedule_can_be_added_paused_resumed_and_removed(place: Path, clock: Clock, tmp_path: Path) -> None:
    with Schedules(place, clock) as schedules:
        made = schedules.add("0 8 * * *", COMMAND, zone="UTC", folder=tmp_path)
        assert (made.id, made.command, made.folder, made.paused) == (1, tuple(COMMAND), str(tmp_path), False)
        assert schedules.pause(1).paused
        clock.at += HOUR
        assert schedules.resume(1).seen == clock.at
        assert schedules.add("@daily", COMMAND).zone
        assert schedules.remove(1).id == 1
        assert [one.id for one in schedules.list()] == [2]
        with pytest.raises(InvalidRequest, match=r"^schedule: 1 is no schedule of this home"):
            schedules.pause(1)


@pytest.mark.parametrize(
    "command",
    [
        [], "generate", ["rm", "-rf", "/"], ["genrate", "x"], ["scheduler"], ["generate", "x", "--home", "/x"],
        ["generate", "x", "--home=/x"], ["batch", "x.csv", "--dry-run"], ["generate", "a\0b"],
        ["generate", 3], ["generate", "x" * 100_001],
    ],
)  # fmt: skip
def test_only_pictures_are_scheduled(place: Path, command: list[str]) -> None:
    with Schedules(place) as schedules, pytest.raises(InvalidRequest, match=r"^command: "):
        schedules.add("0 8 * * *", command)


def test_the_date_goes_into_places_only() -> None:
    due = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
    words = ["batch", "{date}.csv", "--template", "{date}", "--output-dir", "out/{date}-{time}", "--output={date}.png"]
    assert filled(checked(words), due) == [*words[:5], "out/2026-11-23-0805", "--output=2026-11-23.png"]
    assert filled(["generate", "x", "--output", "{sku}{date"], due)[-1] == "{sku}{date"


def test_what_was_due_while_nobody_was_there_is_missed_once(place: Path, clock: Clock) -> None:
    told: list[str] = []
    with Schedules(place, clock) as schedules:
        schedules.add("0 * * * *", COMMAND, zone="UTC")
        schedules.pause(schedules.add("* * * * *", COMMAND, zone="UTC").id)
        clock.at += 5 * HOUR
        for _ in range(2):
            scheduler = Scheduler(schedules, told.append)
            scheduler.start()
            scheduler.close()
        (line,) = schedules.log()
        assert (line.state, line.times, datetime.fromtimestamp(line.due, UTC).hour) == ("missed", 5, 12)
        assert len(told) == 1
        assert told[0].startswith("Schedule 1 missed 5 runs, the last at 2026-11-2")
        schedules.resume(2)
        clock.at -= 48 * HOUR  # a clock that is set back brings nothing due again
        assert schedules.account(clock.at) == []
        clock.at += 48 * HOUR + 86400 * 30
        assert [run.times for run in schedules.account(clock.at)] == [720, 1000]


def test_a_due_run_begins_once_and_is_written_down(
    place: Path, clock: Clock, tmp_path: Path, as_program: Callable[[str], None]
) -> None:
    as_program(
        "import os, sys, json\nprint(json.dumps([sys.argv[1:], os.getcwd(), os.environ['ZIMAGE_LAB_HOME']]))\n"
        "print('不', file=sys.stderr)"
    )
    told: list[str] = []
    with Schedules(place, clock) as schedules:
        words = ["generate", "a; touch x `y` $HOME", "--output", "{date}.png"]
        schedules.add("0 8 * * *", words, zone="Asia/Shanghai", folder=tmp_path)
        scheduler = Scheduler(schedules, told.append)
        scheduler.start()
        clock.at += HOUR - 10  # within the minute of the hour, and the grace
        run = scheduler.fire(1)
        assert run is not None
        assert run.due % 60 == 0
        until(lambda: states(schedules) == ["done"])
        assert scheduler.fire(1) is None
        clock.at += 60
        scheduler.close()
        (line,) = schedules.log()
        assert (line.exit_code, line.error) == (0, None)
        said, last = (line.output or "").splitlines()
        assert json.loads(said) == [[*words[:3], "2026-11-23.png"], str(tmp_path), str(place)]
        assert last == "不"
        assert not list((place / "run").glob("schedule-run-*"))
        assert told == ["Schedule 1 begins: generate a; touch x `y` $HOME ...", "Schedule 1 done."]


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("print('zimage-lab: It broke.'); raise SystemExit(1)", ("failed", 1, "zimage-lab: It broke.")),
        ("raise SystemExit(3)", ("cancelled", 3, None)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ("failed", -9, "It was ended by signal 9.")),
        ("print('x' * 200_000)", ("done", 0, None)),
    ],
)
def test_how_a_run_ended(
    place: Path, as_program: Callable[[str], None], code: str, ended: tuple[str, int, str | None]
) -> None:
    as_program(code)
    outcome = process_module.Process(COMMAND, place, str(place), "test").run()
    assert (outcome.state, outcome.exit_code, outcome.error) == ended
    assert len(outcome.output.encode()) <= process_module.OUTPUT_BYTES


def test_a_folder_that_has_gone_is_told(place: Path) -> None:
    outcome = process_module.Process(COMMAND, place, str(place / "gone"), "test").run()
    assert outcome.state == "failed"
    assert "cannot be started: No such file or directory" in (outcome.error or "")


def test_an_end_asks_what_runs_to_stop_and_the_next_is_skipped_meanwhile(
    place: Path, clock: Clock, as_program: Callable[[str], None]
) -> None:
    # A process that it leaves behind holds its output open; nobody may wait for that one.
    as_program(
        "import signal, subprocess, sys, threading\nended = threading.Event()\n"
        "signal.signal(signal.SIGINT, lambda *_: ended.set())\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3)'])\n"
        "print('ready', flush=True)\nended.wait()\nprint('kept')\nraise SystemExit(3)"
    )
    told: list[str] = []
    with Schedules(place, clock) as schedules:
        schedules.add("* * * * *", COMMAND, zone="UTC")
        scheduler = Scheduler(schedules, told.append)
        scheduler.start()
        run = scheduler.fire(1)
        assert run is not None
        until(lambda: printed(place) == b"ready\n")
        clock.at += 60
        skipped = scheduler.fire(1)
        assert skipped is not None
        assert skipped.state == "skipped"
        began = time.monotonic()
        scheduler.close()
        assert time.monotonic() - began < 2.5
        assert states(schedules) == ["skipped", "cancelled"]
        assert schedules.log()[1].output == "ready\nkept\n"
        assert scheduler.fire(1) is None
        assert "Schedule 1 was due and is skipped: the run before it has not ended." in told


def test_one_scheduler_a_home_and_a_killed_ones_runs_are_told(
    place: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "LOCK_SECONDS", 0.05)
    told: list[str] = []
    with Schedules(place, clock) as schedules:
        schedules.add("* * * * *", COMMAND, zone="UTC")
        assert schedules.begin(1, clock.at) is not None  # by a scheduler that was killed since
        assert not is_running(place)
        scheduler = Scheduler(schedules, told.append)
        assert is_running(place)
        with pytest.raises(Busy, match="is at work already"):
            Scheduler(schedules)
        scheduler.start()
        scheduler.close()
        assert not is_running(place)
        assert states(schedules) == ["interrupted"]
        assert "how it ended is not known" in told[0]


def test_changes_of_the_table_reach_the_clockwork(
    place: Path, as_program: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    as_program("print('made')")
    with Schedules(place) as schedules:
        scheduler = Scheduler(schedules)
        scheduler.start()
        schedules.add("0 8 * * 1", COMMAND, zone="Asia/Shanghai")
        scheduler.look()
        due = scheduler.next_run(1)
        assert due is not None
        assert (due.weekday(), due.hour, str(due.tzinfo)) == (0, 8, "Asia/Shanghai")
        schedules.pause(1)
        scheduler.look()
        assert scheduler.next_run(1) is None
        schedules.resume(1)
        scheduler.look()
        # APScheduler's own thread starts what is due now.
        scheduler._clockwork.get_job("1").modify(next_run_time=datetime.now(UTC))
        until(lambda: states(schedules) == ["done"])
        schedules.remove(1)
        scheduler.look()
        assert scheduler.next_run(1) is None
        assert scheduler.fire(1) is None
        scheduler.close()
    assert "Schedule 1 cannot run now" in caplog.text


def test_the_process_ends_in_order(place: Path) -> None:
    command = [sys.executable, "-m", "zimage_lab.cli", "scheduler", "--home", str(place)]
    for number in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TZ": "UTC"}) as running:
            assert running.stderr is not None
            first = running.stderr.readline()
            assert first == f"Scheduler of {place}: 0 schedules; this machine's zone is UTC.\n"
            running.send_signal(number)
            rest = running.stderr.read()
            assert (running.wait(WAIT), rest) == (0, "The scheduler has ended.\n")
        assert not is_running(place)


@pytest.fixture
def shell(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZIMAGE_LAB_HOME", str(place))

    def ran(*words: str) -> tuple[int, str, str]:
        code = main(["schedule", *words])
        printed = capsys.readouterr()
        return code, printed.out.strip(), printed.err

    return ran


def test_the_shell(shell: Callable[..., tuple[int, str, str]], tmp_path: Path, place: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,sku\na red circle,1\n", encoding="utf-8")
    code, made, told = shell(
        "add", "--zone", "UTC", "0 8 * * 1", "batch", "a.csv", "--output-dir", "out/{date}", "--name", "{sku}"
    )
    assert (code, made) == (0, "1")
    assert "1 row, 1 each: 1 picture." in told
    assert "Next run: Mon " in told
    assert "No scheduler runs" in told
    assert not (tmp_path / "out").exists()
    code, made, _ = shell("add", "@daily", "generate", "a blue ring", "--output", "{date}.png", "--steps", "4")
    assert (code, made) == (0, "2")
    code, listed, told = shell("list")
    assert listed.splitlines()[0].split("\t")[:3] == ["1", "0 8 * * 1", "UTC"]
    assert "'a blue ring'" in listed
    assert "zimage-lab scheduler" in told
    assert shell()[1] == listed
    assert shell("pause", "1")[:2] == (0, "1")
    assert "paused" in shell("list")[1]
    assert "Next run" in shell("resume", "1")[2]
    with Schedules(place) as schedules:
        run = schedules.begin(1, MONDAY)
        assert run is not None
        schedules.end(run, "failed", exit_code=1, error="It broke.", output="a\nb\n")
    assert shell("log", "1")[1].endswith("\t1\tfailed\t1\t1\tIt broke.")
    assert shell("log", "--output")[1].endswith("a\n    b")
    assert json.loads(shell("log", "--json")[1])[0]["exit_code"] == 1
    assert json.loads(shell("list", "--json")[1])["schedules"][0]["last"]["state"] == "failed"
    assert shell("remove", "2")[:2] == (0, "2")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["0 8 * *", "generate", "x"], "cron: '0 8 * *' has not five fields"),
        (["0 8 * * *", "generate"], "PROMPT"),
        (["0 8 * * *", "generate", "x", "--stepz", "3"], "'--stepz' is not an option. Did you mean '--steps'"),
        (["0 8 * * *", "generate", "x", "--steps", "3000"], "steps: "),
        (["0 8 * * *", "generate", "x", "--output", "no/x.png"], "--output: the folder"),
        (["0 8 * * *", "generate", "x", "--home", "y"], "has no place in a schedule"),
        (["0 8 * * *", "batch", "nowhere.csv", "--output-dir", "out"], "nowhere.csv"),
        (["0 8 * * *", "batch", "bad.csv", "--output-dir", "out"], "the batch has bad rows"),
        (["0 8 * * *", "batch", "bad.csv"], "--output-dir: is missing"),
        (["0 8 * * *", "models"], "command: 'models' cannot be scheduled"),
        (["--zone", "Mars", "0 8 * * *", "generate", "x"], "zone: 'Mars' is no time zone"),
        (["0 8 * * *"], "COMMAND"),
    ],
)
def test_what_cannot_be_scheduled_is_told(
    shell: Callable[..., tuple[int, str, str]], tmp_path: Path, words: list[str], told: str
) -> None:
    (tmp_path / "bad.csv").write_text("prompt,steps\na red circle,many\n", encoding="utf-8")
    code, out, err = shell("add", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert shell("list") == (0, "", "")


def test_a_second_signal_ends_what_does_not_listen(
    place: Path, clock: Clock, as_program: Callable[[str], None]
) -> None:
    as_program(
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(60)"
    )
    with Schedules(place, clock) as schedules:
        schedules.add("* * * * *", COMMAND)
        scheduler = Scheduler(schedules)
        scheduler.start()
        run = scheduler.fire(1)
        assert run is not None
        until(lambda: printed(place) == b"deaf\n")
        closing = threading.Thread(target=scheduler.close)
        closing.start()
        scheduler.hurry()
        closing.join(WAIT)
        assert schedules.log()[0].error == "It was ended by signal 9."
