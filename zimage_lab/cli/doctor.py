"""`zimage-lab doctor`: looks at everything a first picture needs, and says of each thing whether and how to mend it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from zimage_lab.cli import examination
from zimage_lab.cli.terminal import DONE, FAILED, plain, say, say_json

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.examination import Finding
    from zimage_lab.cli.parser import Parser

MARKS = {"ok": "ok     ", "warning": "note   ", "problem": "PROBLEM"}
COLOURS = {"ok": "32", "warning": "33", "problem": "31"}


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    parser = groups.add_parser(
        "doctor",
        help="say what is wrong on this machine and how to mend it",
        description="Look at everything a picture needs. The exit code is 0 where all is well and 1 where it is not.",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--home", metavar="FOLDER", help="folder of pictures and records (see zimage-lab where)")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Examine one thing after the other and print each finding as soon as it is known."""
    findings = []
    for finding in examination.findings(arguments.home):
        findings.append(finding)
        if not arguments.json:
            say("\n".join(lines(finding, coloured=sys.stdout.isatty())))
            sys.stdout.flush()  # the next examination can take seconds
    problems = sum(finding.state == "problem" for finding in findings)
    if arguments.json:
        say_json({"ok": not problems, "findings": [asdict(finding) for finding in findings]})
    else:
        say("")
        say("All is well." if not problems else f"{problems} of {len(findings)} things need mending.")
    return FAILED if problems else DONE


def lines(finding: Finding, *, coloured: bool) -> list[str]:
    """Write a finding as one line, and a second one that says how to mend it."""
    mark = MARKS[finding.state]
    if coloured:
        mark = f"\x1b[{COLOURS[finding.state]}m{mark}\x1b[0m"
    written = [f"{mark}  {finding.name:<12}  {plain(finding.what)}"]
    if finding.mend:
        written.append(f"{'':<7}  {'':<12}  {plain(finding.mend)}")
    return written
