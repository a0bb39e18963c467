"""All addresses and who answers at them: one table for both homes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.api import (
    comfyui_files,
    comfyui_history,
    comfyui_info,
    comfyui_prompt,
    comfyui_socket,
    openai_images,
    openapi,
    v1_events,
    v1_jobs,
    v1_records,
    v1_sweeps,
)

if TYPE_CHECKING:
    from tornado.web import RequestHandler

Route = tuple[str, type["RequestHandler"]]

COMFYUI: tuple[Route, ...] = (
    (r"/prompt", comfyui_prompt.PromptHandler),
    (r"/queue", comfyui_prompt.QueueHandler),
    (r"/interrupt", comfyui_prompt.InterruptHandler),
    (r"/free", comfyui_prompt.FreeHandler),
    (r"/history", comfyui_history.HistoryHandler),
    (r"/history/(?P<prompt_id>[^/]+)", comfyui_history.EntryHandler),
    (r"/view", comfyui_files.ViewHandler),
    (r"/upload/image", comfyui_files.UploadHandler),
    (r"/upload/mask", comfyui_files.MaskHandler),
    (r"/object_info", comfyui_info.ObjectInfoHandler),
    (r"/object_info/(?P<kind>[^/]+)", comfyui_info.ObjectInfoHandler),
    (r"/system_stats", comfyui_info.StatsHandler),
    (r"/embeddings", comfyui_info.ListHandler),
    (r"/extensions", comfyui_info.ListHandler),
    (r"/models", comfyui_info.FoldersHandler),
    (r"/models/(?P<folder>[^/]+)", comfyui_info.FolderHandler),
    (r"/features", comfyui_info.FeaturesHandler),
    (r"/ws", comfyui_socket.SocketHandler),
)

NEWER: tuple[Route, ...] = (  # only under /api, in ComfyUI too
    (r"/api/jobs", comfyui_history.JobsHandler),
    (r"/api/jobs/(?P<prompt_id>[^/]+)", comfyui_history.JobHandler),
    (r"/api/jobs/(?P<prompt_id>[^/]+)/cancel", comfyui_history.CancelHandler),
)

OPENAI: tuple[Route, ...] = (
    (r"/v1/images/generations", openai_images.ImagesHandler),
    (r"/v1/models", v1_records.ModelsHandler),
)

OWN: tuple[Route, ...] = (
    (r"/v1/openapi.json", openapi.OpenAPIHandler),
    (r"/v1/jobs", v1_jobs.JobsHandler),
    (r"/v1/jobs/(?P<job_id>[^/]+)", v1_jobs.JobHandler),
    (r"/v1/jobs/(?P<job_id>[^/]+)/cancel", v1_jobs.CancelHandler),
    (r"/v1/queue", v1_jobs.QueueHandler),
    (r"/v1/queue/pause", v1_jobs.PauseHandler),
    (r"/v1/queue/resume", v1_jobs.ResumeHandler),
    (r"/v1/records", v1_records.RecordsHandler),
    (r"/v1/records/(?P<record_id>[^/]+)", v1_records.RecordHandler),
    (r"/v1/records/(?P<record_id>[^/]+)/image", v1_records.RecordImageHandler),
    (r"/v1/sweeps", v1_sweeps.SweepsHandler),
    (r"/v1/sweeps/(?P<name>[^/]+)", v1_sweeps.SweepHandler),
    (r"/v1/sweeps/(?P<name>[^/]+)/(?P<verb>pause|resume|cancel)", v1_sweeps.SweepWishHandler),
    (r"/v1/events", v1_events.EventsHandler),
)

PREFIX = "/zimage"


def below_zimage() -> list[Route]:
    """Give the addresses that both homes have, below their base and `/zimage`."""
    comfyui = [*COMFYUI, *((f"/api{path}", cls) for path, cls in COMFYUI), *NEWER]
    return [(PREFIX + path, cls) for path, cls in [*OWN, *OPENAI, *comfyui]]


def at_the_root() -> list[Route]:
    """Give the addresses that a bare server has besides, where clients of ComfyUI and OpenAI look."""
    return [*OPENAI, *COMFYUI, *((f"/api{path}", cls) for path, cls in COMFYUI), *NEWER]


def inside(routes: list[Route], outer: type[RequestHandler]) -> list[Route]:
    """Give handlers that are handlers of another server's kind as well, ours in front."""
    made: dict[Any, type[RequestHandler]] = {}
    for _, cls in routes:
        if cls not in made:
            made[cls] = type(cls.__name__, (cls, outer), {"__module__": cls.__module__})
    return [(path, made[cls]) for path, cls in routes]
