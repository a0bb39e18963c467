"""The signed manifest of C2PA: a label that can be checked, made with the user's own certificate and key.

The library is an extra (`pip install c2pa-python`), and the certificate is the user's: without them nothing is signed.
Sources, facts only: C2PA Technical Specification 2.2, https://spec.c2pa.org/ (action c2pa.created with
digitalSourceType; in a PNG the manifest is a chunk caBX before IDAT); c2pa-python 0.38,
https://github.com/contentauth/c2pa-python (Signer.from_info, Builder.sign, Reader).
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, LabelError, shown, suggestion
from zimage_lab.labels.xmp import AI_MADE

if TYPE_CHECKING:
    from zimage_lab.home import Settings
    from zimage_lab.recipe import RunRecord

CHUNK = b"caBX"
BOX = b"jumdc2pa"
"""How a manifest's outermost box describes itself, in every kind of file (ISO 19566-5; C2PA 2.2, 11.1.4.2)."""

ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
PEM_BYTES = 2**20
PNG = "image/png"
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
"""A stranger's picture must not make this machine call an address that it names."""


def library() -> Any | None:  # noqa: ANN401 - a module that may be missing, without types
    """Give the library where it is installed and loads."""
    try:
        import c2pa
    except (ImportError, OSError, RuntimeError):  # it is a native library under a thin cover
        return None
    return c2pa


def sign(data: bytes, record: RunRecord, settings: Settings, mime: str = PNG) -> bytes:
    """Give the picture with a signed manifest that says that a trained model made it.

    Parameters
    ----------
    data
        The file.
    record
        How it was made.
    settings
        Who signs.
    mime
        What kind of file it is.

    Raises
    ------
    InvalidRequest
        When certificate or key are not in the settings, or cannot be read.
    LabelError
        When the library is missing or refuses to sign.
    """
    manifest = {
        "claim_generator_info": [{"name": "zimage_lab", "version": record.environment.zimage_lab}],
        "format": mime,
        "title": f"{record.id}.{mime.removeprefix('image/')}",
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [
                        {
                            "action": "c2pa.created",
                            "digitalSourceType": AI_MADE,
                            "softwareAgent": {"name": "zimage_lab", "version": record.environment.zimage_lab},
                        }
                    ]
                },
            }
        ],
    }
    signed = io.BytesIO()
    with signer(settings) as by:
        try:
            c2pa = _needed()
            with _offline(c2pa) as context, c2pa.Builder(json.dumps(manifest), context=context) as builder:
                builder.sign(by, mime, io.BytesIO(data), signed)
        except Exception as error:  # the library's own, and those of its streams
            raise _refused(error) from error
    return signed.getvalue()


def signer(settings: Settings) -> Any:  # noqa: ANN401 - c2pa.Signer, without types
    """Give what signs, from the user's files; whoever takes it closes it."""
    c2pa = _needed()
    algorithm = settings.c2pa_algorithm.lower()
    if algorithm not in ALGORITHMS:
        field = "c2pa_algorithm"
        raise InvalidRequest(field, algorithm, f"{shown(algorithm)} is none", suggestion(algorithm, ALGORITHMS))
    certificate = _pem("c2pa_certificate", settings.c2pa_certificate)
    key = _pem("c2pa_key", settings.c2pa_key)
    try:
        # Without a time stamp's address: nothing of a picture leaves the machine for its label.
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, certificate, key, None))
    except Exception as error:
        raise _refused(error) from error


def checked(path: Path, mime: str = PNG) -> str:
    """Say, in a sentence, what the library finds in a picture that carries a manifest."""
    c2pa = library()
    if c2pa is None:
        return "A C2PA manifest is there and was not checked: install c2pa-python for that."
    try:
        with path.open("rb") as file, _offline(c2pa) as context, c2pa.Reader(mime, file, context=context) as reader:
            state = str(reader.get_validation_state() or "unknown")
            active = reader.get_active_manifest() or {}
    except Exception as error:  # noqa: BLE001 - a stranger's file: whatever it does to the library is told
        return f"A C2PA manifest is there and cannot be read ({shown(str(error))})."
    issuer = (active.get("signature_info") or {}).get("issuer")
    by = f", signed by {shown(issuer)}" if isinstance(issuer, str) else ""
    told = {
        "Trusted": "the signature fits the file, and its certificate is on the library's list of trust",
        "Valid": "the signature fits the file, and nobody vouches for its certificate",
        "Invalid": "the signature does not fit: the file was changed or the manifest was made badly",
    }
    return f"C2PA{by}: {told.get(state, f'the library says {shown(state)}')}."


def _offline(c2pa: Any) -> Any:  # noqa: ANN401 - c2pa.Context, without types
    return c2pa.Context(settings=c2pa.Settings.from_dict(OFFLINE))


def _needed() -> Any:  # noqa: ANN401 - the module, without types
    c2pa = library()
    if c2pa is None:
        message = "The label c2pa needs the library c2pa-python, which is not here. Run: pip install c2pa-python"
        raise LabelError(message)
    return c2pa


def _pem(field: str, name: str | None) -> bytes:
    if not name:
        what = "the label c2pa signs with your certificate and key, and no setting names them"
        fix = 'Write c2pa_certificate = "chain.pem" and c2pa_key = "key.pem" into config.toml (see zimage-lab where).'
        raise InvalidRequest(field, name, what, fix)
    try:
        path = Path(name).expanduser()
        with path.open("rb") as file:
            text = file.read(PEM_BYTES)
        text.decode("ascii")
    except (OSError, RuntimeError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no PEM file"
        raise InvalidRequest(field, name, f"{shown(name)} cannot be read ({reason})", "Give a PEM file.") from error
    return text


def _refused(error: Exception) -> LabelError:
    return LabelError(f"The picture cannot be signed: {shown(str(error))}. Look at c2pa_certificate and c2pa_key.")
