"""A graph as a person holds it: read, changed, checked, run, written as code."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from zimage_lab import models
from zimage_lab.errors import InvalidRequest, UnknownModel, shown, suggestion
from zimage_lab.graph import api_graph
from zimage_lab.home import home as usual
from zimage_lab.result import GeneratedImage
from zimage_lab.store.records import Records
from zimage_lab.workflow import code, reading, registry, summary, validation
from zimage_lab.workflow.errors import Errors, InvalidWorkflow
from zimage_lab.workflow.given import Named

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from PIL import Image

    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.events import Event
    from zimage_lab.engine.job import Job
    from zimage_lab.recipe import RunRecord
    from zimage_lab.request import GenerationRequest

LOOK = 0.05
"""Seconds between two questions whether a run shall go on."""

_OUTPUTS = ("SaveImage", "PreviewImage")


class Workflow:
    """A ComfyUI graph.

    Parameters
    ----------
    graph
        Nodes by their ids, as `load` reads them.

    Attributes
    ----------
    graph
        The nodes in ComfyUI's API format: `class_type`, `inputs`, perhaps `_meta`.
    """

    def __init__(self, graph: dict[str, dict[str, Any]]) -> None:
        self.graph = graph

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes | dict[str, Any], *, canvas: bool = True) -> Self:
        """Read a graph.

        Parameters
        ----------
        source
            A path of a ``.json`` or of a ``.png`` with a graph in it, the bytes of either, JSON text, or a dictionary,
            in the API format, or in the UI format, whose subgraphs are taken apart.
        canvas
            Whether the UI format is taken, too.

        Raises
        ------
        InvalidRequest
            It is no graph. What is wrong with its nodes, `validate` says.
        """
        graph = reading.read(source, from_canvas=canvas)
        return cls(copy.deepcopy(graph) if isinstance(source, dict) else graph)

    @classmethod
    def from_request(cls, request: GenerationRequest) -> Self:
        """Give the graph with which ComfyUI draws a request."""
        return cls(reading.read(api_graph(request)))

    def __repr__(self) -> str:
        kinds = ", ".join(dict.fromkeys(str(node["class_type"]) for node in self.graph.values()))
        return f"Workflow({len(self.graph)} nodes: {kinds[:200]})"

    def to_json(self) -> str:
        """Give the graph in the API format, indented."""
        return json.dumps(self.graph, ensure_ascii=False, indent=2)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the graph in the API format."""
        place = Path(path).expanduser().absolute()
        place.write_text(self.to_json() + "\n", encoding="utf-8")
        return place

    def to_code(self) -> str:
        """Give a notebook cell that makes and runs the graph; no text in it can become code."""
        return code.written(self.graph)

    def set(self, name: str, value: object) -> Self:
        """Change an input.

        Parameters
        ----------
        name
            ``"6.text"``: a node's id and the input; ``"Positive prompt.text"`` by its title, where no other has it.
        value
            What stands in the graph: a value, or ``["4", 0]`` for a link.

        Raises
        ------
        InvalidRequest
            There is no such node or input.
        """
        node, field = self._input(name)
        reading.bounded({"value": value})
        node["inputs"][field] = value
        return self

    def get(self, name: str) -> Any:  # noqa: ANN401 - whatever stands there
        """Give an input, named as for `set`."""
        node, field = self._input(name)
        return node["inputs"].get(field)

    def validate(self, home: Path | None = None, images: Mapping[str, Any] | None = None) -> Errors:
        """Check the graph as ComfyUI does, and, where it is plain text to image, against the model's card.

        Parameters
        ----------
        home
            The home folder; None takes the usual one.
        images
            Names of pictures that it loads, and the pictures.
        """
        return self.plan(home, images)[0]

    def request(self, home: Path | None = None, images: Mapping[str, Any] | None = None) -> GenerationRequest | None:
        """Give the request of a graph that is plain text to image; None for another, or a wrong one."""
        errors, asked = self.plan(home, images)
        return None if errors or asked is None or asked.workflow is not None else asked

    def job_request(self, home: Path | None = None, images: Mapping[str, Any] | None = None) -> GenerationRequest:
        """Give what is put into the queue, for any graph that can run.

        Raises
        ------
        InvalidWorkflow
            Nothing of it can run.
        """
        return self._queued(home, images)[0]

    def plan(
        self, home: Path | None = None, images: Mapping[str, Any] | None = None
    ) -> tuple[Errors, GenerationRequest | None]:
        """Give what `validate` and `job_request` say, from one look: no request where nothing can run."""
        pictures = Named(home, images)
        errors, graph = validation.checked(reading.read(self.graph), home, pictures)
        if errors:
            return errors, None
        where: dict[str, str] = {}
        try:
            plain = summary.request(graph, home)
            asked, where = plain if plain is not None else (summary.told(graph, home, pictures), {})
            card = asked.replace(workflow=None) if plain is None else asked
            errors.warnings = [*summary.notes(graph, home), *models.check(card, place=home)]
        except UnknownModel:
            raise
        except InvalidRequest as error:
            return validation.refused(errors, graph, where.get(error.field), str(error)), None
        return errors, asked

    def submit(self, engine: Desk, *, images: Mapping[str, Any] | None = None, **options: Any) -> Job:  # noqa: ANN401 - those of `Engine.submit`
        """Put the graph into an engine's queue and return at once.

        Parameters
        ----------
        engine
            The engine, or one that is attached to another process.
        images
            Names of pictures that the graph loads, and the pictures: paths, bytes, PIL's, or hashes of stored ones.
        options
            key, priority, parent_id, name, source, pin of `Engine.submit`.

        Raises
        ------
        InvalidWorkflow
            Nothing of it can run; its `errors` are ComfyUI's.
        QueueFull, EngineStopped
            As `Engine.submit` does.
        """
        request, errors = self._queued(engine.home, images)
        job = engine.submit(request, **options)
        job.warnings[:] = list(dict.fromkeys([*errors.warnings, *job.warnings]))
        return job

    def results(self, job_id: str, home: Path | None = None) -> dict[str, list[RunRecord]]:
        """Give the records of what a job of this graph made, by output node."""
        with Records(usual() if home is None else home) as records:
            made = [one for one in records.by_job(job_id) if one.state == "succeeded" and one.image is not None]
        found: dict[str, list[RunRecord]] = {}
        for record in sorted(made, key=lambda one: 0 if one.output is None else one.output.index):
            found.setdefault(self._output(home) if record.output is None else record.output.node, []).append(record)
        return found

    def run(
        self,
        engine: Desk | None = None,
        *,
        progress: Callable[[str, int, int, Image.Image | None], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        images: Mapping[str, Any] | None = None,
        **options: Any,  # noqa: ANN401 - those of `Engine.submit`
    ) -> dict[str, list[GeneratedImage]]:
        """Run the graph and wait for its pictures.

        Parameters
        ----------
        engine
            Where; None loads one.
        progress
            Called with a node's id, the steps that are done, all steps, and the latest preview or None.
        cancelled
            Asked now and then; true cancels the job.
        images, options
            As for `submit`.

        Returns
        -------
        dict
            By the id of each output node the pictures that it saved or showed.

        Raises
        ------
        InvalidWorkflow, Cancelled, InvalidOutput, JobFailed
            It cannot run, was stopped, or failed.
        """
        if engine is None:
            from zimage_lab.engine import load

            engine = load(warm=False)
        job = self.submit(engine, images=images, **options)
        unsubscribe = engine.events.subscribe(self._listener(job, progress)) if progress else None
        try:
            while cancelled is not None and not job.wait(LOOK):
                if cancelled():
                    job.cancel()
                    break
            job.result()
        finally:
            if unsubscribe is not None:
                unsubscribe()
        found = self.results(job.id, engine.home)
        return {node: [GeneratedImage.from_record(one, engine.home) for one in made] for node, made in found.items()}

    def _listener(
        self, job: Job, progress: Callable[[str, int, int, Image.Image | None], None]
    ) -> Callable[[Event], None]:
        sampler = next((n for n, node in self.graph.items() if node["class_type"] in summary.SAMPLERS), "")

        def heard(event: Event) -> None:
            if event.job == job.id and event.kind == "step" and event.data.get("stage") == "denoising":
                data = event.data
                progress(
                    str(data.get("node", sampler)),
                    int(data.get("value", data["step"])),
                    int(data.get("max", data["steps"])),
                    job.preview,
                )

        return heard

    def _output(self, home: Path | None) -> str:
        """Give the node that saves the picture of a plain graph: the one output that runs."""
        running = self.validate(home).outputs
        return (
            running[0]
            if running
            else next((number for number, node in self.graph.items() if node["class_type"] in _OUTPUTS), "")
        )

    def _queued(self, home: Path | None, images: Mapping[str, Any] | None) -> tuple[GenerationRequest, Errors]:
        errors, asked = self.plan(home, images)
        if errors or asked is None:
            raise InvalidWorkflow(errors)
        return asked, errors

    def _input(self, name: str) -> tuple[dict[str, Any], str]:
        number, _, field = name.rpartition(".")
        node = self.graph.get(number)
        if node is None:
            titled = [one for one in self.graph.values() if one.get("_meta", {}).get("title") == number]
            node = titled[0] if len(titled) == 1 else None
        if node is None:
            raise InvalidRequest(name[:100], None, f"there is no node {shown(number)}", suggestion(number, self.graph))
        described = registry.nodes().get(str(node["class_type"]))
        known = [*node["inputs"], *([one.name for one in described.inputs] if described else [])]
        if field not in known:
            what = f"{node['class_type']} has no input {shown(field)}"
            raise InvalidRequest(name[:100], None, what, suggestion(field, dict.fromkeys(known)))
        return node, field
