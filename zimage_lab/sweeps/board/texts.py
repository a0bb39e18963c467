"""Every word of a board, in English and in Chinese, and what it says of a cell."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zimage_lab.sweeps.cell import Cell

TEXTS: dict[str, tuple[str, str]] = {
    "label": (
        "Pictures of the sweep. Arrows choose, Enter opens, plus and minus zoom, 0 shows all, F keeps a favourite.",
        "参数扫描的图片。方向键选择，回车放大，加减号缩放，0 显示全部，F 收藏。",
    ),
    "repr": ("Board of {sweep}: run this cell to see it live", "{sweep} 的看板：运行此单元格即可实时查看"),
    "columns": ("Columns", "列"),
    "rows": ("Rows", "行"),
    "none": ("one row", "单行"),
    "page": ("{values} · page {number} of {pages}", "{values} · 第 {number} 页，共 {pages} 页"),
    "previous": ("Previous page", "上一页"),
    "next": ("Next page", "下一页"),
    "zoom_in": ("Larger (+)", "放大（+）"),
    "zoom_out": ("Smaller (-)", "缩小（-）"),
    "fit": ("Show all (0)", "显示全部（0）"),
    "large": ("Open large (Enter)", "放大查看（回车）"),
    "favourite": ("Favourite, or not (F)", "收藏或取消收藏（F）"),
    "row": ("Row", "行"),
    "column": ("Column", "列"),
    "hide_row": ("Hide this row", "隐藏此行"),
    "hide_column": ("Hide this column", "隐藏此列"),
    "show_hidden": ("Show {number} hidden", "显示隐藏的 {number} 项"),
    "hint": (
        "Click the board, then: wheel or + and - zoom, drag moves, arrows choose, Enter opens, F keeps a favourite",
        "点击看板后：滚轮或 +、- 缩放，拖动移动，方向键选择，回车放大，F 收藏",
    ),
    "nothing": ("Choose a cell by a click or with the arrows", "点击或用方向键选择一格"),
    "seed": ("seed {seed}", "种子 {seed}"),
    "took": ("made in {seconds} s", "用时 {seconds} 秒"),
    "is_favourite": ("favourite", "已收藏"),
    "step": ("step {step} of {steps}", "第 {step} 步，共 {steps} 步"),
    "state_waiting": ("not begun", "未开始"),
    "state_queued": ("queued", "排队中"),
    "state_running": ("being made", "正在生成"),
    "state_succeeded": ("made", "已完成"),
    "state_failed": ("not made", "未生成"),
    "state_cancelled": ("cancelled", "已取消"),
    "state_invalid_output": ("the picture cannot be used", "图片无法使用"),
    "state_quarantined": ("put aside after several attempts", "多次尝试后搁置"),
    "state_starting": ("starting", "正在启动"),
    "state_ready": ("ready", "就绪"),
    "state_drawing": ("drawing", "正在生成"),
    "state_refused": ("refused", "已拒绝"),
    "state_lost": ("lost", "已失联"),
    "worker_cells": ("{number} made", "已生成 {number} 张"),
    "worker_pace": ("{pace} a minute", "每分钟 {pace} 张"),
    "no_store": ("The favourite could not be kept: {why}", "无法保存收藏：{why}"),
}
"""Key to English and Chinese; values in braces are filled in when the text is used."""

NAMES: dict[str, str] = {
    "seed": "种子",
    "steps": "步数",
    "guidance_scale": "引导强度",
    "shift": "偏移",
    "variation": "变化",
    "strength": "重绘幅度",
    "size": "尺寸",
    "width": "宽",
    "height": "高",
    "model": "模型",
    "prompt": "提示词",
    "negative_prompt": "反向提示词",
    "loras": "LoRA",
    "lora_weight": "LoRA 权重",
}
"""Axes by their Chinese names; in English they are called as in a cell of Python."""

Language = Literal["en", "zh"]
ASKED = ("ZIMAGE_LAB_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
SHOWN_CHARACTERS = 120


class Texts:
    """A board's words in one language.

    Parameters
    ----------
    language
        "en" or "zh"; None takes the environment's, as the panel does.
    """

    def __init__(self, language: str | None = None) -> None:
        told = language or next((value for name in ASKED if (value := os.environ.get(name))), "en")
        self.language: Language = "zh" if told.lower().startswith("zh") else "en"

    def __call__(self, key: str, **values: object) -> str:
        """Give a text with its values filled in; plain text, to be escaped by whoever puts it into HTML."""
        return TEXTS[key][self.language == "zh"].format(**values)

    def axis(self, name: str) -> str:
        """Give the name of an axis."""
        return NAMES.get(name, name) if self.language == "zh" else name

    def state(self, cell: Cell) -> str:
        """Say how a cell stands, with its step while it is made."""
        told = self(f"state_{cell.state}")
        progress = cell.progress if cell.state == "running" else None
        if progress is None or progress.stage != "denoising":
            return told
        return f"{told}, {self('step', step=progress.step, steps=progress.steps)}"

    def lines(self, cell: Cell, end: Mapping[str, Any]) -> list[str]:
        """Give a cell's recipe: its values, its seed, how it stands, what it took, why there is no picture.

        Parameters
        ----------
        cell
            The cell.
        end
            How it ended, as the board knows it.
        """
        told = [f"{self.axis(name)}: {value[:SHOWN_CHARACTERS]}" for name, value in cell.labels.items()]
        if all(axis.kind != "seed" for axis in cell.sweep.axes):
            told.append(self("seed", seed=cell.request.seed))
        last = [self.state(cell)]
        if cell.state == "succeeded":
            last = [self("took", seconds=f"{end['seconds']:.2f}")] if end.get("seconds") is not None else last
            last += [self("is_favourite")] if end.get("favourite") else []
        told.append(", ".join(last))
        if cell.state != "succeeded" and end.get("error"):
            told.append(str(end["error"])[: 2 * SHOWN_CHARACTERS])
        return told

    def sentence(self, cell: Cell, end: Mapping[str, Any]) -> str:
        """Give the same in a line."""
        return " · ".join(self.lines(cell, end))
