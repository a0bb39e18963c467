"""/zimage/v1: what its document says holds, jobs, sweeps and events arrive, tokens are made in the shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from http_server import Lab
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from zimage_lab.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = "a red cat on the left, white background"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("http") / "home")
    made.key = made.token(scopes="read,submit,admin", per_minute=1e7, waiting=10**6)
    yield made
    made.close()


def ended(lab: Lab, job: str) -> dict[str, Any]:
    for _ in range(400):
        row: dict[str, Any] = lab.asked("GET", f"/zimage/v1/jobs/{job}", lab.key).json()
        if row["state"] not in {"queued", "running"}:
            return row
        time.sleep(0.02)
    raise AssertionError(job)


def test_the_document_is_that_of_the_handlers(lab: Lab) -> None:
    document = lab.asked("GET", "/zimage/v1/openapi.json", lab.key).json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]["/zimage/v1/jobs"]) == {"get", "post"}
    assert "/v1/images/generations" in document["paths"]
    assert "JobAsked" in document["components"]["schemas"]
    fields = document["components"]["schemas"]["JobAsked"]["properties"]
    assert {"prompt", "seed", "steps", "width", "init_image"} <= set(fields)


def test_the_document_holds(lab: Lab) -> None:
    """Ask what the document allows and what it does not: no 5xx, and every answer as it says."""
    document = lab.asked("GET", "/zimage/v1/openapi.json", lab.key).json()
    document["paths"].pop("/zimage/v1/events")  # never ends
    lab.engine.pictures = True
    schema = schemathesis.openapi.from_dict(document)
    most = 40 if "ZIMAGE_LAB_LONG_TESTS" in os.environ else 6
    tried = 0
    for result in schema.get_all_operations():

        @settings(max_examples=most, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=result.ok().as_strategy())
        def asks(case: Any) -> None:  # noqa: ANN401
            nonlocal tried
            tried += 1
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {lab.key}"}
            response = case.call(base_url=lab.address, timeout=60)
            # A name may have the right form and still name no model: the document cannot say which there are.
            case.validate_response(response, excluded_checks=[positive_data_acceptance])

        asks()
    assert tried > 20


def test_a_job_from_its_asking_to_its_picture(lab: Lab) -> None:
    answer = lab.asked("POST", "/zimage/v1/jobs", lab.key, json={"prompt": TEXT, "width": 128, "height": 128})
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{lab.address}/zimage/v1/jobs/{answer.json()['id']}"
    row = ended(lab, answer.json()["id"])
    assert row["state"] == "succeeded"
    record = lab.asked("GET", f"/zimage/v1/records/{row['record_id']}", lab.key).json()
    assert record["request"]["prompt"] == TEXT
    picture = lab.asked("GET", f"/zimage/v1/records/{row['record_id']}/image", lab.key)
    assert picture.headers["Content-Type"] == "image/png"
    listed = lab.asked("GET", "/zimage/v1/records", lab.key, params={"limit": 1}).json()
    assert len(listed["records"]) == 1
    older = lab.asked("GET", "/zimage/v1/records", lab.key, params={"before": listed["next"]}).json()
    assert listed["records"][0]["id"] not in {one["id"] for one in older["records"]}


def test_events_are_followed_and_caught_up(lab: Lab) -> None:
    heard: list[str] = []
    began, posted, headers = threading.Event(), threading.Event(), {"Authorization": f"Bearer {lab.key}"}

    def follow() -> None:
        with requests.get(f"{lab.address}/zimage/v1/events", headers=headers, stream=True, timeout=20) as stream:
            for line in stream.iter_lines(decode_unicode=True, chunk_size=1):
                heard.append(line)
                began.set()
                # The end of an earlier test's job may still come.
                if '"succeeded"' in line and posted.wait(10) and job in line:
                    return

    thread = threading.Thread(target=follow)
    thread.start()
    assert began.wait(10)
    job = lab.asked("POST", "/zimage/v1/jobs", lab.key, json={"prompt": TEXT}).json()["id"]
    posted.set()
    thread.join(20)
    told = [json.loads(line[6:]) for line in heard if line.startswith("data: ")]
    states = [one["data"]["state"] for one in told if (one["job"], one["kind"]) == (job, "state")]
    assert states == ["queued", "running", "succeeded"], "between them there may be steps and previews"
    numbers = [int(line[4:]) for line in heard if line.startswith("id: ")]
    assert numbers == sorted(numbers)
    missed = {**headers, "Last-Event-ID": str(numbers[0])}
    with requests.get(f"{lab.address}/zimage/v1/events", headers=missed, stream=True, timeout=20) as stream:
        again = []
        for line in stream.iter_lines(decode_unicode=True, chunk_size=1):
            if line.startswith("id: "):
                again.append(int(line[4:]))
            if len(again) == len(numbers) - 1:
                break
    assert again == numbers[1:]


def test_a_sweep(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.service, "_desk", lab.engine)
    asked = {"prompt": TEXT, "axes": {"steps": [4, 8]}, "seeds": 2, "seed": "3", "name": "four"}
    answer = lab.asked("POST", "/zimage/v1/sweeps", lab.key, json=asked)
    assert answer.status_code == 201, answer.text
    for _ in range(200):
        told = lab.asked("GET", "/zimage/v1/sweeps/four", lab.key).json()
        if [cell["state"] for cell in told["cells"]] == ["succeeded"] * 4:
            break
        time.sleep(0.05)
    assert told["count"] == 4
    assert len({tuple(cell["index"]) for cell in told["cells"]}) == 4
    other = lab.token("other")
    assert lab.asked("GET", "/zimage/v1/sweeps/four", other).status_code == 404
    assert lab.asked("GET", "/zimage/v1/sweeps", other).json() == {"sweeps": []}
    assert "four" in lab.asked("GET", "/zimage/v1/sweeps", lab.key).text
    again = lab.asked("POST", "/zimage/v1/sweeps/four/cancel", lab.key)
    assert again.status_code == 200
    assert lab.asked("POST", "/zimage/v1/sweeps", lab.key, json={**asked, "axes": {"home": ["x"]}}).status_code == 400
    few = lab.asked("POST", "/zimage/v1/sweeps", lab.token("few", waiting=3), json={**asked, "name": "fewer"})
    assert (few.status_code, "3 that may wait" in few.text) == (400, True)
    many = {"prompt": TEXT, "axes": {"steps": "1-1000"}}
    assert lab.asked("POST", "/zimage/v1/sweeps", lab.key, json=many).status_code == 400


def test_tokens_in_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert main(["token", "create", "--scope", "submit,read", "--expires", "7d", "--name", "shop", *home]) == 0
    made = capsys.readouterr()
    assert made.out.count(".") == 2
    assert main(["token", "list", "--json", *home]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "shop"
    assert row["scopes"] == ["read", "submit"]
    assert made.out.strip() not in json.dumps(row)
    assert main(["token", "revoke", row["id"][:8], *home]) == 0
    assert main(["token", "list", *home]) == 0
    assert "revoked" in capsys.readouterr().out
    for wrong in (["--scope", "all"], ["--expires", "soon"], ["--expires", "9999d"], ["--name", " "], ["--scope", ""]):
        assert main(["token", "create", *wrong, *home]) == 2, wrong
    assert main(["token", "revoke", "nothing", *home]) == 2


def test_serve_is_a_process_that_ends_when_asked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "zimage_lab.cli", "serve", "--port", "0", "--no-auth", "--attach"]
    command += ["--home", str(tmp_path / "home")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    while "Serving at" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    assert "No token is asked for" in said
    address = said.partition("Serving at ")[2].partition(";")[0]
    assert requests.get(f"{address}/queue", timeout=20).json() == {"queue_running": [], "queue_pending": []}
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stderr.close()
    assert main(["serve", "--host", "0.0.0.0", "--no-auth", "--home", str(tmp_path / "home")]) == 2  # noqa: S104
