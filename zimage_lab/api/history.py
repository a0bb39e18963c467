"""What was done, as ComfyUI's clients read it: entries of the history, lines of the queue, jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from zimage_lab.api import graphs

if TYPE_CHECKING:
    from zimage_lab.api.service import Service
    from zimage_lab.store.prompts import PromptRow


def line(prompt: PromptRow) -> list[Any]:
    """Give a prompt as a line of the queue: number, id, graph, extra data, outputs."""
    told = prompt.told
    return [prompt.number, prompt.id, told.get("graph", {}), told.get("extra_data", {}), told.get("outputs", [])]


def files(prompt: PromptRow, service: Service) -> dict[str, list[dict[str, str]]]:
    """Give the names of an ended prompt's pictures by node; named at the first look."""
    named: dict[str, list[dict[str, str]]] | None = prompt.told.get("files")
    if named is not None or not prompt.done:
        return named or {}
    return service.prompts.name(prompt.id, graphs.made(prompt, service.home))


def entry(prompt: PromptRow, service: Service) -> dict[str, Any]:
    """Give an ended prompt as an entry of the history."""
    outputs = {node: {"images": pictures} for node, pictures in files(prompt, service).items()}
    return {
        "prompt": line(prompt),
        "outputs": outputs,
        "status": {
            "status_str": "success" if prompt.state == "completed" else "error",
            "completed": prompt.state == "completed",
            "messages": _messages(prompt),
        },
        "meta": {
            node: {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node} for node in outputs
        },
    }


def job(prompt: PromptRow, service: Service) -> dict[str, Any]:
    """Give a prompt as the newer `/api/jobs` tells it."""
    named = files(prompt, service) if prompt.done else {}
    first = next(({**pictures[0], "nodeId": node} for node, pictures in named.items() if pictures), None)
    error = next((row.error for row in prompt.jobs if row.error), None)
    return {
        "id": prompt.id,
        "status": prompt.state,
        "priority": prompt.number,
        "create_time": _milliseconds(prompt.created_at),
        "execution_start_time": _milliseconds(prompt.jobs[0].started_at if prompt.jobs else None),
        "execution_end_time": _milliseconds(prompt.jobs[-1].finished_at if prompt.jobs else None),
        "execution_error": None if error is None else {"exception_message": error},
        "outputs_count": sum(len(pictures) for pictures in named.values()),
        "preview_output": first,
        "workflow_id": None,
    }


def _messages(prompt: PromptRow) -> list[list[Any]]:
    begun = next((row.started_at for row in prompt.jobs if row.started_at), None)
    ended = prompt.jobs[-1].finished_at if prompt.jobs else None
    told: list[list[Any]] = []
    if begun is not None:
        about = {"prompt_id": prompt.id, "timestamp": _milliseconds(begun)}
        told = [["execution_start", about], ["execution_cached", {"nodes": [], **about}]]
    about = {"prompt_id": prompt.id, "timestamp": _milliseconds(ended)}
    if prompt.state == "completed":
        return [*told, ["execution_success", about]]
    if prompt.state == "cancelled":
        return [*told, ["execution_interrupted", {**about, "node_id": "", "node_type": "", "executed": []}]]
    error = next((row.error for row in prompt.jobs if row.error), "It failed.")
    failed = {"exception_message": error, "exception_type": "failed", "traceback": [], "node_id": "", "node_type": ""}
    return [*told, ["execution_error", {**about, **failed, "executed": []}]]


def _milliseconds(time: str | None) -> int | None:
    return None if time is None else int(datetime.fromisoformat(time).timestamp() * 1000)
