"""`zimage-lab token`: keys for programs, each with an end, for some things only, and revocable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import DONE, say, say_json, table, tell

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser

DESCRIPTION = """\
Tokens for programs that come over HTTP. Scopes: read (one's own jobs, records and pictures), submit (ask for pictures,
upload, cancel one's own), admin (see everybody's, steer the whole queue). Tokens of one name share what they made."""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    import argparse

    form = argparse.RawDescriptionHelpFormatter
    top = groups.add_parser(
        "token", help="give programs access over HTTP", description=DESCRIPTION, formatter_class=form
    )
    kinds = top.add_subparsers(metavar="ACTION", required=True)
    creating = kinds.add_parser("create", help="make a token; it is printed this once")
    creating.add_argument("--name", default="program", metavar="NAME", help="whose it is (default: program)")
    creating.add_argument(
        "--scope", default="submit,read", metavar="A,B", help="read, submit, admin (default: submit,read)"
    )
    creating.add_argument("--expires", default="30d", metavar="TIME", help="how long it holds: 7d, 12h (default: 30d)")
    creating.add_argument("--per-minute", type=float, metavar="N", help="most requests a minute (default: 1200)")
    creating.add_argument("--waiting", type=int, metavar="N", help="most jobs that may wait (default: 1000)")
    listing = kinds.add_parser("list", help="list the tokens, the newest first")
    revoking = kinds.add_parser("revoke", help="shut the door to a token")
    revoking.add_argument("token", metavar="ID", help="id of a token, or its beginning")
    for parser, run in ((creating, _create), (listing, _list), (revoking, _revoke)):
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
        parser.set_defaults(run=run, parser=parser)


def _create(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from zimage_lab.api.tokens import Tokens, seconds_of
    from zimage_lab.home import home

    tokens = Tokens(home(arguments.home))
    try:
        text, row = tokens.create(
            arguments.name,
            [scope.strip() for scope in arguments.scope.split(",") if scope.strip()],
            seconds_of(arguments.expires),
            per_minute=arguments.per_minute,
            waiting=arguments.waiting,
        )
    finally:
        tokens.close()
    if arguments.json:
        say_json({**asdict(row), "token": text})
        return DONE
    say(text)
    tell(f"Token {row.id[:8]} of {row.name}: {', '.join(row.scopes)}, for {arguments.expires}. It is not shown again.")
    return DONE


def _list(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict
    from datetime import UTC, datetime

    from zimage_lab.home import home
    from zimage_lab.store.tokens import TokenStore

    with TokenStore(home(arguments.home)) as store:
        rows = store.list()
    if arguments.json:
        say_json([asdict(row) for row in rows])
        return DONE
    if not rows:
        say("No token was made.")
        return DONE
    table(
        ["ID", "NAME", "SCOPES", "EXPIRES", "STATE"],
        [
            [
                row.id[:8],
                row.name,
                ",".join(row.scopes),
                datetime.fromtimestamp(row.expires_at, UTC).isoformat(timespec="minutes"),
                "valid" if row.valid else "revoked" if row.revoked_at else "expired",
            ]
            for row in rows
        ],
    )
    return DONE


def _revoke(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from zimage_lab.home import home
    from zimage_lab.store.tokens import TokenStore

    with TokenStore(home(arguments.home)) as store:
        row = store.revoke(arguments.token)
    if arguments.json:
        say_json(asdict(row))
        return DONE
    say(f"Token {row.id[:8]} of {row.name} opens nothing any more.")
    return DONE
