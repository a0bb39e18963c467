"""How a receiver knows that a delivery is ours, is whole, and is not an old one played again.

The header is "t=UNIX_SECONDS,v1=HEX", HEX being HMAC-SHA256 of "UNIX_SECONDS.BODY" under the webhook's secret. Each
webhook's secret comes from one key of the home, in `run/`, so that no secret lies in the database or its backups.
Sources: RFC 2104 (HMAC); the form is that of Stripe's webhooks, https://docs.stripe.com/webhooks#verify-manually.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from zimage_lab.home import RUN
from zimage_lab.store.key_file import key

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "Zimage-Lab-Signature"
KEY = "webhooks.key"
DAMAGED = "Remove it and tell the receivers their new secrets."
TOLERANCE = 300.0
"""Seconds that a receiver's clock may differ, and that a message may take."""


def secret(home: Path, webhook_id: str) -> str:
    """Give the secret of a webhook, as hexadecimal text that the receiver is told once.

    Parameters
    ----------
    home
        The home folder; its key is made where there is none.
    webhook_id
        Id of the webhook.
    """
    return hmac.new(key(home / RUN / KEY, "of the webhooks", DAMAGED), webhook_id.encode(), hashlib.sha256).hexdigest()


def signature(secret: str, body: bytes, at: float) -> str:
    """Give the header's text for a body that is sent at a time (Unix seconds)."""
    stamp = str(int(at))
    return f"t={stamp},v1={_mac(secret, stamp, body)}"


def verified(secret: str, header: str, body: bytes, at: float, tolerance: float = TOLERANCE) -> bool:
    """Say whether a delivery is genuine: what a receiver written in Python needs.

    Parameters
    ----------
    secret
        The webhook's, as `zimage-lab hooks add` told it.
    header
        The header Zimage-Lab-Signature.
    body
        The bytes that came.
    at
        The receiver's time, Unix seconds.
    tolerance
        Most seconds between both clocks.
    """
    fields = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp, mac = fields.get("t", ""), fields.get("v1", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16) or abs(at - int(stamp)) > tolerance:  # noqa: PLR2004
        return False
    return hmac.compare_digest(mac.encode(), _mac(secret, stamp, body).encode())


def _mac(secret: str, stamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
