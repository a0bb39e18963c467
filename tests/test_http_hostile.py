"""Inputs that must not hurt: each is answered with its error, nothing is drawn, and the server lives."""

from __future__ import annotations

import json
import socket
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from http_pictures import png
from http_server import Lab, Running
from test_http_clients import TEXT, graph, history

from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("http") / "home")
    made.key = made.token(per_minute=1e6)
    yield made
    assert made.asked("GET", "/queue", made.key).status_code == 200  # whatever was tried, it lives
    made.close()


def taken(lab: Lab) -> int:
    """Count all jobs: those of other tests may still be drawn meanwhile."""
    return sum(lab.service.prompts.counts().values())


def linked(changes: dict[str, Any]) -> dict[str, Any]:
    made = graph()
    for place, value in changes.items():
        node, field = place.split(".")
        made[node]["inputs"][field] = value
    return made


def chain(length: int) -> dict[str, Any]:
    made = graph()
    for number in range(length):
        source = "10" if number == 0 else f"c{number - 1}"
        made[f"c{number}"] = {"class_type": "LatentUpscale", "inputs": {"samples": [source, 0]}}
    return made


GRAPHS: dict[str, tuple[Any, str]] = {
    "none": ({}, "prompt_no_outputs"),
    "no object": ([1, 2], "no_prompt"),
    "text": ("graph", "no_prompt"),
    "unknown class": ({"1": {"class_type": "Shell", "inputs": {}}}, "missing_node_type"),
    "self link": (linked({"8.samples": ["8", 0]}), "prompt_outputs_failed_validation"),
    "circle": (linked({"10.latent_image": ["8", 0]}), "prompt_outputs_failed_validation"),
    "dangling": (linked({"8.samples": ["99", 0]}), "prompt_outputs_failed_validation"),
    "slot -1": (linked({"8.samples": ["10", -1]}), "prompt_outputs_failed_validation"),
    "slot 99": (linked({"8.samples": ["10", 99]}), "prompt_outputs_failed_validation"),
    "slot text": (linked({"8.samples": ["10", "0"]}), "prompt_outputs_failed_validation"),
    "steps": (linked({"10.steps": 10**9}), "prompt_outputs_failed_validation"),
    "seed": (linked({"10.seed": 2**64}), "prompt_outputs_failed_validation"),
    "sampler": (linked({"10.sampler_name": "magic"}), "prompt_outputs_failed_validation"),
    "prefix": (linked({"11.filename_prefix": "../../x"}), "prompt_outputs_failed_validation"),
    "path": (linked({"3.ckpt_name": "/etc/passwd"}), "prompt_outputs_failed_validation"),
    "up": (linked({"3.ckpt_name": "../../weights.safetensors"}), "prompt_outputs_failed_validation"),
    "many": (chain(5000), "prompt_outputs_failed_validation"),
    "ui format": ({"nodes": [], "links": [], "version": 0.4}, ""),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(lab: Lab, name: str) -> None:
    made, kind = GRAPHS[name]
    before = taken(lab)
    answer = lab.asked("POST", "/prompt", lab.key, json={"prompt": made})
    assert answer.status_code == 400, answer.text[:500]
    told = answer.json()
    assert set(told) == {"error", "node_errors"}
    assert {"type", "message", "details", "extra_info"} <= set(told["error"])
    if kind:
        assert told["error"]["type"] == kind, told["error"]
    assert taken(lab) == before


BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "no json": (b"{", 400),
    "latin": (b'{"prompt": "\xe9"}', 400),
    "list": (b"[]", 400),
    "nan": (b'{"prompt": {}, "number": NaN}', 400),
    "digits": (b'{"prompt": {}, "number": ' + b"9" * 5000 + b"}", 400),
    "infinite": (b'{"prompt": {}, "number": 1e999}', 400),
    "deep": (b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "deep enough": (b'{"prompt": ' + b"[" * 500 + b"]" * 500 + b"}", 400),
    "id": (b'{"prompt": {}, "prompt_id": "../x"}', 400),
    "large": (b'{"prompt": "' + b"x" * 3 * 2**20 + b'"}', 413),
}


@pytest.mark.parametrize("path", ["/prompt", "/zimage/v1/jobs", "/v1/images/generations", "/zimage/v1/sweeps"])
@pytest.mark.parametrize("name", BODIES)
def test_bodies(lab: Lab, path: str, name: str) -> None:
    body, status = BODIES[name]
    answer = lab.asked("POST", path, lab.key, data=body)
    assert answer.status_code == status, answer.text[:300]
    assert answer.json()["error"]["message"]


JOBS: list[dict[str, Any]] = [
    {"prompt": ""},
    {"prompt": "   "},
    {"prompt": 5},
    {"prompt": "a \x00 b"},
    {"prompt": "a \x1b[31m b"},
    {"prompt": "x" * 30_000},
    {"prompt": TEXT, "width": 0},
    {"prompt": TEXT, "width": -16},
    {"prompt": TEXT, "width": 1000.5},
    {"prompt": TEXT, "width": "128"},
    {"prompt": TEXT, "width": True},
    {"prompt": TEXT, "width": 1001},
    {"prompt": TEXT, "height": 8192},
    {"prompt": TEXT, "steps": 0},
    {"prompt": TEXT, "steps": 10**9},
    {"prompt": TEXT, "steps": 2.5},
    {"prompt": TEXT, "guidance_scale": -1},
    {"prompt": TEXT, "seed": "-1"},
    {"prompt": TEXT, "seed": str(2**64)},
    {"prompt": TEXT, "seed": 7},
    {"prompt": TEXT, "model": "/etc"},
    {"prompt": TEXT, "model": "../x"},
    {"prompt": TEXT, "loras": [{"name": "/etc/passwd"}]},
    {"prompt": TEXT, "loras": [{"name": "../x.safetensors"}]},
    {"prompt": TEXT, "init_image": "0" * 64},
    {"prompt": TEXT, "init_image": "../../lab.db"},
    {"prompt": TEXT, "mask": "x.png"},
    {"prompt": TEXT, "priority": 1000},
    {"prompt": TEXT, "nothing": 1},
    {"prompt": TEXT, "__proto__": {}},
]


@pytest.mark.parametrize("asked", JOBS, ids=lambda asked: str(list(asked.items())[-1])[:40].encode().hex()[:20])
def test_jobs(lab: Lab, asked: dict[str, Any]) -> None:
    before = taken(lab)
    answer = lab.asked("POST", "/zimage/v1/jobs", lab.key, json=asked)
    assert answer.status_code == 400, answer.text[:300]
    assert answer.json()["error"]["message"]
    assert taken(lab) == before


def test_a_seed_beyond_a_browsers_numbers_arrives_whole(lab: Lab) -> None:
    seed = str(2**53 + 1)
    answer = lab.asked("POST", "/zimage/v1/jobs", lab.key, json={"prompt": TEXT, "seed": seed})
    assert answer.json()["request"]["seed"] == seed


VIEWS: list[tuple[dict[str, str], set[int]]] = [
    ({"filename": ""}, {400}),
    ({}, {400}),
    ({"filename": "../lab.db"}, {400}),
    ({"filename": "..\\lab.db"}, {400}),
    ({"filename": "/etc/passwd"}, {400}),
    ({"filename": "\\\\host\\share"}, {400}),
    ({"filename": "%2e%2e%2flab.db"}, {404}),
    ({"filename": "..%252flab.db"}, {400}),
    ({"filename": "x.png", "subfolder": "../.."}, {403}),
    ({"filename": "x.png", "subfolder": "/etc"}, {403}),
    ({"filename": "x.png", "subfolder": "a\\b"}, {403}),
    ({"filename": "x.png", "type": "secret"}, {400}),
    ({"filename": "x.png", "channel": "z"}, {400}),
    ({"filename": "lab.db"}, {404}),
    ({"filename": "x\0.png"}, {400, 404}),
    ({"filename": "absent.png", "type": "input"}, {404}),
]


@pytest.mark.parametrize(("asked", "statuses"), VIEWS, ids=lambda value: str(value)[:30].encode().hex()[:24])
def test_views(lab: Lab, asked: dict[str, str], statuses: set[int]) -> None:
    assert lab.asked("GET", "/view", lab.key, params=asked).status_code in statuses


@pytest.mark.parametrize(
    "path", ["/view?filename=..%2flab.db", "/view?filename=%2e%2e/lab.db", "/../lab.db", "/%2e%2e/"]
)
def test_raw_paths(lab: Lab, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {lab.key}\r\nConnection: close\r\n\r\n"
    assert raw(lab, request.encode()).split()[1] in {b"400", b"403", b"404"}


def raw(lab: Running, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", lab.port), timeout=20) as stream:
        stream.sendall(request)
        received = b""
        while chunk := stream.recv(65536):
            received += chunk
    return received


def bomb() -> bytes:
    """Give a PNG that says it is 60000 x 60000, in a kilobyte."""

    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + block(b"IDAT", zlib.compress(b"\0" * 100)) + block(b"IEND", b"")
    )


UPLOADS: dict[str, tuple[str, bytes]] = {
    "html": ("page.png", b"<html><script>alert(1)</script>"),
    "svg": ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    "gif": ("x.gif", b"GIF89a" + b"\0" * 100),
    "empty": ("x.png", b""),
    "bomb": ("x.png", bomb()),
    "cut": ("x.png", png(1)[:60]),
    "up": ("../../x.png", png(1)),
    "absolute": ("/etc/..", png(1)),
    "nul": ("a\x07b.png", png(1)),
    "long": ("x" * 300 + ".png", png(1)),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_uploads(lab: Lab, name: str) -> None:
    file, data = UPLOADS[name]
    answer = lab.asked("POST", "/upload/image", lab.key, files={"image": (file, data)})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"]


def test_a_subfolder_stays_inside(lab: Lab) -> None:
    for folder in ("../x", "/x", "a/../b", "a\\b", "C:x"):
        files = {"image": ("x.png", png(1))}
        answer = lab.asked("POST", "/upload/image", lab.key, files=files, data={"subfolder": folder})
        assert answer.status_code == 400, folder


def test_an_upload_comes_back_as_pixels_and_nothing_else(lab: Lab) -> None:
    data = png(9, kind="JPEG") + b"<script>alert(1)</script>"
    given = lab.asked("POST", "/upload/image", lab.key, files={"image": ("p.jpg", data)}, data={"subfolder": "a/b"})
    assert given.json() == {"name": "p.jpg", "subfolder": "a/b", "type": "input"}
    params = {"filename": "p.jpg", "subfolder": "a/b", "type": "input"}
    seen = lab.asked("GET", "/view", lab.key, params=params)
    assert seen.headers["Content-Type"] == "image/png"
    assert seen.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in seen.headers["Content-Security-Policy"]
    assert b"script" not in seen.content
    small = lab.asked("GET", "/view", lab.key, params={**params, "preview": "webp;90"})
    assert small.headers["Content-Type"] == "image/webp"
    assert small.content[:4] == b"RIFF"


def test_names_of_uploads(lab: Lab) -> None:
    def give(red: int, **fields: str) -> Any:  # noqa: ANN401 - JSON
        files = {"image": ("same.png", png(red))}
        return lab.asked("POST", "/upload/image", lab.key, files=files, data=fields).json()["name"]

    assert [give(1), give(1), give(2), give(2), give(3)] == [
        "same.png",
        "same.png",
        "same (1).png",
        "same (1).png",
        "same (2).png",
    ]
    assert give(9, overwrite="true") == "same.png"


def test_a_gigabyte_is_refused_before_it_is_read(lab: Lab) -> None:
    stranger = f"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {10**9}\r\n"
    answer = raw(lab, f"{stranger}Authorization: Bearer {lab.key}\r\n\r\n".encode())
    assert answer.split()[1] == b"413"
    assert b"At most" in answer
    assert raw(lab, f"{stranger}\r\n".encode()).split()[1] == b"401"


def test_a_chunked_body_is_bounded_too(lab: Lab) -> None:
    def stream() -> Iterator[bytes]:
        for _ in range(60):
            yield b"x" * 65536

    assert lab.asked("POST", "/prompt", lab.key, data=stream()).status_code == 413


def test_one_key(lab: Lab) -> None:
    def ask(key: str, body: dict[str, Any]) -> requests.Response:
        return lab.asked("POST", "/zimage/v1/jobs", lab.key, json=body, headers={"Idempotency-Key": key})

    body = {"prompt": TEXT, "seed": "4"}
    first, again = ask("a", body), ask("a", body)
    assert first.status_code == again.status_code == 201
    assert first.json()["id"] == again.json()["id"]
    other = ask("a", {**body, "seed": "5"})
    assert other.status_code == 409
    assert other.json()["error"]["type"] == "key_used"
    with ThreadPoolExecutor(8) as pool:
        found = {one.json()["id"] for one in pool.map(lambda _: ask("b", body), range(8))}
    assert len(found) == 1
    anothers = lab.token("other")
    answer = lab.asked("POST", "/zimage/v1/jobs", anothers, json=body, headers={"Idempotency-Key": "a"})
    assert answer.json()["id"] != first.json()["id"]
    sent = {"prompt": graph(seed=77)}
    prompts = {
        lab.asked("POST", "/prompt", lab.key, json=sent, headers={"Idempotency-Key": "c"}).text for _ in range(3)
    }
    assert len(prompts) == 1


def test_a_prompts_id_is_taken_once(lab: Lab) -> None:
    body = {"prompt": graph(), "prompt_id": "12345678-1234-4234-8234-123456789abc"}
    assert lab.asked("POST", "/prompt", lab.key, json=body).status_code == 200
    again = lab.asked("POST", "/prompt", lab.key, json=body)
    assert again.status_code == 409
    assert again.json()["error"]["type"] == "duplicate_prompt_id"


def test_the_queue_is_steered_as_comfyuis(tmp_path: Path) -> None:
    held = Lab(tmp_path / "home", held=True, auth=False)
    try:

        def put(seed: int, **more: Any) -> str:  # noqa: ANN401
            answer = held.asked("POST", "/prompt", json={"prompt": graph(seed=seed), **more})
            return str(answer.json()["prompt_id"])

        def pending() -> list[str]:
            return [line[1] for line in held.asked("GET", "/queue").json()["queue_pending"]]

        first, second, front = put(1), put(2), put(3, front=True)
        early = put(4, number=-100)
        assert pending() == [early, front, first, second]
        assert held.asked("GET", "/prompt").json() == {"exec_info": {"queue_remaining": 4}}
        assert held.asked("POST", "/interrupt").status_code == 200  # nothing runs
        assert held.asked("POST", "/interrupt", json={"prompt_id": "x"}).status_code == 200
        assert held.asked("POST", "/queue", json={"delete": [second, "unknown"]}).status_code == 200
        assert pending() == [early, front, first]
        assert held.asked("GET", f"/history/{early}").json() == {}
        assert held.asked("GET", "/history/unknown").json() == {}
        jobs = held.asked("GET", "/api/jobs", params={"status": "pending", "limit": 2}).json()
        assert jobs["pagination"] == {"offset": 0, "limit": 2, "total": 3, "has_more": True}
        assert held.asked("POST", f"/api/jobs/{front}/cancel").json() == {"cancelled": True}
        assert held.asked("POST", f"/api/jobs/{front}/cancel").json() == {"cancelled": False}
        held.engine.gate.set()
        history(held, first)
        order = [request.seed for request in held.engine.drawn]
        assert order == [4, 1]
        assert held.asked("POST", "/history", json={"delete": [first]}).status_code == 200
        assert first not in held.asked("GET", "/history").json()
        assert list(held.asked("GET", "/history", params={"max_items": 1}).json()) != []
        held.asked("POST", "/history", json={"clear": True})
        assert held.asked("GET", "/history").json() == {}
    finally:
        held.close()


def test_an_erased_prompt_is_in_no_graph(tmp_path: Path) -> None:
    made = Lab(tmp_path / "home", auth=False)
    try:
        text = "a purple star on the right, at night"
        prompt_id = made.asked("POST", "/prompt", json={"prompt": graph(text)}).json()["prompt_id"]
        entry = history(made, prompt_id)
        job = made.service.prompts.prompt(prompt_id).jobs[0]
        with Records(made.home) as records:
            records.erase_prompt(str(job.record_id))
        assert text not in made.asked("GET", f"/history/{prompt_id}").text
        assert made.asked("GET", f"/history/{prompt_id}").json()[prompt_id]["outputs"] == entry["outputs"]
    finally:
        made.close()
    held = b"".join(file.read_bytes() for file in made.home.glob("lab.db*"))
    assert json.dumps(text).encode() not in held
