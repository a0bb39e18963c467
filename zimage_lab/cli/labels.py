"""`zimage-lab labels`: what pictures say of themselves, to be believed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.cli.terminal import DONE, say, say_json

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser

DESCRIPTION = """\
Read the AI labels of PNG, JPEG and WebP files, also of other programs. They are claims that anybody can write or
remove, and are shown as such; only a C2PA signature is checked, where c2pa-python is installed.

`zimage-lab generate --output` writes xmp (IPTC: made by a trained model), and with --labels
  cn    the field of GB 45438-2025; config.toml names the maker: label_producer = "..."
  c2pa  a signed manifest; config.toml names c2pa_certificate and c2pa_key, both PEM files
  none  nothing"""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    import argparse

    parser = groups.add_parser(
        "labels",
        help="read the AI labels of pictures",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="pictures of anybody")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what each file claims."""
    from dataclasses import asdict

    from zimage_lab.labels import read_labels

    found = [(file, read_labels(file)) for file in arguments.files]
    if arguments.json:
        say_json([{"file": file, "says_ai": one.says_ai, **asdict(one)} for file, one in found])
        return DONE
    for file, one in found:
        for line in one.lines():
            say(line if len(found) == 1 else f"{file}: {line}")
    return DONE
