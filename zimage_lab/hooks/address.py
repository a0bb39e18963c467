"""Where a webhook may go: to this machine, or to an origin that the settings allow, checked by address at each call.

A name is no address: it may resolve to the machine's own network today and not tomorrow (DNS rebinding), and cloud
machines have a metadata service at 169.254.169.254. So every address of the name is looked at, and the connection goes
to one of those that were looked at. Source: OWASP, Server-Side Request Forgery Prevention Cheat Sheet,
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import SplitResult, urlsplit

from zimage_lab.errors import InvalidRequest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_CHARACTERS = 2000
PORTS = {"http": 80, "https": 443}
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 behind a translator, RFC 6052: the last 32 bits are the address that is meant."""

_URL = re.compile("[!-~]+")
ALLOW_FIX = 'Allow it in config.toml: webhook_allow = ["{}"].'


class Target(NamedTuple):
    """Where a request goes: its parts, and the only addresses that may be connected to."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return _origin(self.scheme, self.host, self.port)


class Blocked(InvalidRequest):
    """A webhook's URL leads where it may not."""


def checked_url(url: object, allow: Iterable[str]) -> SplitResult:
    """Check a webhook's URL without asking for its addresses.

    Parameters
    ----------
    url
        http or https.
    allow
        Settings' `webhook_allow`.

    Raises
    ------
    Blocked
        When it is none, or leads neither to this machine nor to an allowed origin.
    """
    field = "url"
    if not isinstance(url, str) or len(url) > URL_CHARACTERS or not _URL.fullmatch(url):
        raise Blocked(field, url, f"{shown(url)} is no URL", "Give one such as http://127.0.0.1:8000/ended.")
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise Blocked(field, url, f"{shown(url)} is no URL", "Look at its host and port.") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise Blocked(field, url, f"{shown(url)} is no URL of http or https", "Give the whole URL.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Blocked(field, url, "holds a user, a password or a fragment", "Leave it out; deliveries are signed.")
    origins, _ = allowed(allow)
    origin = _origin(parts.scheme, parts.hostname, port)
    if not _is_here(parts.hostname) and origin not in origins:
        what = f"{origin} is neither this machine nor allowed"
        raise Blocked(field, url, what, ALLOW_FIX.format(origin))
    return parts


def target(url: str, allow: Iterable[str], resolve: Callable[[str, int], list[str]] | None = None) -> Target:
    """Check a webhook's URL and every address of its host, now.

    Raises
    ------
    Blocked
        When one of them may not be called.
    OSError
        When the name cannot be resolved.
    """
    allow = tuple(allow)
    parts = checked_url(url, allow)
    host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
    addresses = (resolve or _resolved)(host, port)
    _, networks = allowed(allow)
    here = _is_here(host)
    for text in addresses:
        why = _forbidden(_meant(text), named=_literal(host) is not None, here=here, networks=networks)
        if why:
            field = "url"
            what = f"{shown(host)} leads to {text}, {why}"
            raise Blocked(field, url, what, "Name its network in webhook_allow if that is meant.")
    path = parts.path or "/"
    return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path, tuple(addresses))


def allowed(entries: Iterable[str]) -> tuple[frozenset[str], tuple[Network, ...]]:
    """Read `webhook_allow`: its origins, written alike, and its networks.

    Raises
    ------
    InvalidRequest
        When an entry is neither.
    """
    origins, networks = set(), []
    for entry in entries:
        try:
            if "://" not in entry:
                networks.append(ipaddress.ip_network(entry))
                continue
            parts = urlsplit(entry)
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            parts, port = urlsplit(""), 0
        rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username
        if parts.scheme in PORTS and parts.hostname and not rest:
            origins.add(_origin(parts.scheme, parts.hostname, port))
        else:
            field = "webhook_allow"
            what = f"{shown(entry)} is neither an origin nor a network"
            raise InvalidRequest(field, entry, what, 'Write "https://host" or "10.1.0.0/16".')
    return frozenset(origins), tuple(networks)


def _origin(scheme: str, host: str, port: int) -> str:
    shown_host = f"[{host}]" if ":" in host else host.removesuffix(".")
    return f"{scheme}://{shown_host}" + ("" if port == PORTS[scheme] else f":{port}")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_here(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" or (literal is not None and literal.is_loopback)


def _meant(text: str) -> Address:
    """Give the address that is really reached: some of IPv6 only wrap one of IPv4."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if wrapped is None and address in TRANSLATED:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return wrapped or address
    return address


def _forbidden(address: Address, *, named: bool, here: bool, networks: Iterable[Network]) -> str:
    """Say why an address may not be called; nothing where it may."""
    if here:
        return "" if address.is_loopback else "which is not this machine"
    if address.is_loopback:
        return "which is this machine under another name"
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return "which no webhook may call"
    if address.is_global or named or any(address in network for network in networks):
        return ""
    return "an address of a private network"


def _resolved(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
