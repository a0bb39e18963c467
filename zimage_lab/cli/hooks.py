"""`zimage-lab hooks`: who is told when a job ends, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.cli.terminal import DONE, say, say_json, table, tell

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser

DESCRIPTION = """\
Webhooks: a URL gets a POST of JSON when a job ended, with the header Zimage-Lab-Signature
(t=UNIX_SECONDS,v1=HMAC-SHA256 of "UNIX_SECONDS.BODY" under the secret that `add` prints).
It may be on this machine, or at an origin that config.toml allows: webhook_allow = ["https://host"].
Engines send; what could not be sent is tried again for more than an hour."""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    import argparse

    form = argparse.RawDescriptionHelpFormatter
    top = groups.add_parser(
        "hooks", help="tell other programs when a job ends", description=DESCRIPTION, formatter_class=form
    )
    kinds = top.add_subparsers(metavar="ACTION", required=True)
    adding = kinds.add_parser("add", help="have a URL told of jobs that end from now on")
    adding.add_argument("url", metavar="URL")
    adding.add_argument(
        "--states", metavar="A,B", default="succeeded", help="succeeded, failed, cancelled, invalid_output, quarantined"
    )
    removing = kinds.add_parser("remove", help="tell it nothing more")
    removing.add_argument("webhook", metavar="ID", help="id of a webhook, or its beginning")
    listing = kinds.add_parser("list", help="list the webhooks")
    logging = kinds.add_parser("log", help="list what was sent, the newest first")
    logging.add_argument("--limit", type=int, default=50, metavar="N", help="most lines (default: 50)")
    for parser, run in ((adding, _add), (removing, _remove), (listing, _list), (logging, _log)):
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--home", metavar="FOLDER", help="home folder (see zimage-lab where)")
        parser.set_defaults(run=run, parser=parser)


def _add(arguments: argparse.Namespace) -> int:
    from zimage_lab.home import home
    from zimage_lab.hooks import Webhooks
    from zimage_lab.hooks.signing import secret

    place = home(arguments.home)
    with Webhooks(place) as webhooks:
        made = webhooks.add(arguments.url, [state.strip() for state in arguments.states.split(",")])
    if arguments.json:
        say_json({"id": made.id, "url": made.url, "states": made.states, "secret": secret(place, made.id)})
        return DONE
    say(made.id)
    tell(f"Secret of its signatures: {secret(place, made.id)}")
    return DONE


def _remove(arguments: argparse.Namespace) -> int:
    from zimage_lab.home import home
    from zimage_lab.hooks import Webhooks

    with Webhooks(home(arguments.home)) as webhooks:
        say(webhooks.remove(arguments.webhook).id)
    return DONE


def _list(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from zimage_lab.home import home
    from zimage_lab.hooks import Webhooks

    with Webhooks(home(arguments.home)) as webhooks:
        found = webhooks.list()
    if arguments.json:
        say_json([asdict(one) for one in found])
        return DONE
    table(["ID", "URL", "TOLD OF"], [[one.id, one.url, ", ".join(one.states)] for one in found])
    return DONE


def _log(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from zimage_lab.home import home
    from zimage_lab.hooks import Webhooks

    with Webhooks(home(arguments.home)) as webhooks:
        found = webhooks.log(arguments.limit)
    if arguments.json:
        say_json([asdict(one) for one in found])
        return DONE
    rows = [
        [
            one.created_at[:19],
            one.state,
            str(one.tries),
            one.webhook_id[:8],
            one.job_id,
            one.job_state,
            one.error or "-",
        ]
        for one in found
    ]
    table(["CREATED", "STATE", "TRIES", "WEBHOOK", "JOB", "JOB ENDED", "WHY"], rows)
    return DONE
