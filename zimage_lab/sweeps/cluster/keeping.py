"""How a picture from another machine is kept here: its bytes as they came, under the name that its lease gives it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from zimage_lab.errors import StoreError
from zimage_lab.recipe import ImageFile
from zimage_lab.store import quota
from zimage_lab.store.images import picture_path, write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.store.leases import Lease
    from zimage_lab.store.queue import Queue
    from zimage_lab.sweeps.cluster.messages import Ended


def keep(queue: Queue, home: Path, lease: Lease, ended: Ended) -> None:
    """Write what came of a job: the picture, its record, its end; the same end a second time changes nothing.

    Raises
    ------
    LeaseLost
        The job is not this engine's any more; nothing is kept.
    StoreError
        Not even the failure could be written.
    """
    record = ended.record
    if ended.state != "succeeded":
        queue.finish(lease, ended.state, ended.error, record)
        return
    try:
        if record is None or record.image is None or hashlib.sha256(ended.data).hexdigest() != record.image.sha256:
            message = "The picture did not arrive whole."
            raise StoreError(message)  # noqa: TRY301 - ends the job in the same words as a full disk
        quota.refuse_oversize(home, len(ended.data))
        # The place is worked out here: what another machine says is no path of this one.
        path = picture_path(home, lease.job.created_at, lease.record_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, ended.data)
    except (StoreError, OSError) as error:
        queue.finish(lease, "failed", str(error))
        return
    image = ImageFile(
        path=path.relative_to(home).as_posix(), sha256=record.image.sha256, pixels_sha256=record.image.pixels_sha256
    )
    queue.finish(lease, "succeeded", None, record.replace(image=image))
