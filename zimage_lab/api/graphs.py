"""A client's graph on its way to the queue and back: checked, made one job, and its pictures named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab.api import closed
from zimage_lab.api.problems import Problem
from zimage_lab.errors import InvalidRequest
from zimage_lab.store.prompts import Made
from zimage_lab.workflow import Workflow
from zimage_lab.workflow.prefixes import expanded

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.api.identity import Identity
    from zimage_lab.api.service import Service
    from zimage_lab.request import GenerationRequest
    from zimage_lab.store.prompts import PromptRow

MOST_NODES = 2000
PREFIX = "ComfyUI"
SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")


class Plan(NamedTuple):
    """What a graph becomes: its request, the outputs that will run, and what was dropped of it."""

    request: GenerationRequest
    outputs: list[str]
    node_errors: dict[str, Any]


class Refused(Problem):
    """A graph that cannot run, in ComfyUI's own words."""

    def __init__(self, error: dict[str, Any], node_errors: dict[str, Any] | None = None) -> None:
        super().__init__(400, str(error.get("type")), str(error.get("message")))
        self.error, self.node_errors = error, node_errors or {}


def refusal(kind: str, message: str, details: str = "", **extra: object) -> Refused:
    """Give the refusal of a whole graph."""
    return Refused({"type": kind, "message": message, "details": details, "extra_info": extra})


def planned(graph: object, identity: Identity, service: Service) -> Plan:
    """Check a graph and make it a request.

    Parameters
    ----------
    graph
        As it came.
    identity, service
        Who sent it, and where.

    Raises
    ------
    Refused
        Nothing of it can run.
    """
    if not isinstance(graph, dict):
        raise refusal("no_prompt", "No prompt provided", "The field prompt holds no graph.")
    if len(graph) > MOST_NODES:
        raise refusal("prompt_outputs_failed_validation", "Too many nodes", f"At most {MOST_NODES} are taken.")
    try:
        closed.check_graph(graph, identity)
        images = closed.pictures_of(graph, identity, service.names)
        workflow = Workflow.load(graph, canvas=False)
        errors, request = workflow.plan(home=service.home, images=images)
        if request is None:
            raise Refused(errors.error or {}, errors.node_errors)
        closed.check_model(request.model, identity, service.home)
    except InvalidRequest as error:
        raise refusal("prompt_outputs_failed_validation", "Prompt outputs failed validation", str(error)) from error
    return Plan(request, errors.outputs, errors.node_errors)


def made(prompt: PromptRow, home: Path) -> list[Made]:
    """List the pictures that an ended prompt made, each with what its name begins with."""
    graph = prompt.told.get("graph") or {}
    if not graph or any(job.state != "succeeded" for job in prompt.jobs):
        return []
    workflow, found = Workflow.load(graph), []
    for job in prompt.jobs:
        for node, records in workflow.results(job.id, home=home).items():
            for record in records:
                kind = "output" if record.output is None else record.output.kind
                wanted = record.output.prefix if record.output is not None else _prefix(graph, node, job.request)
                subfolder, _, prefix = (wanted or PREFIX).rpartition("/")
                found.append(Made(node, kind, subfolder, prefix, record.id))
    return found


def _prefix(graph: dict[str, Any], node: str, request: GenerationRequest) -> str:
    prefix = graph.get(node, {}).get("inputs", {}).get("filename_prefix", PREFIX)
    return expanded(str(prefix), graph, (request.width, request.height))


def in_order(graph: dict[str, Any]) -> list[str]:
    """List the nodes of a graph, each behind those that it takes something from."""
    waits = {node: {source for source in _sources(told) if source in graph} for node, told in graph.items()}
    done: dict[str, None] = {}
    while len(done) < len(waits):
        ready = [node for node, sources in waits.items() if node not in done and sources <= done.keys()]
        if not ready:  # a graph that runs has no circle
            break
        done.update(dict.fromkeys(ready))
    return list(done)


def stage_of(graph: dict[str, Any], node: str) -> str:
    """Tell at which stage of a plain text-to-image job a node is at work."""
    kind = str(graph.get(node, {}).get("class_type"))
    if kind in SAMPLERS:
        return "denoising"
    if kind.startswith(("CLIPText", "Conditioning")):
        return "encoding"
    if kind.startswith("VAEDecode"):
        return "decoding"
    return "saving" if kind in {"SaveImage", "PreviewImage"} else "loading"


def _sources(told: dict[str, Any]) -> set[str]:
    given = told.get("inputs", {})
    return {value[0] for value in given.values() if isinstance(value, list) and value and isinstance(value[0], str)}
