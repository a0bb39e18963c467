"""Trains a LoRA on a user's pictures and captions: checks everything first, keeps checkpoints, shows how it goes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab.diary import Diary
from zimage_lab.errors import InvalidRequest, ModelLoadError, shown
from zimage_lab.home import home as default_home
from zimage_lab.lora_training import adapter, examples
from zimage_lab.lora_training.run import Run, Settings
from zimage_lab.models import build, check, find
from zimage_lab.models.loras import FOLDER
from zimage_lab.values import checked_integer, checked_real

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from zimage_lab.models.catalog import Model

MODEL = "miniature-turbo"
"""Model that is trained on where none is named."""

STAGE, WORK = "lora", "lora-training"
RATES = {True: 2e-3, False: 1e-4}
"""Peak learning rate for a miniature and for a real model."""

SAVED = 100
"""Updates between two checkpoints."""

MOST_RANK, MOST_ALPHA, MOST_STEPS, MOST_BATCH = 512, 4096, 1_000_000, 64


def train_lora(
    pictures: str | os.PathLike[str] | Iterable[tuple[object, str]],
    *,
    model: str = MODEL,
    output: str | os.PathLike[str] | None = None,
    rank: int = 16,
    alpha: int | None = None,
    steps: int = 500,
    batch: int = 4,
    learning_rate: float | None = None,
    caption_dropout: float = 0.1,
    seed: int = 0,
    sample_prompts: Sequence[str] = (),
    sample_every: int = 100,
    device: str | None = None,
    gradient_checkpointing: bool = False,
    restart: bool = False,
    home: str | os.PathLike[str] | None = None,
    report: Callable[[str], None] = print,
) -> Path:
    """Train a LoRA on some pictures and captions.

    A training that was interrupted goes on where its last checkpoint stands when the same call is made again.

    Parameters
    ----------
    pictures
        A folder of pictures with captions, or pairs of them; see `lora_training.examples.read`.
    model
        A model of the Z-Image family that is on this machine; the base models are made for this.
    output
        Name of the LoRA in the home's `loras` folder, where `loras=["name"]` and the panel find it, or the path of a
        `.safetensors` file; None takes the name of the pictures' folder.
    rank
        Of the two thin matrices, 1 to 512.
    alpha
        The LoRA's effect is scaled by alpha over rank; None takes the rank, which is no scaling.
    steps, batch
        Number of updates, and pictures of each.
    learning_rate
        Its peak; None takes 1e-4, or 2e-3 for a miniature.
    caption_dropout
        Share of samples whose caption is left out, 0 to 1: guidance needs some.
    seed
        Where the randomness starts.
    sample_prompts
        Pictures of these are drawn before, every `sample_every` updates and at the end; none takes the first caption.
    sample_every
        Updates between two rows of samples.
    device
        As torch names it; None takes the best there is.
    gradient_checkpointing
        Compute parts twice to need less memory; for large models.
    restart
        Begin anew, and replace the LoRA where there is one of this name.
    home
        The home folder; None takes the user's.
    report
        Called with lines of progress.

    Returns
    -------
    Path of the LoRA. Its loss curve, samples and checkpoint stand in the home's `lora-training` folder.

    Raises
    ------
    InvalidRequest
        A setting or an example is wrong, the model takes no LoRA, or something of this name is there.
    ModelLoadError
        The weights are not here or cannot be read.
    """
    place = default_home() if home is None else Path(home).expanduser().absolute()
    entry = _model(model)
    rank = checked_integer("rank", rank, 1, MOST_RANK)
    shown_examples = examples.read(pictures)
    settings = Settings(
        model=entry.id,
        examples=examples.digest(shown_examples),
        rank=rank,
        alpha=rank if alpha is None else checked_integer("alpha", alpha, 1, MOST_ALPHA),
        steps=checked_integer("steps", steps, 1, MOST_STEPS),
        batch=checked_integer("batch", batch, 1, MOST_BATCH),
        learning_rate=RATES[entry.card.miniature]
        if learning_rate is None
        else checked_real("learning_rate", learning_rate, 1e-8, 1.0),
        caption_dropout=checked_real("caption_dropout", caption_dropout, 0.0, 1.0),
        seed=checked_integer("seed", seed, 0, 2**63 - 1),
    )
    every = checked_integer("sample_every", sample_every, 1, MOST_STEPS)
    prompts = [_checked(entry, text) for text in (sample_prompts or [shown_examples[0].caption])]
    target = _target(output, pictures, place)
    work = place / WORK / target.stem
    checkpoint = work / f"{STAGE}.safetensors"
    first = _begun(checkpoint, target, settings, restart=restart)
    run = Run(entry, settings, device, shown_examples, prompts, gradient_checkpointing=gradient_checkpointing)
    work.mkdir(parents=True, exist_ok=True)
    if first:
        run.take_up(checkpoint, first)
        report(f"goes on after {first} of {steps} updates")
    with Diary(work, STAGE, first=first, steps=steps, report=report, every=max(1, steps // 20)) as diary:
        if not first:
            diary.sheet(run.samples(), len(prompts), "0")
        try:
            while run.step < steps:
                loss = run.update()
                diary.note(run.step, steps, loss, batch)
                if run.step % SAVED == 0:
                    run.keep(checkpoint)
                if run.step % every == 0 or run.step == steps:
                    diary.sheet(run.samples(), len(prompts), str(run.step))
        except KeyboardInterrupt:
            if run.step > first:
                run.keep(checkpoint)
            report(f"kept after {run.step} of {steps} updates; the same call goes on from there")
            raise
    facts = {"base_model": entry.id, "rank": rank, "steps": steps, "pictures": len(shown_examples)}
    adapter.write(run.family.transformer, target, scale=settings.alpha / rank, facts=facts)
    checkpoint.unlink(missing_ok=True)
    return target


def _model(name: str) -> Model:
    entry = find(name)
    if entry.card.family != "z_image":
        field, what = "model", f"{entry.id} is of another family; LoRAs are trained on Z-Image models"
        raise InvalidRequest(field, name, what, "Choose a Z-Image model.")
    if entry.path is None:
        message = f"The weights of {entry.id} are not on this machine. Get them with: zimage-lab models get {entry.id}"
        raise ModelLoadError(message)
    return entry


def _checked(model: Model, text: str) -> str:
    """Hold the prompt of a sample against the model, before anything is trained."""
    check(build(text, seed=0, model=model.id), model)
    return text


def _target(output: str | os.PathLike[str] | None, pictures: object, place: Path) -> Path:
    if output is None:
        output = Path(str(pictures)).expanduser().absolute().name if _is_path(pictures) else STAGE
    path = Path(output).expanduser()
    if path.suffix != ".safetensors":
        path = path.with_name(f"{path.name}.safetensors")
    if path.name.startswith("."):
        field = "output"
        raise InvalidRequest(
            field, str(output), f"{shown(str(output))} is no name for a file", "Give one such as kite."
        )
    return path.absolute() if path.parent != Path() else place / FOLDER / path.name


def _is_path(value: object) -> bool:
    return isinstance(value, str) or hasattr(value, "__fspath__")


def _begun(checkpoint: Path, target: Path, settings: Settings, *, restart: bool) -> int:
    """Give the number of updates already made; refuse to lose what is there, unless `restart`."""
    if restart:
        checkpoint.unlink(missing_ok=True)
        return 0
    field, fix = "output", "Choose another name, or begin anew with restart."
    if not checkpoint.exists():
        if target.exists():
            raise InvalidRequest(field, str(target), f"there is a {target.name} already", fix)
        return 0
    state = adapter.state_of(checkpoint)
    then, now = state["settings"], asdict(settings)
    other = ["pictures" if name == "examples" else name for name in now if then.get(name) != now[name]]
    if other:
        what = f"a training of this name was begun with other {', '.join(other)}"
        raise InvalidRequest(field, target.stem, what, fix)
    return int(state["step"])
