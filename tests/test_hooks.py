"""Hooks: functions that raise or hang hurt nobody, webhooks go only where they may, and nothing owed is forgotten."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import record

from zimage_lab.cli import main
from zimage_lab.engine.events import Events
from zimage_lab.errors import InvalidRequest
from zimage_lab.home import home
from zimage_lab.hooks import Ended, Hooks, Webhooks, signature, verified
from zimage_lab.hooks import functions as functions_module
from zimage_lab.hooks.address import Target, checked_url, target
from zimage_lab.hooks.deliveries import DELAYS
from zimage_lab.hooks.functions import FunctionHook
from zimage_lab.hooks.post import Answer, post
from zimage_lab.hooks.signing import HEADER, secret
from zimage_lab.recipe import ImageFile
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zimage_lab.store.jobs import JobRow

WAIT = 10.0


class Receiver:
    """A server on this machine that keeps what it is sent and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.came:
                    receiver.got.append((dict(self.headers), body))
                    status = receiver.answers.pop(0) if receiver.answers else 204
                    receiver.came.notify_all()
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/ended?x=1"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def wait(self, count: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.got) >= count, WAIT)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return home(tmp_path / "lab")


class Rings:
    """What a hook needs of an engine."""

    def __init__(self) -> None:
        self.events = Events()


def end_one(place: Path, state: str = "succeeded", prompt: str = "a red circle") -> JobRow:
    """Put a job in the queue and end it, as an engine does."""
    with Queue(place) as queue:
        queue.put(record(prompt).request)
        lease = queue.lease("engine")
        assert lease is not None
        made = record(prompt).replace(
            id=lease.record_id, job_id=lease.job.id, state=state, user="somebody", source="shell",
            request=lease.job.request, created_at=lease.job.created_at,
            image=ImageFile(path="images/x.png", sha256=None, pixels_sha256="0") if state == "succeeded" else None,
        )  # fmt: skip
        return queue.finish(lease, state, None if state == "succeeded" else "It broke.", made)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_function_is_told_what_came_of_a_job(place: Path) -> None:
    told: list[Ended] = []
    came = threading.Event()
    engine, hooks = Rings(), Hooks(place, points=False)
    hooks.call(lambda ended: (told.append(ended), came.set()))
    hooks.subscribe(engine)
    row = end_one(place)
    engine.events.emit("state", row.id, state="running")
    engine.events.emit("step", row.id, step=1)
    engine.events.emit("state", row.id, state="succeeded")
    assert came.wait(WAIT)
    hooks.close()
    (ended,) = told
    assert (ended.job_id, ended.state, ended.path) == (row.id, "succeeded", place / "images/x.png")
    assert ended.record is not None
    assert ended.record.id == row.record_id
    with pytest.raises(AttributeError):
        ended.state = "x"  # type: ignore[misc]


def test_functions_that_raise_hang_or_are_none_hurt_nobody(caplog: pytest.LogCaptureFixture) -> None:
    gate, told = threading.Event(), []
    hung = FunctionHook("hung", lambda: lambda _: gate.wait(WAIT), patience=0.01)
    hooks = [
        hung,
        FunctionHook("leaves", lambda: lambda _: sys.exit(3)),
        FunctionHook("raises", lambda: lambda _: 1 / 0),
        FunctionHook("no function", lambda: 3),
        FunctionHook("no module", lambda: __import__("no_such_module")),
        FunctionHook("good", lambda: told.append),
    ]
    began = time.monotonic()
    for number in range(functions_module.WAITING + 10):
        for hook in hooks:
            hook.put(Ended(str(number), "failed"))
        if number == 0:
            until(lambda: "hung runs for job 0 for more than 0.01 s" in caplog.text)
    assert time.monotonic() - began < WAIT
    until(lambda: len(told) >= functions_module.WAITING)
    assert caplog.text.count("The hook hung is too slow") == 1
    for text in ("leaves failed", "raises failed", "no function is no function", "no module failed"):
        assert f"The hook {text}" in caplog.text
    gate.set()
    for hook in hooks:
        hook.close(WAIT)


def test_entry_points_are_called(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Ended] = []

    class Point:
        name = "mine"

        @staticmethod
        def load() -> Callable[[Ended], None]:
            return told.append

    monkeypatch.setattr(functions_module, "entry_points", lambda group: [Point] if group == "zimage_lab.hooks" else [])
    engine = Rings()
    with_points = [Hooks(place), Hooks(place)]  # as two processes that both hear of every end
    for hooks in with_points:
        hooks.subscribe(engine)
    engine.events.emit("state", "unknown-job", cursor=1, state="cancelled")
    until(lambda: told)
    leading = next(hooks for hooks in with_points if hooks._lead.is_locked)
    leading.close()
    engine.events.emit("state", "another", cursor=2, state="failed")
    until(lambda: len(told) > 1)
    for hooks in with_points:
        hooks.close()
    assert told == [Ended("unknown-job", "cancelled"), Ended("another", "failed")]


def test_a_webhook_is_signed_and_says_nothing_private(place: Path, receiver: Receiver) -> None:
    with Webhooks(place) as webhooks:
        made = webhooks.add(receiver.url, ["succeeded", "failed"])
        engine, hooks = Rings(), Hooks(place, points=False)
        hooks.subscribe(engine)
        row = end_one(place, prompt="左侧一个红色的圆形")
        engine.events.emit("state", row.id, state="succeeded")
        receiver.wait(1)
        headers, body = receiver.got[0]
        key = secret(place, made.id)
        now = time.time()
        assert verified(key, headers[HEADER], body, now)
        assert not verified(key, headers[HEADER], body + b" ", now)
        assert not verified(key, headers[HEADER], body, now + 301)
        assert not verified("0" * 64, headers[HEADER], body, now)
        said = json.loads(body)
        assert (said["event"], said["job_id"], said["state"]) == ("job.ended", row.id, "succeeded")
        assert said["record"]["request"]["prompt"] == "左侧一个红色的圆形"
        assert said["record"]["user"] is None
        assert str(place) not in body.decode()
        assert (place / "run" / "webhooks.key").stat().st_mode & 0o777 == 0o600
        until(lambda: webhooks.log()[0].state == "delivered")
        hooks.close()
        (delivery,) = webhooks.log()
        assert headers["Zimage-Lab-Delivery"] == delivery.id
        assert (delivery.status, delivery.tries, delivery.record_id) == (204, 1, row.record_id)


def test_what_ended_while_nobody_sent_is_sent_once(place: Path, receiver: Receiver) -> None:
    end_one(place)  # before there was a webhook
    with Webhooks(place) as webhooks:
        webhooks.add(receiver.url, ["failed"])
        rows = [end_one(place, "failed") for _ in range(3)]
        end_one(place)
        for _ in range(2):
            hooks = Hooks(place, points=False)
            receiver.wait(3)
            until(lambda: all(one.state == "delivered" for one in webhooks.log()))
            hooks.close()
    assert [json.loads(body)["job_id"] for _, body in receiver.got] == [row.id for row in rows]
    assert json.loads(receiver.got[0][1])["error"] is None or "broke" in receiver.got[0][1].decode()


def test_failures_are_tried_again_later_and_then_given_up(place: Path) -> None:
    at = 1000.0
    with Webhooks(place, clock=lambda: at) as webhooks:
        made = webhooks.add("http://localhost:1/x")
        end_one(place)
        assert webhooks.collect() == 1
        assert webhooks.collect() == 0
        for delay in DELAYS:
            claimed = webhooks.claim()
            assert claimed is not None
            assert webhooks.claim() is None
            webhooks.report(claimed, Answer(503, None))
            assert webhooks.pause() == pytest.approx(delay)
            at += delay
        claimed = webhooks.claim()
        assert claimed is not None
        webhooks.report(claimed, Answer(None, "no answer"))
        assert webhooks.pause() is None
        (last,) = webhooks.log()
        assert (last.state, last.tries, last.error) == ("failed", len(DELAYS) + 1, "no answer")

        end_one(place)
        webhooks.collect()
        claimed = webhooks.claim()
        assert claimed is not None
        at -= 10**6  # the clock is set back
        assert webhooks.pause() == 0
        assert webhooks.claim() is not None
        webhooks.report(claimed, Answer(404, None))
        assert (webhooks.log()[0].state, webhooks.log()[0].error) == ("failed", "status 404")

        end_one(place)
        webhooks.collect()
        assert webhooks.remove(made.id[:6]).id == made.id
        assert webhooks.log()[0].error == "the webhook was removed"
        assert webhooks.list() == []


def test_redirects_are_not_followed_and_refusals_are_final(place: Path, receiver: Receiver) -> None:
    receiver.answers = [302]
    with Webhooks(place) as webhooks:
        webhooks.add(receiver.url)
        end_one(place)
        hooks = Hooks(place, points=False)
        until(lambda: webhooks.log() and webhooks.log()[0].state == "failed")
        hooks.close()
        assert webhooks.log()[0].error == "status 302"
    assert len(receiver.got) == 1


ALLOW = ("https://hooks.example.org", "http://intern:8080", "10.1.0.0/16", "http://10.9.9.9")


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks", "ftp://127.0.0.1/", "http://", "http:///x", "http://127.0.0.1:99999/", "http://[::1", None, 3, b"http://127.0.0.1",
        "http://u:p@127.0.0.1/", "http://127.0.0.1@evil.org/", "http://127.0.0.1/#x", "http://127.0.0.1 /", "http://127.0.0.1/\n",
        "http://hooks.example.org/", "https://hooks.example.org:444/", "https://hooks.example.org.evil.org/", "http://evil.org/",
        "http://169.254.169.254/latest", "http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0.0.0.0/", "http://10.1.2.3/",
        "http://localhost.evil.org/", "https://hooks.exämple.org/", "http://127.0.0.1/" + "a" * 2000, "file:///etc/passwd",
    ],
)  # fmt: skip
def test_a_webhook_goes_only_where_it_may(url: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^url: "):
        checked_url(url, ALLOW)


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://localhost:9/x", ["10.0.0.1"]),
        ("http://localhost:9/x", ["127.0.0.1", "8.8.8.8"]),
        ("https://hooks.example.org/x", ["127.0.0.1"]),
        ("https://hooks.example.org/x", ["93.184.216.34", "192.168.1.1"]),
        ("https://hooks.example.org/x", ["169.254.169.254"]),
        ("https://hooks.example.org/x", ["::ffff:127.0.0.1"]),
        ("https://hooks.example.org/x", ["64:ff9b::7f00:1"]),
        ("https://hooks.example.org/x", ["2002:7f00:1::"]),
        ("https://hooks.example.org/x", ["fe80::1%eth0"]),
        ("https://hooks.example.org/x", ["::"]),
        ("http://intern:8080/x", ["10.2.0.1"]),
    ],
)
def test_a_name_that_leads_elsewhere_is_blocked(url: str, addresses: list[str]) -> None:
    with pytest.raises(InvalidRequest, match=r"^url: .* leads to "):
        target(url, ALLOW, lambda *_: addresses)


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("http://127.0.0.1:9/x", ["127.0.0.1"]),
        ("http://[::1]:9/x", ["::1"]),
        ("http://LOCALHOST/", ["127.0.0.1", "::1"]),
        ("https://hooks.example.org./x?y=1", ["93.184.216.34"]),
        ("https://HOOKS.example.org:443", ["2606:2800:220:1::1"]),
        ("http://intern:8080/x", ["10.1.200.3"]),
        ("http://10.9.9.9/", ["10.9.9.9"]),
    ],
)
def test_what_is_allowed_keeps_its_checked_addresses(url: str, addresses: list[str]) -> None:
    assert target(url, ALLOW, lambda *_: addresses).addresses == tuple(addresses)


@given(st.text(max_size=40))
def test_any_text_is_a_target_here_or_an_error(text: str) -> None:
    try:
        to = target(f"http://{text}", (), lambda *_: ["127.0.0.1"])
    except InvalidRequest:
        return
    assert to.host == "localhost" or text.startswith(("127.", "[::1]"))


def test_a_wrong_allow_list_is_named() -> None:
    for entry in ("hooks.example.org", "10.1.0.0/33", "ftp://x", "https://x/path", "https://", "https://x:99999"):
        with pytest.raises(InvalidRequest, match=r"^webhook_allow: "):
            checked_url("https://x/", [entry])


def test_a_server_that_drips_is_cut_off() -> None:
    import socket

    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        held, _ = listening.accept()
        with held:
            held.sendall(b"HTTP/1.1 200 OK\r\n")
            while not stop.wait(0.02):
                try:
                    held.sendall(b"X-A: b\r\n")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    to = Target("http", "127.0.0.1", listening.getsockname()[1], "/", ("127.0.0.1",))
    answer = post(to, b"{}", {}, seconds=0.3)
    stop.set()
    thread.join()
    assert answer == Answer(None, "no answer within 0.3 s")
    listening.close()
    assert post(to, b"{}", {}, seconds=1).error == "Connection refused"
    assert post(to._replace(addresses=()), b"{}", {}, seconds=1).error == "OSError"


def test_a_proxy_in_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    url = receiver.url
    assert post(target(url, ()), b"{}", {"a": "b"}).ok
    assert receiver.got[0][0]["Host"] == url.split("/")[2]


def test_signatures_are_those_of_the_standard() -> None:
    # RFC 4231 gives HMAC-SHA256 of known texts; ours is over "time.body".
    import hashlib
    import hmac

    mac = hmac.new(b"key", b"1700000000.{}", hashlib.sha256).hexdigest()
    assert signature("key", b"{}", 1700000000.9) == f"t=1700000000,v1={mac}"
    for header in (
        "",
        "t=",
        "t=x,v1=y",
        "v1=z",
        f"t={'9' * 5000},v1=",
        "t=1=2,,=",
        "t=\u0661,v1=x",
        "t=1700000000,v1=é",
    ):
        assert not verified("key", header, b"{}", 1700000000)


def test_the_shell(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ran(*words: str) -> tuple[int, str, str]:
        code = main(["hooks", *words, "--home", str(place)])
        printed: Any = capsys.readouterr()
        return code, printed.out.strip(), printed.err

    code, made, told = ran("add", "http://127.0.0.1:9/x", "--states", "succeeded,failed")
    assert (code, told) == (0, f"Secret of its signatures: {secret(place, made)}\n")
    assert ran("list")[1] == f"{made}\thttp://127.0.0.1:9/x\tsucceeded, failed"
    end_one(place)
    with Webhooks(place) as webhooks:
        webhooks.collect()
    assert "waiting" in ran("log")[1]
    assert json.loads(ran("log", "--json")[1])[0]["webhook_id"] == made
    code, _, told = ran("add", "http://evil.org/")
    assert (code, 'webhook_allow = ["http://evil.org"]' in told) == (2, True)
    code, _, told = ran("add", "http://127.0.0.1/", "--states", "done")
    assert (code, told.startswith("zimage-lab: states: 'done' is no end of a job.")) == (2, True)
    assert ran("remove", "nothing")[0] == 2
    assert ran("remove", made[:8])[:2] == (0, made)
    assert main(["hooks"]) == 2
