"""What HTTP costs: latency at 100 submits a second, a hundred clients at once, a reader that stops, memory in a soak.

`python tests/http_figures.py [--seconds 60] [--soak 300]` prints it. The server and the stub engine, which writes real
records and no pictures, are processes of their own; the clients share the machine with both.
"""

# ruff: noqa: T201 - it prints

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import psutil
import websocket
from http_load import open_loop, quantile, submitters
from http_process import Engine, Server


def latency(server: Server, rate: float, seconds: float) -> None:
    """Print how long a submit takes."""
    asyncio.run(open_loop(server.address, rate, 3))  # it warms up
    took = [1000 * one for one in asyncio.run(open_loop(server.address, rate, seconds))]
    figures = "  ".join(f"p{share * 100:g} {quantile(took, share):.1f} ms" for share in (0.5, 0.9, 0.99, 0.999))
    print(f"{rate:g} submits a second for {seconds:g} s, {len(took)} of them: {figures}  longest {max(took):.1f} ms")


def crowd(home: Path) -> None:
    """Print what becomes of a hundred clients that want twenty jobs each where 500 may wait."""
    os.environ["ZIMAGE_LAB_QUEUE_JOBS"] = "500"
    server, engine = Server(home), Engine(home)
    try:
        began = time.perf_counter()
        told = asyncio.run(submitters(server.address, 100, 20))
        seconds = time.perf_counter() - began
        while server.ask("/prompt")["exec_info"]["queue_remaining"]:
            time.sleep(0.1)
        print(
            f"100 clients x 20 jobs, 500 may wait: {len(set(told['ids']))} acknowledged in {seconds:.1f} s,"
            f" {told['refused']} times 429, {told['without']} without Retry-After, {told['others'][:2]} else"
        )
    finally:
        engine.kill()
        server.kill()
        del os.environ["ZIMAGE_LAB_QUEUE_JOBS"]


def silent_reader(server: Server, seconds: float) -> None:
    """Print what a websocket that is never read costs those who submit."""
    silent = [websocket.create_connection(f"ws://127.0.0.1:{server.port}/ws?clientId=s{n}") for n in range(20)]
    print("with 20 websockets that nobody reads: ", end="")
    latency(server, 100, seconds)
    for one in silent:
        one.close()


def soak(server: Server, seconds: float) -> None:
    """Print the server's memory while it works."""
    process, began = psutil.Process(server.process.pid), time.monotonic()
    while time.monotonic() - began < seconds:
        asyncio.run(open_loop(server.address, 40, 10))
        memory = process.memory_info().rss / 1e6
        print(f"soak {time.monotonic() - began:5.0f} s: {memory:.1f} MB, {process.num_fds()} files", flush=True)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--soak", type=float, default=120)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        server, engine = Server(home), Engine(home)
        try:
            latency(server, 100, asked.seconds)
            silent_reader(server, asked.seconds)
            soak(server, asked.soak)
        finally:
            engine.kill()
            server.kill()
        crowd(Path(folder) / "crowd" / "home")


if __name__ == "__main__":
    main()
