"""Engines killed at random moments, and an oracle: whatever is there is whole, and whatever says done is there.

``KILL_ROUNDS`` sets how many engines die; three suffice for every day.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from PIL import Image

from zimage_lab.request import GenerationRequest
from zimage_lab.store.images import pixels_sha256, read_recipe
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
REQUEST = GenerationRequest(
    prompt="红", model="miniature-turbo", width=64, height=64, steps=1, guidance_scale=0.0, seed=7
)
ENGINE = """
import sys
from pathlib import Path
from PIL import Image
from zimage_lab.recipe import Environment, ImageFile, ModelIdentity, RunRecord, now
from zimage_lab.request import GenerationRequest
from zimage_lab.store.images import save_png
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

home, request = Path(sys.argv[1]), GenerationRequest.from_json(sys.argv[2])
queue, records = Queue(home), Records(home)
queue.recover()
print("ready", flush=True)
while True:
    queue.put(request)
    job = queue.lease("engine")
    record = RunRecord(
        job_id=job.id, request=job.request, state="succeeded", created_at=now(), attempt=job.attempts,
        model=ModelIdentity(id=request.model, family="z_image"),
        environment=Environment(zimage_lab="0", python="3", device="cpu", dtype="float32", platform="linux"),
    )
    saved = save_png(Image.effect_noise((256, 256), 50).convert("RGB"), record, home)
    path = saved.path.relative_to(home).as_posix()
    record = record.replace(image=ImageFile(path=path, sha256=saved.sha256, pixels_sha256=saved.pixels_sha256))
    records.append(record)
    queue.finish(job.id, "succeeded", record_id=record.id)
"""


def check(home: Path) -> None:
    """Look at everything a dead engine left."""
    with Queue(home) as queue, Records(home) as records:
        queue.recover()
        assert queue.list(["running"]) == []
        for job in queue.list(["succeeded"], limit=10**6):
            assert job.record_id is not None
            image = records.get(job.record_id).image
            assert image is not None
            assert (home / image.path).is_file()
        for job in queue.list(limit=10**6):
            ended = [attempt.outcome for attempt in queue.attempts(job.id)]
            assert set(ended[:-1]) <= {"interrupted"}
            assert (ended[-1:] == ["succeeded"]) == (job.state == "succeeded")
    for path in home.rglob("*.png"):
        inside = read_recipe(path).image
        assert inside is not None
        with Image.open(path) as image_file:
            assert pixels_sha256(image_file) == inside.pixels_sha256
    assert list(home.rglob("*.part")) == []


def test_engines_that_are_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENGINE, str(tmp_path), REQUEST.canonical_json()]
    for _ in range(ROUNDS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(random.uniform(0, 0.3))
            child.kill()
        check(tmp_path)
