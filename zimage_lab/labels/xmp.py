"""The XMP packet of a picture: RDF in XML, in which programs tell each other where a picture comes from.

Sources, facts only: XMP Specification Part 3, Storage in Files, Adobe 2016 (in a PNG: one iTXt chunk
"XML:com.adobe.xmp", uncompressed, the packet marked as read-only); ISO 16684-1 (RDF in XML). IPTC, Photo Metadata User
Guide, "Digital Source Type", https://www.iptc.org/std/photometadata/documentation/userguide/, and its vocabulary
http://cv.iptc.org/newscodes/digitalsourcetype/.
A packet may come from anybody: no document type, no entities, bounded size.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # only builds and writes; all reading is defusedxml's

from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEYWORD = b"XML:com.adobe.xmp"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
META = "adobe:ns:meta/"
BASIC = "http://ns.adobe.com/xap/1.0/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
TC260 = "http://www.tc260.org.cn/ns/AIGC/1.0/"

SOURCE_TYPE = f"{{{IPTC}}}DigitalSourceType"
CREATOR_TOOL = f"{{{BASIC}}}CreatorTool"
AIGC = f"{{{TC260}}}AIGC"

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
AI_MADE = f"{VOCABULARY}trainedAlgorithmicMedia"
"""A model that was trained on samples made the whole picture."""

_PREFIXES = {"x": META, "rdf": RDF, "xmp": BASIC, "Iptc4xmpExt": IPTC, "TC260": TC260}
DEPTH = 100
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'  # the id is the specification's
_END = '<?xpacket end="r"?>'
for _prefix, _space in _PREFIXES.items():
    ET.register_namespace(_prefix, _space)
_XML_CANNOT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class BrokenXmp(ValueError):  # noqa: N818 - it says what was found
    """The text is no XMP packet that we read."""


def packet(properties: Mapping[str, str], before: str | None = None) -> str:
    """Give a packet that says these properties.

    Parameters
    ----------
    properties
        Values by name, "{namespace}Name".
    before
        The packet that is there: what else it says is kept. One that cannot be read is replaced.
    """
    try:
        root = None if before is None else _parsed(before)
    except BrokenXmp:
        root = None
    if root is None:
        root = ET.Element(f"{{{META}}}xmpmeta")
        ET.SubElement(root, f"{{{RDF}}}RDF")
    for about in list(_descriptions(root)):
        for name in properties:
            about.attrib.pop(name, None)
            for old in about.findall(name):
                about.remove(old)
    ours = ET.SubElement(_rdf(root), f"{{{RDF}}}Description", {f"{{{RDF}}}about": ""})
    for name, value in properties.items():
        ET.SubElement(ours, name).text = _XML_CANNOT.sub("\ufffd", value)
    return f"{_BEGIN}\n{ET.tostring(root, encoding='unicode')}\n{_END}"


def properties(text: str) -> dict[str, str]:
    """Read the simple properties of a packet, by "{namespace}Name"; of one that stands twice the first.

    Raises
    ------
    BrokenXmp
        When it cannot be read.
    """
    found: dict[str, str] = {}
    for about in _descriptions(_parsed(text)):
        for name, value in about.attrib.items():
            if not name.startswith(f"{{{RDF}}}"):
                found.setdefault(name, value)
        for child in about:
            # A value is a text, or, where it is an address, often an attribute.
            value = (child.text or "").strip() or child.get(f"{{{RDF}}}resource", "")
            found.setdefault(str(child.tag), value)
    return found


def _parsed(text: str) -> ET.Element:
    try:
        # As bytes, so that no declared encoding can make the parser read other letters than we hold.
        root: ET.Element = fromstring(_bare(text).encode(), forbid_dtd=True)
        _rdf(root)
        _check_depth(root)
    except BrokenXmp:
        raise
    except Exception as error:  # expat's, defusedxml's, a surrogate: whatever it is, the packet is of no use
        message = f"it is no XML that we read ({type(error).__name__})"
        raise BrokenXmp(message) from error
    return root


def _check_depth(root: ET.Element) -> None:
    """Refuse what is nested so deeply that writing it again would end in Python's own limit."""
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > DEPTH:
            message = f"it is nested in more than {DEPTH} levels"
            raise BrokenXmp(message)
        level = [child for element in level for child in element]


def _bare(text: str) -> str:
    """Cut what may stand before the root: the packet's mark, an XML declaration with another encoding."""
    text = text.lstrip("\ufeff \t\r\n\0")
    while text.startswith("<?"):
        _, closed, rest = text.partition("?>")
        if not closed:
            break
        text = rest.lstrip("\ufeff \t\r\n")
    return text.rstrip("\0 \t\r\n")


def _rdf(root: ET.Element) -> ET.Element:
    name = f"{{{RDF}}}RDF"
    found = root if root.tag == name else root.find(name)
    if found is None:
        message = "it holds no rdf:RDF"
        raise BrokenXmp(message)
    return found


def _descriptions(root: ET.Element) -> Iterator[ET.Element]:
    yield from _rdf(root).findall(f"{{{RDF}}}Description")
