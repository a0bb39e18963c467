"""ComfyUI's graphs: read, checked, run through the queue, written as code.

    workflow = Workflow.load("article-workflow.json")       # a path, a dict, JSON text, or a PNG that holds a graph
    workflow.set("6.text", "a red cat on the left, white background")
    workflow.validate()                                     # Errors: false where all is well
    pictures = workflow.run()                               # {"11": [GeneratedImage]}

What a face needs, an HTTP server for instance:

- `Workflow.load(graph)`: raises `InvalidRequest` only for what is no graph at all; wrong nodes are told by `validate`.
- `workflow.validate(home=None, images=None) -> Errors`: `.error` (dict or None) and `.node_errors` (dict) are what
  ComfyUI's ``POST /prompt`` answers with; true where nothing can run. Where some output is fine it is false, `.error`
  is None, `.node_errors` may hold those that are dropped, and `.outputs` lists the ids of the outputs that will run.
- `workflow.request(home=None, images=None) -> GenerationRequest | None`: the request of a graph that is plain text to
  image; None for any other.
- `workflow.job_request(home=None, images=None) -> GenerationRequest`: what is put into the queue, for any graph. For a
  plain one that request; else one whose field ``workflow`` holds the graph as canonical JSON and whose other fields
  say what its first sampler does, so that lists, search and records go on as usual. It is the one job kind there is.
- `workflow.submit(engine, images=None, **options) -> Job`: checks, and puts it into the engine's queue; options are
  those of `Engine.submit` (key, priority, source, ...). Raises `InvalidWorkflow` (with `.errors`) or `QueueFull`.
- `workflow.results(job_id, home=None) -> {node_id: [RunRecord]}`: what a job that succeeded made, by output node. A
  record's `output` says node, place, expanded `prefix` of the file's name and `kind` ("output" or "temp").
- Events of the engine, kind ``step``, of a workflow's job have ``node`` (id), ``value`` and ``max`` besides stage and
  steps; kind ``node`` has ``node`` and ``state``: "executing", "executed", "failed" or, once at the start, "cached"
  with ``nodes``. Plain graphs are ordinary requests, whose jobs have no such events.
- `workflow.run(engine=None, progress=None, cancelled=None, images=None) -> {node_id: [GeneratedImage]}`: submits and
  waits. ``progress(node_id, value, max, preview)``; ``cancelled()`` is asked now and then.
- `object_info(class_type=None, home=None) -> dict`: the answer to ``GET /object_info[/{class}]``.

Pictures that a graph loads are named; a face says which stored picture a name means: ``images={"cat.png": picture}``,
where a picture is what `engine.submit(init_image=...)` takes: a path, bytes, PIL, or the SHA-256 of a stored one.
A name that is a stored picture's SHA-256 needs no entry, and neither does a file in the home's folder ``input``.
"""

from __future__ import annotations

from zimage_lab.workflow.errors import Errors, InvalidWorkflow
from zimage_lab.workflow.inventory import object_info
from zimage_lab.workflow.node import Node, node
from zimage_lab.workflow.workflow import Workflow

__all__ = ["Errors", "InvalidWorkflow", "Node", "Workflow", "node", "object_info"]
