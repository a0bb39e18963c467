"""The parts of `cuda_trial.py`: each does what a person would do, and returns plain figures."""

from __future__ import annotations

import gc
import importlib.util
import json
import shutil
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from zimage_lab import home as homes
from zimage_lab.engine import Engine, bench, random_weights
from zimage_lab.engine.environment import environment
from zimage_lab.engine.families import z_image
from zimage_lab.models import memory
from zimage_lab.widgets import Panel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.engine.job import Job

NAME = "random-turbo"
PROMPT = bench.Plan().prompt
CARDS = ((None, "resident"), (24, "auto"), (16, "auto"), (16, "balanced"), (12, "auto"), (8, "auto"))
"""Gigabytes that the process may take of the device, and the policy that is asked for."""

LONG = 600.0
ARTICLE = "一个穿唐装的老人在故宫前拍照，写实风格"
"""The prompt of the comparison that the project starts from."""


@dataclass
class Trial:
    """What the parts share.

    Parameters
    ----------
    home
        The home folder, into whose models the architecture is written.
    model, device, sizes, runs, steps
        As the command line has them; None takes the model's or the machine's own.
    """

    home: Path
    model: str
    device: str | None
    sizes: list[int] | None
    runs: int
    steps: int | None

    def build(self) -> dict[str, Any]:
        """Write the architecture with random weights as a model folder, and tell what it will run on."""
        entry = random_weights.architecture(self.model)
        self.device, dtype = memory.choose_device(self.device)
        card = entry.card
        self.sizes = self.sizes or ([card.defaults.width] if card.miniature else [512, 1024])
        self.options: dict[str, Any] = {} if self.steps is None else {"steps": self.steps}
        folder = homes.home(self.home) / homes.MODELS / NAME
        began = time.perf_counter()
        modules = random_weights.modules(entry, device=self.device, dtype=dtype)
        built = time.perf_counter()
        for name, module in modules.items():
            module.save_pretrained(folder / name)
        shutil.copytree(entry.folder / "tokenizer", folder / "tokenizer")
        FlowMatchEulerDiscreteScheduler(shift=card.defaults.shift).save_pretrained(folder / "scheduler")
        shutil.copy(entry.folder / "model_index.json", folder)
        changes = {"id": NAME, "title": NAME, "hub_id": None, "revision": None, "sha256": {}}
        (folder / "card.json").write_text(card.model_copy(update=changes).model_dump_json(), encoding="utf-8")
        written = time.perf_counter()
        named = environment(self.device, str(dtype).removeprefix("torch.")).model_dump()
        return {
            "model": self.model,
            "parameters": {name: sum(v.numel() for v in module.parameters()) for name, module in modules.items()},
            "build_seconds": built - began,
            "write_seconds": written - built,
            **{name: named[name] for name in ("device", "device_name", "dtype", "torch", "diffusers")},
        }

    def load(self) -> dict[str, Any]:
        """Read the weights from the disk, or from what the system still holds of it."""
        began = time.perf_counter()
        family = bench.load(NAME, self.device)
        bench.synchronise(family.device)
        seconds = time.perf_counter() - began
        return {"from_the_disk": seconds, "weights": f"{sum(family.memory_bytes.values()) / 1e9:.2f} GB"}

    def bench(self) -> list[dict[str, Any]]:
        """Measure one picture of each size, and four of the smallest, beside diffusers."""
        family = bench.load(NAME, self.device)
        smallest, *_ = sizes = sorted(self.sizes or [])
        reports = []
        for edge, seeds in [*((edge, 1) for edge in sizes), (smallest, 4)]:
            plan = bench.Plan(runs=self.runs, seeds=seeds, options={"width": edge, "height": edge, **self.options})
            reports.append(bench.compare(family, plan, tell=lambda line: print("  ", line, flush=True)))  # noqa: T201
        return reports

    def family(self) -> list[dict[str, Any]]:
        """Measure the article's table: this architecture and Stable Diffusion 1.5's, at the same sizes."""
        rows = []
        for name in (self.model, *(("stable-diffusion-v1-5",) if str(self.device).startswith("cuda") else ())):
            for edge in self.sizes or []:
                plan = bench.Plan(
                    prompt=ARTICLE, runs=self.runs, options={"width": edge, "height": edge}, baseline=False
                )
                row: dict[str, Any] = {"model": name, "size": edge}
                rows.append(row)
                try:
                    report = bench.compare(bench.load(name, self.device, random=True), plan)
                except Exception as error:  # noqa: BLE001 - the other model is measured all the same
                    row["error"] = f"{type(error).__name__}: {error}"[:300]
                    continue
                way = report["ways"][0]
                row |= {"steps": report["steps"], "seconds": way["seconds"], "peak": way["peak_bytes"]}
                row |= {"tflop": report["tflop"]["total"], "fraction": way["denoise_fraction"]}
                gc.collect()
        return rows

    def panel(self) -> dict[str, Any]:
        """Click in the panel, for one picture and for eight at once, and wait for the files."""
        with self.engine() as engine:
            self.warm_up(engine)
            made = Panel(engine, "en")
            made.choice.choose(NAME)
            made.create.form.take_size((max(self.sizes or []),) * 2)
            if self.steps is not None:
                made.create.form.fields["steps"].value = self.steps
            first: dict[str, float] = {}
            stop = engine.events.subscribe(
                lambda event: first.setdefault(event.job, time.perf_counter()) if event.kind == "preview" else None
            )
            single, previews = [], []
            for run in range(self.runs):
                made.create.form.prompt.value = f"{PROMPT} {run}"
                began = time.perf_counter()
                made.create.generate.click()
                job = engine.jobs()[0]
                assert job.result(LONG).path.is_file()
                single.append(time.perf_counter() - began)
                previews.append(first[job.id] - began)
            for _ in range(2):  # the first time, a batch of a new shape may be compiled
                began = time.perf_counter()
                for _ in range(8):
                    made.create.generate.click()
                for job in engine.jobs()[:8]:
                    assert job.result(LONG).path.is_file()
                together = (time.perf_counter() - began) / 8
            stop()
            made.close()
            return {
                "click_to_preview": statistics.median(previews),
                "click_to_png": statistics.median(single),
                "a_picture_of_eight_clicks": together,
                "stages_of_the_last": str(engine.jobs()[0].result().record.seconds),
            }

    def cancel(self) -> dict[str, Any]:
        """Cancel at the second step, and draw the next picture."""
        with self.engine() as engine:
            self.warm_up(engine)
            job = engine.submit(PROMPT, model=NAME, seed=2, **{**self.size(), "steps": 50})
            self.wait(job, 2)
            began = time.perf_counter()
            job.cancel()
            while not job.done:
                time.sleep(0.001)
            ended = time.perf_counter() - began
            return {
                "state": job.state,
                "steps_done": job.progress.step,
                "cancel_to_end": ended,
                "next_state": self.next(engine),
            }

    def memory(self) -> dict[str, Any]:
        """Have memory run out: injected at each stage, then, on CUDA, by taking nearly all of it away."""
        found: dict[str, Any] = {}
        for verb in ("encode", "denoise", "decode"):
            with self.engine() as engine:
                self.warm_up(engine)
                with _failing(verb):
                    found[f"injected_in_{verb}"] = self.outcome(engine)
                found[f"after_{verb}"] = self.next(engine)
        if not str(self.device).startswith("cuda"):
            return found
        with self.engine() as engine:
            self.warm_up(engine)
            torch.cuda.empty_cache()
            free, _ = torch.cuda.mem_get_info()
            ballast = torch.empty(max(0, free - 200_000_000), dtype=torch.uint8, device=self.device)
            found["with_0.2_GB_free"] = self.outcome(engine)
            del ballast
            torch.cuda.empty_cache()
            found["after_it"] = self.next(engine)
        return found

    def policies(self) -> list[dict[str, Any]]:
        """Draw with each policy on a card of each size: torch is given only so much of the device."""
        rows, pixels = [], None
        cuda = str(self.device).startswith("cuda")
        for card, policy in CARDS:
            row: dict[str, Any] = {"card_gb": card, "policy": policy}
            rows.append(row)
            if cuda:
                torch.cuda.reset_peak_memory_stats()
            try:
                with _card(card, cuda=cuda), self.engine(memory=policy) as engine:
                    self.warm_up(engine)
                    seconds = []
                    for seed in (5, 6):
                        began = time.perf_counter()
                        picture = engine.generate(PROMPT, model=NAME, seed=seed, **self.size())
                        seconds.append(time.perf_counter() - began)
                    row["new"], row["again"] = seconds
                    row["policy"] = f"{policy}: {picture.record.environment.model_dump().get('offload')}"
                    array = np.asarray(picture.image, float)
                    pixels = array if pixels is None else pixels
                    row["difference_to_the_first"] = float(np.abs(array - pixels).max())
            except Exception as error:  # noqa: BLE001 - the other cards are tried all the same
                row["error"] = f"{type(error).__name__}: {error}"[:300]
            if cuda:
                row["allocated"] = torch.cuda.max_memory_allocated()
                row["reserved"] = torch.cuda.max_memory_reserved()
                gc.collect()
                torch.cuda.empty_cache()
        return rows

    def fp8(self) -> dict[str, Any]:
        """Draw with quantized weights, and tell how far the picture lies from the one without."""
        if importlib.util.find_spec("torchao") is None:
            return {"all": "not measured: torchao is not installed"}
        found: dict[str, Any] = {}
        arrays = []
        for kind in ("none", "fp8"):
            with self.engine(quantization=kind) as engine:
                self.warm_up(engine)
                seconds = []
                for run in range(1, self.runs + 1):
                    began = time.perf_counter()
                    picture = engine.generate(f"{PROMPT} {run}", model=NAME, seed=run, **self.size())
                    seconds.append(time.perf_counter() - began)
                found[f"{kind}_seconds"] = statistics.median(seconds)
                found[f"{kind}_weights"] = f"{engine.status()['memory_bytes'] / 1e9:.2f} GB"
                found[f"{kind}_in_the_record"] = str(picture.record.environment.model_dump().get("quantization"))
                arrays.append(np.asarray(picture.image, float))
        square = float(np.mean((arrays[0] - arrays[1]) ** 2))
        found["psnr"] = f"{10 * np.log10(255**2 / square):.1f} dB" if square else "equal pixels"
        return found

    @contextmanager
    def engine(self, **settings: str) -> Iterator[Engine]:
        """Give an engine under these settings."""
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        (homes.home(self.home) / homes.CONFIG).write_text("\n".join(lines), encoding="utf-8")
        engine = Engine(home=self.home, device=self.device)
        try:
            yield engine
        finally:
            engine.stop(60)
            (self.home / homes.CONFIG).unlink()

    def size(self) -> dict[str, Any]:
        """Give the fields of the largest picture."""
        edge = max(self.sizes or [])
        return {"width": edge, "height": edge, **self.options}

    def warm_up(self, engine: Engine) -> None:
        """Draw a first picture, with a prompt as long as the others: its shape decides what is compiled."""
        engine.generate(f"{PROMPT} 0", model=NAME, seed=1, **self.size())

    def wait(self, job: Job, step: int) -> None:
        """Wait until a job has done a step."""
        while job.progress.step < step and not job.done:
            time.sleep(0.001)

    def outcome(self, engine: Engine) -> str:
        """Draw, and tell in words how it ended."""
        job = engine.submit(f"{PROMPT} {time.time()}", model=NAME, seed=3, **self.size())
        try:
            job.result(LONG)
        except Exception as error:  # noqa: BLE001 - the sentence is the result
            return f"{job.state}: {error}"
        told = [warning for warning in job.result().record.warnings if "emory" in warning]
        return f"{job.state}: {'; '.join(told) or 'without a warning'}"

    def next(self, engine: Engine) -> str:
        """Draw, and tell the state."""
        job = engine.submit(PROMPT, model=NAME, seed=4, **self.size())
        job.result(LONG)
        return job.state


@contextmanager
def _card(gigabytes: int | None, *, cuda: bool) -> Iterator[None]:
    """Have the device be one of this size: torch gets no more of it, and what is free is told accordingly."""
    if gigabytes is None or not cuda:
        yield
        return
    _, total = torch.cuda.mem_get_info()
    most = min(total, int((gigabytes - 0.6) * 2**30))  # the driver and torch's context take the rest of a real card
    whole = memory.free_bytes
    memory.free_bytes = lambda device: min(whole(device), most - torch.cuda.memory_allocated(device))
    torch.cuda.set_per_process_memory_fraction(most / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        memory.free_bytes = whole


@contextmanager
def _failing(verb: str) -> Iterator[None]:
    """Have the family's verb run out of memory once."""
    whole = getattr(z_image.ZImage, verb)

    def once(*_: object, **__: object) -> None:
        setattr(z_image.ZImage, verb, whole)
        message = "CUDA out of memory (injected)"
        raise torch.OutOfMemoryError(message)

    setattr(z_image.ZImage, verb, once)
    try:
        yield
    finally:
        setattr(z_image.ZImage, verb, whole)
