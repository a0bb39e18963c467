"""A job's life in the frames of ComfyUI's websocket, in the order in which its clients expect them.

execution_start, execution_cached, then for each node executing, progress and executed, then execution_success, status,
and at last `executing` of no node, on which most clients wait. What the engine tells of a plain text-to-image job are
its stages: each is told as the nodes that do that work in the client's graph.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Any

from zimage_lab.api import graphs

if TYPE_CHECKING:
    from zimage_lab.api.bridge import Heard
    from zimage_lab.store.prompts import PromptRow

PREVIEW, JPEG = 1, 1  # kinds of a binary frame, and of its picture
STAGES = ("loading", "encoding", "denoising", "decoding", "saving")
ENDS = {"failed", "cancelled", "invalid_output", "quarantined"}


def frame(kind: str, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the frame tells
    """Give a frame."""
    return {"type": kind, "data": data}


def status(remaining: int, sid: str | None = None) -> dict[str, Any]:
    """Give the frame that tells how much there is to do."""
    told: dict[str, Any] = {"status": {"exec_info": {"queue_remaining": remaining}}}
    return {"type": "status", "data": told if sid is None else {**told, "sid": sid}}


def preview(jpeg: bytes) -> bytes:
    """Give the binary frame of a preview."""
    return struct.pack(">II", PREVIEW, JPEG) + jpeg


class Following:
    """Tells one prompt's client how far it is.

    Parameters
    ----------
    prompt
        The prompt.
    """

    def __init__(self, prompt: PromptRow) -> None:
        self.id = prompt.id
        self._graph = prompt.told.get("graph") or {}
        self._waiting = graphs.in_order(self._graph)
        self._begun = False
        self._node: str | None = None
        self.ended, self._late = False, prompt.done

    def hear(self, heard: Heard) -> list[dict[str, Any] | bytes]:
        """Give the frames for what happened; the end is told by `end`, when its pictures have names.

        Of a prompt that was done before anything was heard of it, `end` tells the whole life.
        """
        if self.ended or self._late:
            return []
        if heard.kind == "state":
            return self._begin() if heard.data.get("state") == "running" else []
        frames = self._begin()
        if heard.kind == "step":
            frames += self._step(heard.data)
        elif heard.kind == "node":
            frames += self._told_node(heard.data)
        elif heard.kind == "preview" and heard.blob:
            frames.append(preview(heard.blob))
        return frames

    def end(
        self, state: str, error: str | None, files: dict[str, list[dict[str, str]]]
    ) -> list[dict[str, Any] | bytes]:
        """Give the frames of the end, but for the status and the last one."""
        if self.ended:
            return []
        self.ended = True
        frames = self._begin() if state != "cancelled" else []
        if state in ENDS:
            return [*frames, self._failure(state, error)]
        frames += self._up_to(len(STAGES))
        for node, pictures in files.items():
            told = {"node": node, "display_node": node, "output": {"images": pictures}, "prompt_id": self.id}
            frames.append({"type": "executed", "data": told})
        return [*frames, frame("execution_success", prompt_id=self.id, timestamp=_now())]

    def last(self) -> dict[str, Any]:
        """Give the frame on which clients wait."""
        return frame("executing", node=None, display_node=None, prompt_id=self.id)

    def _begin(self) -> list[dict[str, Any] | bytes]:
        if self._begun:
            return []
        self._begun = True
        return [
            frame("execution_start", prompt_id=self.id, timestamp=_now()),
            frame("execution_cached", nodes=[], prompt_id=self.id, timestamp=_now()),
        ]

    def _step(self, data: dict[str, Any]) -> list[dict[str, Any] | bytes]:
        if data.get("node") is not None:  # a graph's own node tells of itself
            node, value, most = str(data["node"]), data.get("value", 0), data.get("max", 0)
            frames = self._executing(node)
        else:
            stage = str(data.get("stage"))
            frames = self._up_to(STAGES.index(stage) + 1 if stage in STAGES else 0)
            node, value, most = self._node or "", data.get("step", 0), data.get("steps", 0)
            if stage != "denoising" or not node:
                return frames
        return [*frames, frame("progress", value=value, max=most, prompt_id=self.id, node=node)]

    def _told_node(self, data: dict[str, Any]) -> list[dict[str, Any] | bytes]:
        if data.get("state") == "executing":
            return self._executing(str(data.get("node")))
        if data.get("state") == "cached":
            nodes = [str(node) for node in data.get("nodes", ())]
            self._waiting = [node for node in self._waiting if node not in nodes]
            return [frame("execution_cached", nodes=nodes, prompt_id=self.id, timestamp=_now())] if nodes else []
        return []

    def _up_to(self, stage: int) -> list[dict[str, Any] | bytes]:
        """Tell of the nodes that are at work up to a stage, each once and in the order of the graph."""
        frames: list[dict[str, Any] | bytes] = []
        while self._waiting and STAGES.index(graphs.stage_of(self._graph, self._waiting[0])) < stage:
            frames += self._executing(self._waiting[0])
        return frames

    def _executing(self, node: str) -> list[dict[str, Any] | bytes]:
        if node == self._node:
            return []
        self._node = node
        if node in self._waiting:
            self._waiting.remove(node)
        return [frame("executing", node=node, display_node=node, prompt_id=self.id)]

    def _failure(self, state: str, error: str | None) -> dict[str, Any]:
        node = self._node or next(iter(self._graph), "")
        about: dict[str, Any] = {"prompt_id": self.id, "node_id": node, "executed": [], "timestamp": _now()}
        about["node_type"] = self._graph.get(node, {}).get("class_type", "")
        if state == "cancelled":
            return {"type": "execution_interrupted", "data": about}
        told = {"exception_message": error or state, "exception_type": state, "traceback": []}
        return {"type": "execution_error", "data": {**about, **told, "current_inputs": {}, "current_outputs": []}}


def _now() -> int:
    return int(time.time() * 1000)
