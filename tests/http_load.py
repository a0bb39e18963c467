"""Many clients of a server: closed loops that come again when they are told to, and an open loop that does not wait."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

TEXT = "a red cat on the left, white background"
CLIENTS = 1000
AWAY = {599}  # Tornado's own: no answer came


def client() -> AsyncHTTPClient:
    """Give a client with enough connections."""
    return AsyncHTTPClient(force_instance=True, max_clients=CLIENTS)


def body(seed: int) -> str:
    return json.dumps({"prompt": TEXT, "seed": str(seed), "width": 128, "height": 128})


async def post(using: AsyncHTTPClient, address: str, seed: int, **headers: str) -> HTTPResponse:
    request = HTTPRequest(
        f"{address}/zimage/v1/jobs",
        method="POST",
        body=body(seed),
        headers={"Content-Type": "application/json", **headers},
        request_timeout=60,
        connect_timeout=60,
    )
    return await using.fetch(request, raise_error=False)


async def submitters(address: str, number: int, jobs: int, **headers: str) -> dict[str, Any]:
    """Let many clients ask at once, each for some jobs in turn, coming again after a 429 and after no answer.

    Each job has an idempotency key, so that a client that got no answer may ask again.

    Returns
    -------
    dict
        ids of the jobs that were acknowledged, refused (429s), late ones without Retry-After, unanswered, and others.
    """
    using = client()
    told: dict[str, Any] = {"ids": [], "refused": 0, "without": 0, "unanswered": 0, "others": []}

    async def one(who: int) -> None:
        for job in range(jobs):
            while True:
                seed = who * 1000 + job
                try:
                    answer = await post(using, address, seed, **{"Idempotency-Key": f"{who}/{job}"}, **headers)
                except (HTTPClientError, OSError):
                    told["unanswered"] += 1
                    await asyncio.sleep(0.2)
                    continue
                if answer.code in AWAY:
                    told["unanswered"] += 1
                    await asyncio.sleep(0.2)
                elif answer.code == 429:
                    told["refused"] += 1
                    after = answer.headers.get("Retry-After")
                    told["without"] += after is None
                    await asyncio.sleep(min(float(after or 1), 2))
                elif answer.code == 201:
                    told["ids"].append(json.loads(answer.body)["id"])
                    break
                else:
                    told["others"].append((answer.code, answer.body[:200]))
                    break

    await asyncio.gather(*(one(who) for who in range(number)))
    using.close()
    return told


async def open_loop(address: str, rate: float, seconds: float) -> list[float]:
    """Ask at a steady rate, whatever the answers do; gives how long each took, in seconds from when it was due."""
    using = client()
    took: list[float] = []
    began = time.perf_counter()

    async def one(number: int) -> None:
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        answer = await post(using, address, number)
        took.append(time.perf_counter() - due)
        assert answer.code == 201, (answer.code, answer.body)

    await asyncio.gather(*(one(number) for number in range(int(rate * seconds))))
    using.close()
    return took


def quantile(values: list[float], share: float) -> float:
    """Give the value below which a share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
