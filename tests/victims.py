"""Processes to be killed: an engine with a stub for a pipeline, and somebody who submits."""

from __future__ import annotations

import itertools
import random
import sys
import time
from typing import TYPE_CHECKING

from PIL import Image
from samples import record

from zimage_lab.errors import LeaseLost
from zimage_lab.recipe import ImageFile
from zimage_lab.store.images import save_png
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from zimage_lab.request import GenerationRequest
    from zimage_lab.store.leases import Lease

SIZE = 64


def request_of(number: int) -> GenerationRequest:
    """Give the request that goes with a key."""
    return record(f"红 {number}", size=SIZE, seed=number).request


def draw(queue: Queue, lease: Lease) -> None:
    """Make a picture of noise, save it, and end the job: what an engine's thread does, without a model."""
    job = lease.job
    made = record(
        id=lease.record_id, job_id=job.id, request=job.request, created_at=job.created_at, attempt=lease.attempt
    )
    picture = Image.effect_noise((SIZE, SIZE), 50).convert("RGB")
    saved = save_png(picture, made, queue.home)
    file = ImageFile(
        path=saved.path.relative_to(queue.home).as_posix(), sha256=saved.sha256, pixels_sha256=saved.pixels_sha256
    )
    queue.finish(lease, "succeeded", None, made.replace(image=file))


def drain(queue: Queue, engine_id: str = "engine") -> None:
    """Run every job that waits."""
    while (lease := queue.lease(engine_id)) is not None:
        draw(queue, lease)


def engine(home: Path, engine_id: str) -> None:
    """Run jobs until killed; jobs of engines that died before are taken over."""
    with Queue(home) as queue:
        while True:
            queue.recover()
            lease = queue.lease(engine_id)
            if lease is None:
                time.sleep(0.001)
                continue
            if random.random() < 0.2:
                queue.heartbeat(lease)
            try:
                draw(queue, lease)
            except LeaseLost:  # nobody takes a job from the living
                sys.exit("lost a lease")


def submitter(home: Path, first: int, acknowledge: Connection) -> None:
    """Submit under numbered keys until killed, and say of each which job it became."""
    with Queue(home) as queue:
        for number in itertools.count(first):
            acknowledge.send((number, queue.put(request_of(number), key=f"click {number}").id))
            time.sleep(0.01)
