"""All that a CUDA device is needed for, in one call: `python tests/cuda_trial.py --out FOLDER`.

Builds the full-size architecture with random weights, writes it as a model folder, and takes it through everything that
a person does: measures it beside diffusers, draws from the panel, cancels, runs out of memory, tries the memory
policies on a card of each size, and fp8. Writes trial.json and trial.md, after each part anew, so that what was
measured before something broke is kept. On a machine without CUDA, `--model miniature-turbo` runs the same code small.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import cuda_parts as parts
import torch

PARTS = ("load", "bench", "family", "panel", "cancel", "memory", "policies", "fp8")
ABOUT = ("model", "device_name", "dtype", "torch", "diffusers")
NOT_MEASURED = "not measured"


def main(argv: list[str] | None = None) -> int:
    """Run the parts that were asked for; gives 0 where all went well."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("trial"), help="folder of trial.json and trial.md")
    parser.add_argument("--model", default="z-image-turbo", help="whose architecture is built")
    parser.add_argument("--device", default=None, help="default: CUDA where there is one")
    parser.add_argument(
        "--sizes", default=None, help="edges in pixels, with commas (default: 512,1024, or the model's)"
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument(
        "--home", type=Path, default=None, help="where the model is written (21 GB; default: temporary)"
    )
    arguments = parser.parse_args(argv)
    wanted = arguments.parts.split(",")
    unknown = set(wanted) - set(PARTS)
    if unknown:
        parser.error(f"unknown parts {sorted(unknown)}; there are {', '.join(PARTS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="zimage-lab-trial-") as folder:
        home = arguments.home or Path(folder)
        os.environ["ZIMAGE_LAB_HOME"] = str(home)
        trial = parts.Trial(
            home=home,
            model=arguments.model,
            device=arguments.device,
            sizes=[int(edge) for edge in arguments.sizes.split(",")] if arguments.sizes else None,
            runs=arguments.runs,
            steps=arguments.steps,
        )
        results: dict[str, Any] = {"command": ["python", "tests/cuda_trial.py", *(argv or sys.argv[1:])]}
        well = _run("build", trial.build, results, arguments.out)
        for name in wanted if well else []:
            well &= _run(name, getattr(trial, name), results, arguments.out)
    return 0 if well else 1


def _run(name: str, part: Any, results: dict[str, Any], out: Path) -> bool:  # noqa: ANN401 - a method of the trial
    """Run one part; what it breaks with is a result, and the next part runs all the same."""
    print(f"-- {name}", flush=True)  # noqa: T201
    began, well = time.perf_counter(), True
    try:
        results[name] = part()
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        results[name], well = {"error": f"{type(error).__name__}: {error}"[:500]}, False
    results.setdefault("seconds", {})[name] = round(time.perf_counter() - began, 1)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    (out / "trial.json").write_text(json.dumps(results, indent=1, default=str), encoding="utf-8")
    (out / "trial.md").write_text(markdown(results), encoding="utf-8")
    return well


def markdown(results: dict[str, Any]) -> str:
    """Give the tables for BENCHMARKS.md."""
    build = results.get("build", {})
    lines = [
        ", ".join(f"{name.replace('_', ' ')} {build.get(name, '?')}" for name in ABOUT)
        + f"; random weights; `{' '.join(results['command'])}`",
        "",
        *_speed(results.get("bench", {})),
        "| what | measured |",
        "| --- | --- |",
    ]
    for name in ("load", "panel", "cancel", "memory", "fp8"):
        found = results.get(name, NOT_MEASURED)
        for key, value in found.items() if isinstance(found, dict) else [("all", found)]:
            lines.append(f"| {name}: {key.replace('_', ' ')} | {_shown(value)} |")
    lines += ["", *_family(results.get("family", {})), "", *_policies(results.get("policies", {}))]
    return "\n".join(lines) + "\n"


def _speed(reports: Any) -> list[str]:  # noqa: ANN401 - the part's result, or its error
    if not isinstance(reports, list):
        return [f"Speed: {reports.get('error', NOT_MEASURED)}", ""]
    lines = [
        "| size | pictures | way | seconds | denoise TFLOP/s | of the matrix rate | peak | against diffusers | PSNR |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for report in reports:
        against = {row["name"]: row for row in report["against"]}
        for way in report["ways"]:
            row = against.get(way["name"])
            last = [f"{row['speedup']:.2f} times", f"{row['psnr'] or float('inf'):.1f} dB"] if row else ["", ""]
            figures = [
                f"{report['width']} x {report['height']}",
                str(report["seeds"]),
                way["name"],
                f"{way['seconds']:.3f} ({way['lowest']:.3f}..{way['highest']:.3f})",
                f"{way['denoise_tflops']:.3g}",
                f"{way['denoise_fraction']:.0%} of {report['matrix_tflops']:.3g}",
                _gigabytes(way["peak_bytes"]),
                *last,
            ]
            lines.append(f"| {' | '.join(figures)} |")
    return [*lines, ""]


def _family(rows: Any) -> list[str]:  # noqa: ANN401 - the part's result, or its error
    if not isinstance(rows, list):
        return [f"Family: {rows.get('error', NOT_MEASURED)}"]
    lines = ["| model | size | steps | seconds | peak | TFLOP | of the matrix rate |", "| --- " * 7 + "|"]
    for row in rows:
        figures = [row["model"], f"{row['size']} x {row['size']}"]
        if "error" in row:
            figures += [str(row["error"]), *[NOT_MEASURED] * 4]
        else:
            figures += [str(row["steps"]), _shown(row["seconds"]), _gigabytes(row["peak"])]
            figures += [f"{row['tflop']:.3g}", f"{row['fraction']:.0%}"]
        lines.append(f"| {' | '.join(figures)} |")
    return lines


def _policies(rows: Any) -> list[str]:  # noqa: ANN401 - the part's result, or its error
    if not isinstance(rows, list):
        return [f"Policies: {rows.get('error', NOT_MEASURED)}"]
    lines = [
        "| card | policy | new prompt | prompt seen before | peak allocated | peak reserved | note |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        figures = [
            f"{row['card_gb']} GB" if row["card_gb"] else "the whole",
            str(row["policy"]),
            _shown(row.get("new")),
            _shown(row.get("again")),
            _gigabytes(row.get("allocated")),
            _gigabytes(row.get("reserved")),
            str(row.get("error") or ""),
        ]
        lines.append(f"| {' | '.join(figures)} |")
    return lines


def _shown(value: object) -> str:
    return f"{value:.3f} s" if isinstance(value, float) else NOT_MEASURED if value is None else str(value)


def _gigabytes(count: float | None) -> str:
    return NOT_MEASURED if count is None else f"{count / 1e9:.2f} GB"


if __name__ == "__main__":
    raise SystemExit(main())
