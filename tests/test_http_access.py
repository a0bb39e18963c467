"""Who comes in over HTTP, and how far: every route of both homes without a token, scopes, owners, origins, rates."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
import websocket
from http_server import Lab, Running
from jupyter_server.serverapp import ServerApp

from zimage_lab.api.routes import at_the_root, below_zimage
from zimage_lab.api.serve import Server
from zimage_lab.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPT = {"prompt": "a red cat on the left, white background"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("http") / "home")
    yield made
    made.close()


def addresses(routes: list[Any]) -> list[str]:
    filled = [path.replace("(?P<verb>pause|resume|cancel)", "pause") for path, _ in routes]
    return sorted({path if "(" not in path else _fill(path) for path in filled})


def _fill(path: str) -> str:
    while "(" in path:
        head, _, rest = path.partition("(")
        path = head + "x" + rest.partition(")")[2]
    return path


def strangers(address: str, paths: list[str], **headers: str) -> list[tuple[str, str, int]]:
    """Ask every path with every method; gives what was not refused as a stranger's."""
    let_in = []
    with requests.Session() as session:
        for path in paths:
            for method in METHODS:
                answer = session.request(method, address + path, headers=headers, timeout=20, allow_redirects=False)
                if answer.status_code != 401:
                    let_in.append((method, path, answer.status_code))
                elif method != "HEAD":
                    assert answer.json()["error"]
                    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    return let_in


def test_no_route_of_the_server_lets_a_stranger_in(lab: Lab) -> None:
    paths = addresses([*below_zimage(), *at_the_root()])
    assert len(paths) > 60
    assert strangers(lab.address, [*paths, "/", "/nothing", "/zimage"]) == []
    wrong = f"Bearer {jwt.encode({'aud': 'zimage-lab', 'sub': 'x', 'jti': 'x', 'exp': 2**33}, 'k' * 32)}"
    assert strangers(lab.address, paths[:5], Authorization=wrong) == []


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Give the address, with its base URL, and the token of a Jupyter server in which the extension is."""
    import subprocess
    import sys
    import time

    folder = tmp_path_factory.mktemp("jupyter")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter_server", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1"]
    command += ["--ServerApp.base_url=/user/ann/", "--IdentityProvider.token=jupyters-own", "--no-browser"]
    command += [f"--ServerApp.root_dir={folder}", "--ServerApp.jpserver_extensions=zimage_lab.api=True", "--allow-root"]
    command += ["--ServerApp.allow_unauthenticated_access=False"]
    import os

    environment = {**os.environ, "ZIMAGE_LAB_HOME": str(folder / "home"), "JUPYTER_CONFIG_DIR": str(folder / "c")}
    environment |= {"JUPYTER_NO_CONFIG": "1", "JUPYTER_RUNTIME_DIR": str(folder / "r")}
    log = (folder / "log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/user/ann"
    try:
        for _ in range(200):
            try:
                requests.get(f"{address}/api", timeout=2)
                break
            except requests.ConnectionError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
        yield address, str(folder / "home")
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def test_no_route_inside_jupyter_lets_a_stranger_in(jupyter: tuple[str, str]) -> None:
    address, _ = jupyter
    paths = addresses(below_zimage())
    assert strangers(address, paths) == []
    with pytest.raises(websocket.WebSocketBadStatusException, match="401"):
        websocket.create_connection(f"{address.replace('http', 'ws')}/zimage/ws", timeout=10)


def test_people_come_as_they_come_to_jupyter(jupyter: tuple[str, str]) -> None:
    address, _ = jupyter
    theirs = {"Authorization": "token jupyters-own"}
    assert requests.get(f"{address}/zimage/v1/queue", headers=theirs, timeout=20).json()["queued"] == 0
    assert requests.get(f"{address}/zimage/v1/queue?token=jupyters-own", timeout=20).status_code == 200
    document = requests.get(f"{address}/zimage/v1/openapi.json", headers=theirs, timeout=20).json()
    assert document["servers"][0]["url"] == address
    assert "/zimage/v1/jobs" in document["paths"]


def test_a_cookie_alone_changes_nothing(jupyter: tuple[str, str]) -> None:
    address, _ = jupyter
    with requests.Session() as session:
        session.get(f"{address}/zimage/v1/queue?token=jupyters-own", timeout=20)
        assert session.cookies
        assert session.get(f"{address}/zimage/v1/queue", timeout=20).status_code == 200
        refused = session.post(f"{address}/zimage/interrupt", timeout=20)
        assert refused.status_code == 403, refused.text
        session.get(f"{address}/login?token=jupyters-own", timeout=20)
        xsrf = session.cookies.get("_xsrf", default=None)
        if xsrf is not None:
            headers = {"X-XSRFToken": xsrf}
            assert session.post(f"{address}/zimage/interrupt", headers=headers, timeout=20).status_code == 200


def test_programs_come_to_jupyter_with_our_tokens(jupyter: tuple[str, str]) -> None:
    from pathlib import Path as Folder

    from zimage_lab.api.tokens import Tokens

    address, home = jupyter
    tokens = Tokens(Folder(home))
    text, row = tokens.create("shop", ["read"], 60)
    ours = {"Authorization": f"Bearer {text}"}
    assert requests.get(f"{address}/zimage/queue", headers=ours, timeout=20).status_code == 200
    assert requests.get(f"{address}/zimage/queue?token={text}", timeout=20).status_code == 200
    assert requests.post(f"{address}/zimage/queue", headers=ours, json={}, timeout=20).status_code == 403
    assert requests.get(f"{address}/api/contents", headers=ours, timeout=20).status_code in {401, 403}
    assert requests.post(f"{address}/api/kernels", headers=ours, timeout=20).status_code in {401, 403}
    told = websocket.create_connection(f"{address.replace('http', 'ws')}/zimage/ws?clientId=a&token={text}", timeout=10)
    assert json.loads(told.recv())["data"]["sid"] == "a"
    told.close()
    tokens.store.revoke(row.id)
    tokens.close()
    assert requests.get(f"{address}/zimage/queue", headers=ours, timeout=20).status_code == 401
    foreign = {"Origin": "http://evil.com", "Authorization": "token jupyters-own"}
    assert requests.get(f"{address}/zimage/queue", headers=foreign, timeout=20).status_code == 403
    assert requests.get(f"{address}/zimage/queue", headers={**foreign, "Origin": "null"}, timeout=20).status_code == 403


def test_jupyter_finds_the_extension_by_the_wheels_own_file() -> None:
    from pathlib import Path as Folder

    import zimage_lab.api as module

    config = json.loads((Folder(module.__file__).parent / "jupyter_server_config.json").read_text(encoding="utf-8"))
    assert config == {"ServerApp": {"jpserver_extensions": {"zimage_lab.api": True}}}
    assert module._jupyter_server_extension_points() == [{"module": "zimage_lab.api"}]
    assert hasattr(module, "_load_jupyter_server_extension")
    assert ServerApp  # what it is loaded into


def test_scopes(lab: Lab) -> None:
    reading, submitting = lab.token(scopes="read"), lab.token(scopes="submit")
    admin = lab.token("boss", "read,submit,admin")
    assert lab.asked("POST", "/zimage/v1/jobs", reading, json=PROMPT).status_code == 403
    assert lab.asked("GET", "/zimage/v1/jobs", submitting).status_code == 403
    assert lab.asked("POST", "/zimage/v1/jobs", submitting, json=PROMPT).status_code == 201
    assert lab.asked("POST", "/zimage/v1/queue/pause", submitting).status_code == 403
    assert lab.asked("POST", "/free", submitting, json={}).status_code == 403
    assert lab.asked("POST", "/zimage/v1/queue/pause", admin).json()["paused"] is True
    assert lab.asked("POST", "/zimage/v1/queue/resume", admin).json()["paused"] is False
    assert "scope" in lab.asked("POST", "/prompt", reading, json={}).json()["error"]["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another"},
        {"exp": 1},
        {"aud": None},
        {"exp": None},
        {"jti": None},
        {"jti": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_a_token_that_says_something_else_opens_nothing(lab: Lab, change: dict[str, Any]) -> None:
    key = (lab.home / "run" / "tokens.key").read_bytes()
    good = jwt.decode(lab.token(), key, algorithms=["HS256"], audience="zimage-lab")
    assert lab.asked("GET", "/queue", jwt.encode(good, key)).status_code == 200
    bad = {name: value for name, value in {**good, **change}.items() if value is not None}
    assert lab.asked("GET", "/queue", jwt.encode(bad, key)).status_code == 401


def test_a_token_names_no_algorithm_of_its_own(lab: Lab) -> None:
    key = (lab.home / "run" / "tokens.key").read_bytes()
    good = jwt.decode(lab.token(), key, algorithms=["HS256"], audience="zimage-lab")
    assert lab.asked("GET", "/queue", jwt.encode(good, None, algorithm="none")).status_code == 401  # type: ignore[arg-type]
    assert (lab.home / "run" / "tokens.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("origin", ["null", "http://evil.com", "https://127.0.0.1.evil.com", "file://"])
def test_pages_of_other_sites_are_refused(lab: Lab, origin: str) -> None:
    headers = {"Origin": origin}
    assert lab.asked("POST", "/prompt", lab.token(), headers=headers, json={}).status_code == 403
    assert lab.asked("GET", "/queue", lab.token(), headers=headers).status_code == 403
    address = f"ws://127.0.0.1:{lab.port}/ws?token={lab.token()}"
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(address, origin=origin, timeout=10)


@pytest.mark.parametrize("host", ["evil.com", "evil.com:8188", "localhost.evil.com", ""])
def test_other_names_are_refused(lab: Lab, host: str) -> None:
    answer = lab.asked("GET", "/queue", lab.token(), headers={"Host": host})
    assert answer.status_code in {400, 403}
    assert lab.asked("GET", "/queue", lab.token(), headers={"Host": f"localhost:{lab.port}"}).status_code == 200


def test_without_auth_only_this_machine_is_served(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="other machines"):
        Server(tmp_path, host="0.0.0.0", port=0, auth=False)  # noqa: S104 - the very thing that is refused


def test_what_one_owns_another_does_not_see(lab: Lab) -> None:
    ann, bob, boss = lab.token("ann"), lab.token("bob"), lab.token("boss", "read,admin")
    job = lab.asked("POST", "/zimage/v1/jobs", ann, json=PROMPT).json()["id"]
    row = _ended(lab, job, ann)
    record = row["record_id"]
    for path in (f"/zimage/v1/jobs/{job}", f"/zimage/v1/records/{record}", f"/zimage/v1/records/{record}/image"):
        assert lab.asked("GET", path, ann).status_code == 200, path
        assert lab.asked("GET", path, boss).status_code == 200, path
        assert lab.asked("GET", path, bob).status_code == 404, path
    assert lab.asked("POST", f"/zimage/v1/jobs/{job}/cancel", bob).status_code == 404
    assert job not in lab.asked("GET", "/zimage/v1/jobs", bob).text
    assert record not in lab.asked("GET", "/zimage/v1/records", bob).text
    assert record in lab.asked("GET", "/zimage/v1/records", ann).text


def test_uploads_of_one_are_closed_to_another(lab: Lab) -> None:
    from http_pictures import png

    ann, bob = lab.token("ann"), lab.token("bob")
    given = lab.asked("POST", "/upload/image", ann, files={"image": ("mine.png", png(5))}).json()
    assert lab.asked("GET", "/view", ann, params={"filename": given["name"], "type": "input"}).status_code == 200
    assert lab.asked("GET", "/view", bob, params={"filename": given["name"], "type": "input"}).status_code == 404
    begun = {**PROMPT, "init_image": given["name"]}
    assert lab.asked("POST", "/zimage/v1/jobs", ann, json=begun).status_code == 201
    assert lab.asked("POST", "/zimage/v1/jobs", bob, json=begun).status_code == 400


def test_a_token_asks_only_so_often(lab: Lab) -> None:
    token = lab.token("often", per_minute=60)
    answers = [lab.asked("GET", "/queue", token) for _ in range(15)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert answers[0].status_code == 200


def test_a_token_has_only_so_much_wait(tmp_path: Path) -> None:
    with_none = Running(tmp_path / "home")
    try:
        token = with_none.token("much", waiting=3)
        answers = [with_none.asked("POST", "/zimage/v1/jobs", token, json=PROMPT) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
        assert answers[-1].json()["error"]["type"] == "queue_full"
        assert with_none.asked("POST", "/zimage/v1/jobs", with_none.token("other"), json=PROMPT).status_code == 201
    finally:
        with_none.close()


def test_the_token_is_in_no_log(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    token = lab.token()
    with caplog.at_level("DEBUG"):
        assert requests.get(f"{lab.address}/queue?token={token}", timeout=20).status_code == 200
        assert requests.get(f"{lab.address}/nothing?token={token}", timeout=20).status_code == 404
    ours = [record for record in caplog.records if record.name.startswith(("zimage_lab", "tornado"))]
    assert ours
    assert not any(token in record.getMessage() for record in ours)


def _ended(lab: Lab, job: str, token: str) -> dict[str, Any]:
    import time

    for _ in range(200):
        row: dict[str, Any] = lab.asked("GET", f"/zimage/v1/jobs/{job}", token).json()
        if row["state"] not in {"queued", "running"}:
            return row
        time.sleep(0.02)
    raise AssertionError(row)
