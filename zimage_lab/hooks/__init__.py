"""What happens after a job: Python functions and webhooks that are told of its end.

    hooks = zimage_lab.hooks.Hooks(engine.home)
    hooks.call(lambda ended: print(ended.job_id, ended.state))
    hooks.subscribe(engine)

A hook is somebody else's code or somebody else's server. Neither may hold up an engine, so each has a thread of its own
and a bounded line, and what goes wrong is told in the log.
"""

from __future__ import annotations

from zimage_lab.hooks.deliveries import Delivery, Webhook, Webhooks
from zimage_lab.hooks.ended import Ended
from zimage_lab.hooks.run import Hooks
from zimage_lab.hooks.signing import signature, verified

__all__ = ["Delivery", "Ended", "Hooks", "Webhook", "Webhooks", "signature", "verified"]
