"""`zimage-lab bench`: how fast a model makes pictures on this machine, beside diffusers' own pipeline."""

from __future__ import annotations

import gc
import re
import sys
from typing import TYPE_CHECKING, Any

from zimage_lab.cli.terminal import DONE, FAILED, say, say_json, size, table, tell
from zimage_lab.errors import InvalidRequest, ZImageError, shown
from zimage_lab.options import whole
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser
    from zimage_lab.engine.bench import Plan

MOST_RUNS, MOST_SEEDS = 1000, 256
_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    parser = groups.add_parser(
        "bench",
        help="measure the speed here, beside diffusers' pipeline with the same weights",
        description="Make pictures by the engine's path and by diffusers' pipeline in turn, and say how long each "
        "took, on what, at which share of what the device can do, and how far the pixels lie apart.",
    )
    parser.add_argument("--model", metavar="NAME", help="default: miniature-turbo")
    parser.add_argument(
        "--random-weights",
        action="append",
        default=[],
        metavar="NAME",
        help="build this model's full architecture with random weights, where its own are not here",
    )
    parser.add_argument("--runs", type=whole, default=5, metavar="N", help="timed runs of each way (default: 5)")
    parser.add_argument("--seeds", type=whole, default=1, metavar="N", help="pictures of one prompt (default: 1)")
    parser.add_argument("--size", metavar="WxH", help="width and height in pixels (default: the model's)")
    parser.add_argument("--steps", type=whole, metavar="N", help="denoising steps (default: the model's)")
    parser.add_argument("--prompt", metavar="TEXT", help="each run appends its number (default: fifty tokens)")
    parser.add_argument("--device", metavar="NAME", help="cuda, mps or cpu (default: the best that is here)")
    parser.add_argument("--no-baseline", action="store_true", help="leave diffusers' pipeline out")
    parser.add_argument("--family", action="store_true", help="one row for every model that is here")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=bench, parser=parser)


def bench(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    options = _options(arguments)
    _warn_of_engines(arguments.device)
    runs = checked_integer("--runs", arguments.runs, 1, MOST_RUNS)
    seeds = checked_integer("--seeds", arguments.seeds, 1, MOST_SEEDS)
    if not arguments.family:
        if len(arguments.random_weights) + (arguments.model is not None) > 1:
            field, what = "--model", "two models were named, and without --family one is measured"
            raise InvalidRequest(field, arguments.model, what, "Name one, or add --family.")
        name = arguments.random_weights[0] if arguments.random_weights else arguments.model
        model, random = name or _default(), bool(arguments.random_weights)
        report = _measure(model, arguments, _plan(arguments, runs, seeds, options), random=random)
        if arguments.json:
            say_json(report)
        else:
            _print(report)
        return DONE
    return _family(arguments, _plan(arguments, runs, seeds, options, baseline=False))


def _warn_of_engines(device: str | None) -> None:
    """Say that an engine holds memory on the device, and may draw meanwhile."""
    from zimage_lab.engine.devices import device_name
    from zimage_lab.home import home, settings
    from zimage_lab.store.engines import Engines

    place = home()
    name = device_name(device or settings(place).device)
    with Engines(place) as engines:
        if any(row.device == name for row in engines.living()):
            tell(f"An engine uses {name} as well, so the figures may be too low. `zimage-lab engines stop` ends it.")


def _default() -> str:
    from zimage_lab.models.catalog import DEFAULT_MODEL

    return DEFAULT_MODEL


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if arguments.size is not None:
        match = _SIZE.fullmatch(arguments.size)
        if match is None:
            field = "--size"
            raise InvalidRequest(field, arguments.size, f"{shown(arguments.size)} is no size", "Give one as 1024x1024.")
        options["width"], options["height"] = map(int, match.groups())
    if arguments.steps is not None:
        options["steps"] = arguments.steps
    return options


def _plan(
    arguments: argparse.Namespace, runs: int, seeds: int, options: dict[str, Any], *, baseline: bool = True
) -> Plan:
    from zimage_lab.engine.bench import Plan

    prompt = {} if arguments.prompt is None else {"prompt": arguments.prompt}
    return Plan(runs=runs, seeds=seeds, options=options, baseline=baseline and not arguments.no_baseline, **prompt)


def _measure(model: str, arguments: argparse.Namespace, plan: Plan, *, random: bool) -> dict[str, Any]:
    from zimage_lab.engine import bench as measuring

    plan.requests(model, 0)  # what is wrong with them is said before gigabytes are read
    tell(f"Building {model} with random weights" if random else f"Loading {model}")
    report = measuring.compare(measuring.load(model, arguments.device, random=random), plan, tell=tell)
    return {**report, "weights": "random" if random else "own"}


def _family(arguments: argparse.Namespace, plan: Plan) -> int:
    from zimage_lab import models

    wanted = dict.fromkeys(arguments.random_weights, True)
    missing = []
    for model in models.models():
        if model.path is None and model.id not in wanted:
            missing.append(model.id)
        wanted.setdefault(model.id, False)
    reports, rows = [], []
    for name, random in wanted.items():
        if name in missing:
            rows.append([name, "not on this machine", *["not measured"] * 5])
            continue
        try:
            report = _measure(name, arguments, plan, random=random)
        except ZImageError as error:
            if not isinstance(error, InvalidRequest):  # a size that one model does not take is no failure of the others
                tell(f"{name}: {error}")
            rows.append([name, str(error), *["not measured"] * 5])
            continue
        reports.append(report)
        rows.append(_row(report))
        _free()
    if arguments.json:
        say_json(reports)
        return DONE if reports else FAILED
    _table(["MODEL", "SIZE", "STEPS", "SECONDS", "PEAK MEMORY", "TFLOP", "OF THE RATE"], rows)
    for report in reports[:1]:
        say(_on(report))
    return DONE if reports else FAILED


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _row(report: dict[str, Any]) -> list[str]:
    way = report["ways"][0]
    return [
        report["model"] + (", random weights" if report["weights"] == "random" else ""),
        f"{report['width']}x{report['height']}",
        str(report["steps"]),
        _seconds(way["seconds_a_picture"]),
        _bytes(way["peak_bytes"]),
        f"{report['tflop']['total']:.3g}",
        f"{way['denoise_fraction']:.0%}",
    ]


def _print(report: dict[str, Any]) -> None:
    tflop = report["tflop"]
    weights = "random weights" if report["weights"] == "random" else f"weights {size(report['weights_bytes'])}"
    say(
        f"{report['model']} ({weights}), {report['width']}x{report['height']}, {report['steps']} steps, guidance "
        f"{report['guidance_scale']:g}, {report['tokens']} tokens, {report['seeds']} picture(s) a run"
    )
    say(_on(report))
    say(
        f"A picture costs {tflop['total']:.3g} TFLOP: text encoder {tflop['text_encoder']:.3g}, denoise "
        f"{tflop['denoise']:.3g}, decode {tflop['decode']:.3g}. The device's matrix rate is "
        f"{report['matrix_tflops']:.3g} TFLOP/s."
    )
    say("")
    head = ["WAY", "SECONDS", "FROM..TO", "TEXT", "DENOISE", "DECODE", "SAVE", "TFLOP/S", "OF THE RATE", "PEAK MEMORY"]
    _table(
        head,
        [
            [
                way["name"],
                _seconds(way["seconds"]),
                f"{_seconds(way['lowest'])}..{_seconds(way['highest'])}",
                *(_seconds(way["stages"][name]) for name in ("text_encoder", "denoise", "decode", "save")),
                f"{way['denoise_tflops']:.3g}",
                f"{way['denoise_fraction']:.0%}",
                _bytes(way["peak_bytes"]),
            ]
            for way in report["ways"]
        ],
    )
    say("")
    for one in report["against"]:
        noise = "equal pixels" if one["psnr"] is None else f"PSNR {one['psnr']:.1f} dB"
        say(
            f"{one['speedup']:.2f} times as fast as {one['name']} ({one['lowest']:.2f}..{one['highest']:.2f}); "
            f"pixels differ by at most {one['max_difference']} of 255, {noise}"
        )


def _table(head: list[str], rows: list[list[str]]) -> None:
    if not sys.stdout.isatty():
        say("\t".join(head))  # figures that are kept in a file must say what they are
    table(head, rows)


def _on(report: dict[str, Any]) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in report["facts"].items())
    versions = ", ".join(f"{name} {value}" for name, value in report["versions"].items())
    where = f"{report['device']} ({report['device_name']}, {report['threads']} threads), {report['dtype']}"
    return f"On {where}; {facts}; {versions}."


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value >= 10 else f"{value:.3g}" if value >= 1 else f"{value:.4f}"  # noqa: PLR2004


def _bytes(count: int | None) -> str:
    return "not measured" if count is None else size(count)
