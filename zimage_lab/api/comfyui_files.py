"""Pictures in and out, for ComfyUI's clients: /view, /upload/image, /upload/mask."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from zimage_lab.api import pictures
from zimage_lab.api.comfyui_prompt import Dialect
from zimage_lab.api.problems import Problem
from zimage_lab.errors import InvalidRequest
from zimage_lab.store import inputs, names

if TYPE_CHECKING:
    from tornado.httputil import HTTPFile

UPLOAD_BYTES = 50 * 2**20
CHANNELS = ("rgba", "rgb", "a")


class ViewHandler(Dialect):
    """A picture by its name."""

    async def get(self) -> None:
        """Send it: 400 for a name that leads elsewhere, 404 for one that is not there."""
        name = self.get_query_argument("filename", "", strip=False)
        if not name or name.startswith(("/", "\\")) or ".." in name:
            raise Problem(400, "invalid_filename", "filename must be the plain name of a picture.")
        subfolder = self.get_query_argument("subfolder", "", strip=False)
        if ".." in subfolder or subfolder.startswith(("/", "\\")) or "\\" in subfolder:
            raise Problem(403, "forbidden", "subfolder leads out of the folder of pictures.")
        kind = names.checked_kind(self.get_query_argument("type", "output"))
        channel = self.get_query_argument("channel", "rgba")
        if channel not in CHANNELS:
            raise Problem(400, "invalid_channel", "channel must be rgba, rgb or a.")
        if "/" in name:  # some clients put the subfolder there
            folder, _, name = name.rpartition("/")
            subfolder = f"{subfolder.strip('/')}/{folder}".strip("/")
        target = self._target(kind, subfolder.strip("/"), name)
        preview = self.get_query_argument("preview", "")
        file = await self.service.off(pictures.of_target, self.service, target, preview, channel)
        pictures.send(self, file, name)

    def _target(self, kind: str, subfolder: str, name: str) -> str:
        try:
            target = self.service.names.find(self.identity.owner, kind, subfolder, name)
        except UnicodeEncodeError:  # a lone surrogate, which is in no name
            target = None
        if target is None:
            raise pictures.gone()
        return target


class UploadHandler(Dialect):
    """A picture is given."""

    body_limit: ClassVar[int] = UPLOAD_BYTES + 2**16

    async def post(self) -> None:
        """Keep it, under its name or one with a number."""
        fields, files = self.form()
        file = files.get("image")
        if file is None:
            raise Problem(400, "no_image", "The form has no file called image.")
        self.answer(await self.service.off(self._keep, fields, file))

    def _keep(self, fields: dict[str, str], file: HTTPFile) -> dict[str, str]:
        digest = inputs.put(self._picture(fields, file), self.service.home, "image")
        return self._named(fields, file, digest)

    def _picture(self, fields: dict[str, str], file: HTTPFile) -> Any:  # noqa: ANN401 - what `inputs.put` takes
        del fields
        return bytes(file.body)

    def _named(self, fields: dict[str, str], file: HTTPFile, digest: str) -> dict[str, str]:
        # Browsers of old send a whole path.
        plain = (
            str(file.filename).replace("\\", "/").rpartition("/")[2]
            if ".." not in str(file.filename)
            else file.filename
        )
        name = names.checked_name("image", plain)
        subfolder = names.checked_subfolder(fields.get("subfolder", ""))
        kind = names.checked_kind(fields.get("type") or "input")
        if kind == "output":
            field = "type"
            raise InvalidRequest(field, kind, "what is uploaded is no output", "Use input or temp.")
        overwrite = fields.get("overwrite", "").lower() in {"true", "1"}
        place = (self.identity.owner, kind, subfolder)
        given = self.service.names.give(*place, name, names.STORED + digest, overwrite=overwrite)
        return {"name": given, "subfolder": subfolder, "type": kind}


class MaskHandler(UploadHandler):
    """A mask is given: a picture whose opacity says what of another one is drawn anew."""

    def _picture(self, fields: dict[str, str], file: HTTPFile) -> Any:  # noqa: ANN401 - as above
        from PIL import Image

        original = self._original(fields.get("original_ref", ""))
        with inputs.read(bytes(file.body), "image") as mask:
            alpha = mask.getchannel("A") if "A" in mask.getbands() else mask.convert("L")
            if alpha.size != original.size:
                alpha = alpha.resize(original.size, Image.Resampling.NEAREST)
            merged = original.convert("RGBA")
            merged.putalpha(alpha)
        return merged

    def _original(self, text: str) -> Any:  # noqa: ANN401 - a PIL picture
        field = "original_ref"
        try:
            told = json.loads(text)
            place = (str(told.get("type") or "input"), str(told.get("subfolder") or ""), str(told["filename"]))
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            fix = 'Give {"filename": ..., "subfolder": ..., "type": ...}.'
            raise InvalidRequest(field, text, "does not name a picture", fix) from error
        target = self.service.names.find(self.identity.owner, *place)
        if target is None:
            raise pictures.gone()
        return inputs.read(pictures.of_target(self.service, target, "png", "rgba").data, field)
