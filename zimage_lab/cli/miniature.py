"""`zimage-lab miniature`: measures the bundled family and trains it anew, stage by stage."""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.cli.terminal import DONE, say, say_json, table, tell
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.options import number, whole
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from PIL import Image

    from zimage_lab.cli.parser import Parser
    from zimage_lab.engine.desk import Desk
    from zimage_lab.miniature.evaluate import Tally
    from zimage_lab.miniature.questions import Question

FIRST_GUESS = 1000
"""Updates to plan for until a stage that was given minutes has seen how many fit."""

KINDS = ("single", "pair", "triple", "count", "sign", "sentence")
EDITS = ("recolour", "add", "remove", "move")
"""Kinds of prompts and of edits, as `miniature.scenes` and `.edits` name them; here so that help needs no import."""

CHANGED = ("steps", "guidance_scale", "variation")
"""Options of a request that an evaluation may change."""

ASKED = ("model", "language", "prompts", "kind", "seeds", *CHANGED, "seed")
"""Options that an evaluation's figures depend on."""

MOST_PROMPTS = 100_000
MOST_SEEDS = 100
EDGE = 128
"""Edge of a judged picture in pixels: the judge knows the world's places at this size."""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the commands to the parser."""
    parser = groups.add_parser("miniature", help="measure or train the bundled miniature models")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_evaluate(commands)
    training = commands.add_parser("train", help=f"train a miniature: {', '.join(STAGES)}")
    stages = training.add_subparsers(metavar="STAGE", required=True)
    for name, (describe, options) in STAGES.items():
        stage = stages.add_parser(name, help=describe, description=describe)
        stage.add_argument("--folder", required=True, metavar="DIR", help="working folder of all stages")
        for option, read, meaning in options:
            stage.add_argument(option, type=read, help=meaning)
        stage.set_defaults(run=train, parser=stage, stage_name=name, stage_options=[flag for flag, _, _ in options])


def _add_evaluate(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="judge pictures of prompts that were held out of training",
        description="Draw held-out prompts, make their pictures, and judge each by code that does not use the model.",
    )
    parser.add_argument("--language", required=True, choices=("en", "zh"), help="language of the prompts")
    parser.add_argument("--prompts", type=whole, default=200, metavar="N", help="number of prompts (default: 200)")
    parser.add_argument("--model", default="miniature-turbo", metavar="NAME", help="default: miniature-turbo")
    parser.add_argument("--steps", type=whole, metavar="N", help="denoising steps (default: the model's)")
    parser.add_argument("--guidance-scale", type=number, metavar="X", help="guidance (default: the model's)")
    parser.add_argument("--variation", type=number, metavar="X", help="more variety between seeds, 0 to 1 (default: 0)")
    parser.add_argument("--kind", choices=(*KINDS, *EDITS), help="only prompts of this kind (default: all in turn)")
    parser.add_argument(
        "--seeds", type=whole, default=1, metavar="N", help="pictures of each prompt; from 2 on their distance is told"
    )
    parser.add_argument("--seed", type=whole, default=7, metavar="N", help="where the drawing of prompts starts")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=evaluate, parser=parser)


def evaluate(arguments: argparse.Namespace) -> int:
    """Judge the model and print the table; its pictures leave no trace in the user's history."""
    count = checked_integer("--prompts", arguments.prompts, 1, MOST_PROMPTS)
    seed = checked_integer("--seed", arguments.seed, 0, 2**64 - 1)
    seeds = checked_integer("--seeds", arguments.seeds, 1, MOST_SEEDS)
    # What is too long for a model is cut, as its own pipeline does it: CLIP spells Chinese byte by byte.
    options: dict[str, Any] = {"model": arguments.model, "width": EDGE, "height": EDGE, "truncate": True}
    options |= {name: value for name in CHANGED if (value := getattr(arguments, name)) is not None}
    from zimage_lab import load
    from zimage_lab.miniature import evaluate as evaluation
    from zimage_lab.miniature import questions
    from zimage_lab.models import build, check, find

    card = find(arguments.model).card
    edits, request = card.reference_images[1] > 0, build("a red circle", seed=0, **options)
    if not edits:
        check(request)
    evaluation.refuse_other_world(card)
    if arguments.kind is not None and arguments.kind not in (EDITS if edits else KINDS):
        field, usual = "--kind", ", ".join(EDITS if edits else KINDS)
        raise InvalidRequest(field, arguments.kind, f"is no kind of prompt for {card.id}", f"Use one of {usual}.")
    drawn = (questions.edits if edits else questions.captions)(arguments.language, count, seed, arguments.kind)
    with tempfile.TemporaryDirectory(prefix="zimage-lab-") as home:
        engine = load(arguments.model, home=home)
        try:
            tally = evaluation.evaluate(
                _painter(engine, options), drawn, seeds=seeds, progress=_progress(count * seeds)
            )
        finally:
            engine.stop()
    _print(tally, arguments)
    return DONE


def _painter(engine: Desk, options: dict[str, Any]) -> Callable[[Question, int], Image.Image]:
    def paint(question: Question, seed: int) -> Image.Image:
        about = {} if question.given is None else {"reference_images": [question.given]}
        picture = engine.generate(question.prompt, seed=seed, **options, **about)
        image = picture.image
        if picture.path is not None:
            picture.path.unlink(missing_ok=True)  # 200 pictures are not left lying until the end
        return image

    return paint


def _progress(count: int) -> Callable[[int, Tally], None]:
    """Show the running share on one line of a terminal, or every 20 pictures in a log."""
    live = sys.stderr.isatty()

    def show(done: int, tally: Tally) -> None:
        text = f"{done}/{count}  entirely right {tally.share():.1%}"
        if live:
            sys.stderr.write(f"\r{text} " + ("\n" if done == count else ""))
            sys.stderr.flush()
        elif done % 20 == 0 or done == count:
            tell(text)

    return show


def _print(tally: Tally, arguments: argparse.Namespace) -> None:
    # A share of no pictures is nan, which JSON does not know.
    figures = {name: None if math.isnan(value) else value for name, value in tally.table().items()}
    confusions = tally.confusions()
    if arguments.json:
        asked = {name: getattr(arguments, name) for name in ASKED}
        say_json({**asked, "figures": figures, "confusions": confusions})
        return
    rows = [[name, _figure(name, value)] for name, value in figures.items()]
    table([f"{arguments.model}, {arguments.language}", ""], rows)
    if confusions:
        say("")
        table(["asked -> seen", "pictures"], [[name, str(times)] for name, times in confusions.items()])


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if name == "pictures" else f"{value:.3f}" if name == "diversity" else f"{value:.1%}"


def train(arguments: argparse.Namespace) -> int:
    """Run one stage of training, or go on with it from its last checkpoint."""
    folder = Path(arguments.folder).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        field = "--folder"
        raise InvalidRequest(field, arguments.folder, f"{shown(arguments.folder)} is a file", "Give a folder.")
    options: dict[str, Any] = {}
    for flag in arguments.stage_options:
        name = flag.removeprefix("--").replace("-", "_")
        value = getattr(arguments, name)
        if value is not None:
            options[name] = Path(value).expanduser().absolute() if flag in PATHS else _number(flag, value)
    if arguments.stage_name in {"flow", "turbo", "edit", "diffusion", "sharpen"} and "steps" not in options:
        if "minutes" not in options:
            field = "--steps"
            raise InvalidRequest(field, None, "is missing", "Give --steps N, or --minutes N.")
        options["steps"] = FIRST_GUESS
    if "family" in options:
        from zimage_lab.miniature.training.autoencoder import named

        named(arguments.stage_name, options["family"])  # an unknown one is refused before a folder is made
    folder.mkdir(parents=True, exist_ok=True)
    path = _stage(arguments.stage_name)(folder, report=tell, **options)
    say(str(path))
    return DONE


def _stage(name: str) -> Callable[..., Path]:
    from zimage_lab.miniature.training import (
        autoencoder,
        diffusion,
        edit,
        flow,
        latents,
        package,
        pairs,
        sharpen,
        turbo,
        unpack,
    )

    stages: dict[str, Callable[..., Path]] = {
        "unpack": unpack.write,
        "autoencoder": autoencoder.train,
        "latents": latents.encode,
        "flow": flow.train,
        "turbo": turbo.train,
        "pairs": pairs.encode,
        "edit": edit.train,
        "diffusion": diffusion.train,
        "sharpen": sharpen.train,
        "package": package.write,
    }
    return stages[name]


def _number(flag: str, value: object) -> object:
    """Refuse what the stage takes as a number and is none, or not above zero (a seed may be zero)."""
    if flag in TEXTS:
        return value
    least = 0 if flag == "--seed" else 1e-12
    if isinstance(value, str) or not least <= value < float("inf"):  # type: ignore[operator]
        raise InvalidRequest(flag, value, f"{shown(value)} is not a number above zero", "Give one such as 100.")
    return value


TEXTS = {"--device", "--family", "--name"}
PATHS = {"--former", "--target"}
_DEVICE = ("--device", str, "where to compute, as torch names it (default: cpu)")
_SEED = ("--seed", whole, "where the randomness starts")
_LENGTH = (
    ("--batch", whole, "samples of one update"),
    ("--learning-rate", number, "peak of the learning rate"),
    _DEVICE,
    _SEED,
)
_FAMILY = ("--family", str, "whose autoencoder: z_image (default) or stable_diffusion")
_STEPS = ("--steps", whole, "number of updates")
_MINUTES = ("--minutes", number, "fit the schedule to this much time instead")

STAGES: dict[str, tuple[str, tuple[tuple[str, Callable[[str], object], str], ...]]] = {
    "unpack": (
        "take a trained model's weights into the folder, to train on from there",
        (("--name", str, "id or path of the model (default: miniature)"),),
    ),
    "autoencoder": (
        "train an autoencoder on drawn pictures",
        (_FAMILY, _STEPS, _MINUTES, ("--pictures", whole, "pictures to draw"), *_LENGTH),
    ),
    "latents": (
        "encode the training pictures once",
        (_FAMILY, ("--pictures", whole, "pictures to draw and encode"), _DEVICE, _SEED),
    ),
    "flow": ("train transformer and text encoder by flow matching", (_STEPS, _MINUTES, *_LENGTH)),
    "turbo": (
        "distil the base model to eight steps without guidance",
        (
            _STEPS,
            _MINUTES,
            ("--guidance", number, "the teacher's guidance scale"),
            (
                "--former",
                str,
                "folder of a Turbo whose base has been trained on since: what it learned is carried over",
            ),
            *_LENGTH,
        ),
    ),
    "pairs": (
        "draw and encode pictures before and after an instruction",
        (("--pictures", whole, "pairs to draw and encode"), _DEVICE, _SEED),
    ),
    "edit": ("train the base model on to change a picture by an instruction", (_STEPS, _MINUTES, *_LENGTH)),
    "diffusion": ("train the UNet and text encoder of the miniature Stable Diffusion", (_STEPS, _MINUTES, *_LENGTH)),
    "sharpen": (
        "train the autoencoder further on whole pictures, its latents held near those of before",
        (_FAMILY, _STEPS, _MINUTES, ("--pictures", whole, "pictures to draw"), *_LENGTH),
    ),
    "package": (
        "write the trained parts as a model folder in diffusers' layout",
        (
            ("--name", str, "id of the model"),
            ("--target", str, "folder to write (default: beside the other bundled models)"),
        ),
    ),
}
"""Stages of training: what each does, and its options beside --folder."""
