"""AI labels: written without a touch on anything else, read back by others, and never believed by us."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zlib
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from fake_engine import FakeEngine, bundle
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from samples import record

import zimage_lab
from zimage_lab.cli import main
from zimage_lab.errors import InvalidRequest, LabelError
from zimage_lab.home import Settings
from zimage_lab.labels import FORMATS, Labels, encoded, label_png, png, read_labels, signature, xmp
from zimage_lab.models import catalog
from zimage_lab.result import GeneratedImage
from zimage_lab.store.images import png as our_png
from zimage_lab.store.images import read_recipe, save_png

if TYPE_CHECKING:
    from pathlib import Path

RECORD = record(size=64, seed=7)
PIXELS = Image.effect_noise((64, 64), 90).convert("RGB")
PLAIN = our_png(PIXELS, RECORD)
CN = Settings(label_producer="某公司 & <Co>")
URI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def parts(data: bytes) -> list[bytes]:
    """Cut a PNG in chunks with a reader of our own, checksums checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, position = [], 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        whole = data[position : position + length + 12]
        assert zlib.crc32(whole[4:-4]) == int.from_bytes(whole[-4:], "big")
        found.append(whole)
        position += length + 12
    assert found[-1][4:8] == b"IEND"
    return found


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def with_chunks(*chunks: bytes) -> bytes:
    """Give the plain picture with further chunks behind its head."""
    head, *rest = parts(PLAIN)
    return b"".join([PLAIN[:8], head, *chunks, *rest])


def is_packet(part: bytes) -> bool:
    return part[4:].startswith(b"iTXt" + xmp.KEYWORD + b"\0")


def itxt(text: bytes, *, packed: bool = False) -> bytes:
    body = zlib.compress(text, 9) if packed else text
    return chunk(b"iTXt", xmp.KEYWORD + b"\0" + bytes([packed]) + b"\0\0\0" + body)


def packet(inside: str, *, more: str = "") -> bytes:
    return (
        f'{more}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:i="{xmp.IPTC}" xmlns:t="{xmp.TC260}" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f"{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def labels_of(data: bytes, folder: Path) -> Labels:
    path = folder / "x.png"
    path.write_bytes(data)
    return read_labels(path)


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").tobytes()


def said(data: bytes) -> dict[str, str]:
    """Read the packet as a stranger would: Pillow finds it, and the standard library reads it."""
    with Image.open(io.BytesIO(data)) as image:
        text = image.info["xmp"].decode()
    assert text.endswith('<?xpacket end="r"?>')
    every = ET.fromstring(text).iter()  # noqa: S314 - a second opinion on what we wrote
    return {child.tag: child.text or "" for child in every if len(child) == 0}


def test_the_default_says_that_a_model_made_it(tmp_path: Path) -> None:
    labelled = label_png(PLAIN, RECORD)
    assert said(labelled)[f"{{{xmp.IPTC}}}DigitalSourceType"] == URI
    assert said(labelled)[xmp.CREATOR_TOOL] == "zimage_lab 0.1.0"
    kept, new = parts(PLAIN), parts(labelled)
    assert [part for part in new if part not in kept] == [part for part in new if xmp.KEYWORD in part]
    assert [part for part in new if part in kept] == kept
    kinds = [part[4:8] for part in new]
    assert kinds.index(b"iTXt") < kinds.index(b"IDAT")
    assert pixels(labelled) == pixels(PLAIN)
    found = labels_of(labelled, tmp_path)
    assert (found.source_type, found.says_ai, found.notes) == (URI, True, ())
    assert all(line.startswith("Unverified claim: ") for line in found.lines())
    assert read_recipe(tmp_path / "x.png") == RECORD


def test_the_chinese_field_is_json_under_its_namespace(tmp_path: Path) -> None:
    labelled = label_png(PLAIN, RECORD, ("cn",), settings=CN)
    field = json.loads(said(labelled)["{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC"])
    names = "Label ContentProducer ProduceID ReservedCode1 ContentPropagator PropagateID ReservedCode2"
    assert list(field) == names.split()
    assert (field["Label"], field["ContentProducer"], field["ProduceID"]) == ("1", "某公司 & <Co>", RECORD.id)
    found = labels_of(labelled, tmp_path)
    assert (found.cn, found.says_ai, found.source_type) == (field, True, None)
    both = label_png(labelled, RECORD)
    assert xmp.AIGC in said(both)
    assert xmp.SOURCE_TYPE in said(both)
    handed_on = Settings(label_producer="a", label_propagator="b")
    field = json.loads(said(label_png(PLAIN, RECORD, ("cn",), settings=handed_on))[xmp.AIGC])
    assert (field["ContentPropagator"], field["PropagateID"]) == ("b", RECORD.id)


def test_what_a_label_lacks_is_told() -> None:
    with pytest.raises(InvalidRequest, match=r'^label_producer: .*label_producer = "..."'):
        label_png(PLAIN, RECORD, ("cn",), settings=Settings())
    with pytest.raises(InvalidRequest, match=r"^label_producer: .*control character"):
        label_png(PLAIN, RECORD, ("cn",), settings=Settings(label_producer="a\x1b[0m"))
    with pytest.raises(InvalidRequest, match=r"^labels: 'xpm' is no kind of label. Did you mean 'xmp'"):
        label_png(PLAIN, RECORD, ("xpm",))
    assert label_png(PLAIN, RECORD, ()) is PLAIN


def test_without_the_library_or_a_certificate_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "library", lambda: None)
    with pytest.raises(LabelError, match="pip install c2pa-python"):
        label_png(PLAIN, RECORD, ("c2pa",), settings=Settings())
    monkeypatch.setattr(signature, "library", object)
    with pytest.raises(InvalidRequest, match=r"^c2pa_certificate: .* no setting names"):
        label_png(PLAIN, RECORD, ("c2pa",), settings=Settings())
    with pytest.raises(InvalidRequest, match=r"^c2pa_certificate: '/nowhere.pem' cannot be read \(No such file"):
        label_png(PLAIN, RECORD, ("c2pa",), settings=Settings(c2pa_certificate="/nowhere.pem", c2pa_key="/k"))
    with pytest.raises(InvalidRequest, match=r"^c2pa_algorithm: 'es255' is none. Did you mean 'es256'"):
        label_png(PLAIN, RECORD, ("c2pa",), settings=Settings(c2pa_algorithm="es255"))


NAMES = st.binary(min_size=4, max_size=4).map(lambda raw: bytes(97 + letter % 26 for letter in raw))
ANCILLARY = st.tuples(NAMES.filter(lambda name: name not in {b"gamb", b"idat"}), st.binary(max_size=60))
PACKETS = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.just(packet('dc:rights="mine">')),
    st.just(packet("><i:DigitalSourceType>a camera</i:DigitalSourceType>")),
    st.just(packet('i:DigitalSourceType="a camera">', more='<?xml version="1.0" encoding="UTF-16"?>')),
)


@settings(max_examples=150)
@given(
    st.lists(ANCILLARY, max_size=4),
    st.lists(st.tuples(PACKETS, st.booleans()), max_size=3),
    st.sampled_from([("xmp",), ("cn",), ("xmp", "cn")]),
)
def test_any_png_stays_itself_and_is_labelled_once(
    others: list[tuple[bytes, bytes]], packets: list[tuple[bytes, bool]], kinds: tuple[str, ...]
) -> None:
    strangers = [chunk(name[:1] + name[1:2].upper() + name[2:3].upper() + name[3:], body) for name, body in others]
    data = with_chunks(*strangers, *(itxt(text, packed=packed) for text, packed in packets))
    labelled = label_png(data, RECORD, kinds, settings=CN)
    new = parts(labelled)
    assert sum(is_packet(part) for part in new) == 1
    assert [part for part in new if not is_packet(part)] == [part for part in parts(data) if not is_packet(part)]
    assert pixels(labelled) == pixels(PLAIN)
    found = said(labelled)
    assert found.get(xmp.SOURCE_TYPE, URI) == URI or "xmp" not in kinds
    assert (xmp.AIGC in found) == ("cn" in kinds)
    assert label_png(labelled, RECORD, kinds, settings=CN) == labelled


def test_what_another_program_said_is_kept() -> None:
    data = with_chunks(itxt(packet('dc:rights="mine" i:DigitalSourceType="x"><dc:format>image/png</dc:format>')))
    text = label_png(data, RECORD)
    with Image.open(io.BytesIO(text)) as image:
        inside = image.info["xmp"].decode()
    assert "mine" in inside
    assert "image/png" in inside
    assert xmp.properties(inside)[xmp.SOURCE_TYPE] == URI


def test_a_packet_that_would_be_too_large_with_ours_gives_way(tmp_path: Path) -> None:
    data = with_chunks(itxt(packet(f"><dc:title>{'x' * (2**20 - 500)}</dc:title>")))
    assert labels_of(data, tmp_path).notes == ()
    assert labels_of(label_png(data, RECORD), tmp_path).source_type == URI


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + packet(
    "><i:DigitalSourceType>&b;</i:DigitalSourceType>"
)
HOSTILE = {
    "entities": itxt(BOMB),
    "external entity": itxt(b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + packet(">&a;")),
    "zlib bomb": itxt(b" " * 60_000_000, packed=True),
    "long": itxt(packet(">" + " " * 2**20)),
    "deep": itxt(b"<a>" * 200_000),
    "deep and closed": itxt(packet(">" + "<dc:a>" * 60_000 + "</dc:a>" * 60_000)),
    "no XML": itxt(b"\xff\xfe\x00"),
    "no RDF": itxt(b"<a/>"),
    "cut inside": chunk(b"iTXt", xmp.KEYWORD + b"\0\0"),
    "bad zlib": chunk(b"iTXt", xmp.KEYWORD + b"\0\1\0\0\0garbage"),
    "wrong checksum": itxt(packet(">"))[:-1] + b"?",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_packet_is_told_and_replaced(name: str, tmp_path: Path) -> None:
    data = with_chunks(HOSTILE[name])
    found = labels_of(data, tmp_path)
    assert not found.says_ai
    assert len(found.notes) == 1
    assert "cannot be read" in found.notes[0]
    assert labels_of(label_png(data, RECORD), tmp_path).source_type == URI


@pytest.mark.parametrize(
    "value", ["", "[]", "nothing", '{"Other": 1}', '{"Label": [1]}', '{"Label": "1", "Label": "2"}', "[" * 100_000]
)
def test_a_broken_chinese_field_is_told(value: str, tmp_path: Path) -> None:
    found = labels_of(with_chunks(itxt(packet(f"><t:AIGC>{value}</t:AIGC>"))), tmp_path)
    assert found.cn == {}
    assert any("GB 45438" in note for note in found.notes)


def test_a_forged_label_is_shown_without_acting(tmp_path: Path) -> None:
    text = "\x1b[31m red</script>"
    forged = packet(f'i:DigitalSourceType="{URI}"><t:AIGC>{json.dumps({"AIGC": {"Label": 1}})}</t:AIGC>')
    found = labels_of(with_chunks(itxt(forged), itxt(packet(">"))), tmp_path)
    assert found.cn == {"Label": "1"}
    assert "several XMP packets" in found.notes[0]
    assert "\x1b" not in str(Labels(source_type=text, creator_tool=text, cn={"Label": text}))
    assert "says nothing" in str(labels_of(PLAIN, tmp_path))


def test_no_png_is_a_sentence(tmp_path: Path) -> None:
    for name, data in {"a.png": b"", "b.png": b"GIF89a", "c.png": PLAIN[:-20], "d.png": PLAIN[:40]}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidRequest, match=r"^path: .* cannot be read"):
            read_labels(tmp_path / name)
        with pytest.raises(InvalidRequest, match=r"^picture: cannot be labelled"):
            label_png(data, RECORD)
    for path in ("nowhere.png", tmp_path, "\0"):
        with pytest.raises(InvalidRequest, match=r"^path: .* cannot be read"):
            read_labels(path)
    many = chunk(b"tEXt", b"a\0b") * (png.CHUNKS + 1)
    with pytest.raises(InvalidRequest, match="more than 100000 chunks"):
        labels_of(with_chunks(many), tmp_path)


def test_a_saved_copy_is_labelled_with_the_settings_of_its_home(tmp_path: Path) -> None:
    home = tmp_path / "lab"
    saved = save_png(PIXELS, RECORD, home)
    (home / "config.toml").write_text('label_producer = "us"', encoding="utf-8")
    inside = read_recipe(saved.path)
    image = GeneratedImage.from_record(inside, home)
    assert read_labels(image.save(tmp_path / "a.png")).source_type == URI
    assert image.save(tmp_path / "b.png", labels=()).read_bytes() == saved.path.read_bytes()
    assert read_labels(image.save(tmp_path / "c.png", labels=("xmp", "cn"))).cn["ContentProducer"] == "us"
    assert read_labels(saved.path).lines() == ["No AI label was found; that says nothing of how the picture was made."]


def test_the_shell_reads_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(label_png(PLAIN, RECORD))
    assert main(["labels", str(tmp_path / "a.png"), str(tmp_path / "b.png")]) == 0
    assert capsys.readouterr().out.count("Unverified claim: made by AI ('trainedAlgorithmicMedia').") == 2
    assert main(["labels", "--json", str(tmp_path / "a.png")]) == 0
    assert json.loads(capsys.readouterr().out)[0]["says_ai"] is True
    assert main(["labels", str(tmp_path)]) == 2


def test_the_shell_labels_its_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    fake = FakeEngine(tmp_path / "home")
    monkeypatch.setattr(zimage_lab, "load", fake.load, raising=False)
    command = ["generate", "a red circle", "--output", str(tmp_path / "a.png")]
    assert main(command) == 0
    assert read_labels(tmp_path / "a.png").source_type == URI
    assert main([*command, "--labels", "none"]) == 0
    assert not read_labels(tmp_path / "a.png").says_ai
    made = len(fake.submitted)
    capsys.readouterr()
    for labels, told in (("cn", "label_producer"), ("xmp,cm", "Use one of xmp, cn, c2pa, none"), ("", "no kind")):
        assert main([*command, "--labels", labels]) == 2
        assert told in capsys.readouterr().err
    assert main(["generate", "a red circle", "--labels", "cn"]) == 2
    assert "--output" in capsys.readouterr().err
    assert len(fake.submitted) == made
    monkeypatch.setenv("ZIMAGE_LAB_LABEL_PRODUCER", "us")
    assert main([*command, "--labels", "xmp,cn"]) == 0
    assert read_labels(tmp_path / "a.png").cn["ContentProducer"] == "us"


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Make a certificate of our own, which signs but which nobody vouches for."""
    pytest.importorskip("c2pa")
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("keys")
    (folder / "leaf.ext").write_text(
        "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=emailProtection\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n",
        encoding="ascii",
    )
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "leaf.ext", "-out", "leaf.pem"]
    for command in (
        [*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/O=Test/CN=Test CA"],
        [*new, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/O=Test studio/CN=Signer"],
        ["x509", "-req", "-in", "leaf.csr", *signed],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)  # noqa: S607
    chain = folder / "chain.pem"
    chain.write_text((folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text(), encoding="ascii")
    return Settings(c2pa_certificate=str(chain), c2pa_key=str(folder / "leaf.key"))


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_other_formats_are_signed_too(signing: Settings, tmp_path: Path, ending: str) -> None:
    with Image.open(io.BytesIO(PLAIN)) as image:
        data = encoded(image, RECORD, "a", FORMATS[ending], ("c2pa", "xmp"), settings=signing)
    path = tmp_path / f"a{ending}"
    path.write_bytes(data)
    found = read_labels(path)
    assert found.source_type == URI
    assert "signed by 'Test studio': the signature fits the file" in (found.c2pa or "")


def test_a_signature_is_written_and_checked(signing: Settings, tmp_path: Path) -> None:
    signed = label_png(PLAIN, RECORD, ("c2pa", "xmp"), settings=signing)
    assert pixels(signed) == pixels(PLAIN)
    found = labels_of(signed, tmp_path)
    assert found.source_type == URI
    assert found.c2pa is not None
    assert "signed by 'Test studio': the signature fits the file" in found.c2pa
    assert label_png(signed, RECORD, ("c2pa", "xmp"), settings=signing) == signed
    with pytest.raises(InvalidRequest, match="signed already"):
        label_png(signed, RECORD, ("cn",), settings=CN)
    broken = bytearray(signed)
    broken[broken.rfind(b"IDAT") + 20] ^= 1
    assert "does not fit" in (labels_of(bytes(broken), tmp_path).c2pa or "")
    with pytest.raises(LabelError, match="cannot be signed"):
        label_png(PLAIN, RECORD, ("c2pa",), settings=signing.model_copy(update={"c2pa_key": signing.c2pa_certificate}))
