"""Programs that know nothing of us: the article's snippet, ComfyUI's documented flow, comfy-api-simplified, openai."""

from __future__ import annotations

import base64
import io
import json
import time
import uuid
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest
import requests
import websocket
from http_server import Lab, Running
from PIL import Image

import zimage_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "a red cat on the left, white background"
GRAPH = json.loads((Path(__file__).parent / "article_workflow.json").read_text(encoding="utf-8"))


def graph(text: str = TEXT, size: int = 128, steps: int = 8, seed: int = 12345) -> dict[str, Any]:
    made = json.loads(json.dumps(GRAPH))
    made["6"]["inputs"]["text"] = text
    made["5"]["inputs"] |= {"width": size, "height": size}
    made["10"]["inputs"] |= {"steps": steps, "seed": seed}
    return made


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Give a server that asks for no token, as ComfyUI's does not."""
    made = Lab(tmp_path_factory.mktemp("http") / "home", auth=False)
    yield made
    made.close()


def history(lab: Running, prompt_id: str, seconds: float = 20) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = requests.get(f"{lab.address}/history/{prompt_id}", timeout=20).json()
        if prompt_id in found:
            entry: dict[str, Any] = found[prompt_id]
            return entry
        time.sleep(0.05)
    raise AssertionError(prompt_id)


def test_the_articles_snippet(lab: Lab) -> None:
    workflow = json.loads(json.dumps(GRAPH))
    workflow["6"]["inputs"]["text"] = "夏日海滩上的冲浪少年，阳光明媚"
    response = requests.post(f"{lab.address}/prompt", json={"prompt": workflow}, timeout=20)
    assert response.status_code == 200
    prompt_id = response.json()["prompt_id"]
    entry = history(lab, prompt_id)
    assert entry["status"] == {**entry["status"], "status_str": "success", "completed": True}
    (picture,) = entry["outputs"]["11"]["images"]
    assert picture["filename"].startswith("Ecommerce_ZImage_0000")
    seen = requests.get(f"{lab.address}/view", params=picture, timeout=20)
    with Image.open(io.BytesIO(seen.content)) as image:
        assert image.size == (1024, 1024)
        assert json.loads(image.info["prompt"])
    assert b"trainedAlgorithmicMedia" in seen.content  # what leaves is labelled


def test_the_documented_flow(lab: Lab) -> None:
    client_id = str(uuid.uuid4())
    told = websocket.create_connection(f"ws://127.0.0.1:{lab.port}/ws?clientId={client_id}", timeout=20)
    data = json.dumps({"prompt": graph(seed=3), "client_id": client_id}).encode()
    prompt_id = requests.post(f"{lab.address}/prompt", data=data, timeout=20).json()["prompt_id"]
    messages: list[dict[str, Any]] = []
    while True:
        message = json.loads(told.recv())
        messages.append(message)
        if message["type"] == "executing" and message["data"]["node"] is None:
            assert message["data"]["prompt_id"] == prompt_id
            break
    done = requests.get(f"{lab.address}/history/{prompt_id}", timeout=20).json()[prompt_id]
    assert done["outputs"]["11"]["images"]
    told.close()
    kinds = [message["type"] for message in messages if message["type"] != "status"]
    assert messages[0]["data"]["sid"] == client_id
    assert kinds[:2] == ["execution_start", "execution_cached"]
    assert kinds[-3:] == ["executed", "execution_success", "executing"]
    assert messages[-2]["type"] == "status"
    nodes = [one["data"]["node"] for one in messages if one["type"] == "executing"]
    assert set(nodes) == {*GRAPH, None}
    assert nodes.index("3") < nodes.index("6") < nodes.index("10") < nodes.index("8") < nodes.index("11")


def test_frames_go_to_their_client_alone(lab: Lab) -> None:
    others = websocket.create_connection(f"ws://127.0.0.1:{lab.port}/ws?clientId=another", timeout=20)
    assert json.loads(others.recv())["type"] == "status"
    body = {"prompt": graph(seed=4), "client_id": "one"}
    prompt_id = requests.post(f"{lab.address}/prompt", json=body, timeout=20).json()["prompt_id"]
    history(lab, prompt_id)
    others.settimeout(0.4)
    kinds: set[str] = set()
    with suppress(websocket.WebSocketTimeoutException):
        while True:
            kinds.add(json.loads(others.recv())["type"])
    assert kinds <= {"status"}
    others.send(json.dumps({"type": "feature_flags", "data": {}}))
    others.settimeout(10)
    while (answer := json.loads(others.recv()))["type"] == "status":
        pass
    assert answer["type"] == "feature_flags"
    others.close()


def test_comfy_api_simplified(lab: Lab, tmp_path: Path) -> None:
    from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper

    titled = graph(seed=5)
    for number, node in titled.items():
        node["_meta"] = {"title": {"11": "Save Image", "6": "positive"}.get(number, node["class_type"])}
    (tmp_path / "workflow.json").write_text(json.dumps(titled), encoding="utf-8")
    api = ComfyApiWrapper(lab.address)
    workflow = ComfyWorkflowWrapper(str(tmp_path / "workflow.json"))
    workflow.set_node_param("positive", "text", TEXT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it does with its own sockets is its business
        found = api.queue_and_wait_images(workflow, "Save Image")
    assert len(found) == 1
    (name,) = found
    assert name.startswith("Ecommerce_ZImage_")
    with Image.open(io.BytesIO(found[name])) as image:
        assert image.size == (128, 128)
    (tmp_path / "mine.png").write_bytes(found[name])
    assert api.upload_image(str(tmp_path / "mine.png"))["name"] == "mine.png"


def test_openai(lab: Lab) -> None:
    client = openai.OpenAI(base_url=f"{lab.address}/v1", api_key="nothing", max_retries=0)
    answer = client.images.generate(
        prompt=TEXT, n=2, size="128x128", response_format="b64_json", extra_body={"seed": 7, "num_inference_steps": 4}
    )
    assert answer.data is not None
    assert len(answer.data) == 2
    with Image.open(io.BytesIO(base64.b64decode(str(answer.data[0].b64_json)))) as image:
        assert image.size == (128, 128)
    named = client.images.generate(prompt=TEXT, model="miniature-turbo", response_format="url")
    assert named.data is not None
    assert requests.get(str(named.data[0].url), timeout=20).headers["Content-Type"] == "image/png"
    assert "miniature-turbo" in {model.id for model in client.models.list()}
    with pytest.raises(openai.BadRequestError, match="size"):
        client.images.generate(prompt=TEXT, size="large")  # type: ignore[call-overload]
    with pytest.raises(openai.BadRequestError, match="model"):
        client.images.generate(prompt=TEXT, model="../../etc")
    client.close()


def test_openai_with_a_token(tmp_path: Path) -> None:
    guarded = Lab(tmp_path / "home")
    try:
        client = openai.OpenAI(base_url=f"{guarded.address}/v1", api_key=guarded.token(), max_retries=0)
        assert client.images.generate(prompt=TEXT).data
        stranger = openai.OpenAI(base_url=f"{guarded.address}/v1", api_key="wrong", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            stranger.images.generate(prompt=TEXT)
        client.close()
        stranger.close()
    finally:
        guarded.close()


def test_progress_and_previews_of_a_real_engine(tmp_path: Path) -> None:
    engine = zimage_lab.load(home=tmp_path / "home", device="cpu")
    running = Running(tmp_path / "home", auth=False)
    try:
        told = websocket.create_connection(f"ws://127.0.0.1:{running.port}/ws?clientId=c", timeout=60)
        body = {"prompt": graph(), "client_id": "c", "extra_data": {"preview_method": "auto"}}
        prompt_id = requests.post(f"{running.address}/prompt", json=body, timeout=60).json()["prompt_id"]
        progress, previews = [], []
        while True:
            message = told.recv()
            if isinstance(message, bytes):
                previews.append(message)
                continue
            frame = json.loads(message)
            if frame["type"] == "progress":
                progress.append(frame["data"])
            if frame["type"] == "executing" and frame["data"]["node"] is None:
                break
        told.close()
        assert progress
        assert all(one["node"] == "10" and one["max"] == 8 and one["prompt_id"] == prompt_id for one in progress)
        assert [one["value"] for one in progress] == sorted(one["value"] for one in progress)
        assert previews
        assert previews[0][:8] == b"\0\0\0\1\0\0\0\1"
        with Image.open(io.BytesIO(previews[-1][8:])) as image:
            assert image.format == "JPEG"
        entry = history(running, prompt_id)
        assert entry["outputs"]["11"]["images"]
    finally:
        running.close()
        engine.stop()
