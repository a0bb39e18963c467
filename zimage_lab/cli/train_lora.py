"""`zimage-lab train-lora`: a folder of pictures and captions becomes a LoRA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.cli.terminal import DONE, say, tell
from zimage_lab.options import number, whole

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser

DESCRIPTION = """\
Train a LoRA on a folder of pictures (PNG, JPEG, WebP). Each has its caption in a .txt of the same name,
or all captions stand in metadata.jsonl with file_name and text."""

EPILOGUE = """\
zimage-lab train-lora my-pictures --model miniature --steps 500 --output kite
zimage-lab generate "a green kite, white background" --loras kite:0.8

Ctrl-C keeps what was learned; the same command goes on from there.
Loss curve and samples stand in lora-training/NAME of the home folder (see zimage-lab where)."""

OPTIONS: tuple[tuple[str, Any, str, str], ...] = (
    ("--model", str, "NAME", "model to train on (default: miniature-turbo)"),
    ("--output", str, "NAME", "name of the LoRA, or a .safetensors file (default: the folder's name)"),
    ("--rank", whole, "N", "of the two thin matrices (default: 16)"),
    ("--alpha", whole, "N", "the effect is scaled by alpha over rank (default: the rank)"),
    ("--steps", whole, "N", "number of updates (default: 500)"),
    ("--batch", whole, "N", "pictures of one update (default: 4)"),
    ("--learning-rate", number, "X", "its peak (default: 1e-4, or 2e-3 for a miniature)"),
    ("--caption-dropout", number, "X", "share of samples whose caption is left out (default: 0.1)"),
    ("--seed", whole, "N", "where the randomness starts (default: 0)"),
    ("--sample-every", whole, "N", "updates between two rows of samples (default: 100)"),
    ("--device", str, "NAME", "where to compute, as torch names it (default: the best there is)"),
    ("--home", str, "FOLDER", "folder of LoRAs and pictures (see zimage-lab where)"),
)


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    import argparse

    parser = groups.add_parser(
        "train-lora",
        help="train a LoRA on your own pictures",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pictures", metavar="FOLDER", help="folder of pictures and captions")
    for flag, read, takes, meaning in OPTIONS:
        parser.add_argument(flag, type=read, metavar=takes, help=meaning)
    parser.add_argument(
        "--sample-prompt",
        dest="sample_prompts",
        action="append",
        metavar="TEXT",
        help="draw this on the way; may be given several times (default: the first caption)",
    )
    parser.add_argument("--gradient-checkpointing", action="store_true", help="compute parts twice to need less memory")
    parser.add_argument("--restart", action="store_true", help="begin anew, and replace the LoRA of this name")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, or go on from the last checkpoint."""
    names = [flag.removeprefix("--").replace("-", "_") for flag, *_ in OPTIONS]
    names += ["sample_prompts", "gradient_checkpointing", "restart"]
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    from zimage_lab.lora_training import train_lora

    say(str(train_lora(arguments.pictures, report=tell, **given)))
    return DONE
