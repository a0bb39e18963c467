# ruff: noqa: RUF001 - Chinese punctuation is meant
"""Every text of the panel, in English and in Chinese, so that no other file holds words that a person reads."""

from __future__ import annotations

import os
from typing import Literal

from zimage_lab.errors import InvalidRequest, shown

Language = Literal["en", "zh"]
VARIABLE = "ZIMAGE_LAB_LANGUAGE"
LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")

TABLE: dict[str, tuple[str, str]] = {
    "repr": ("Z-Image Studio: run this cell to use the panel", "Z-Image 工作室：运行此单元格即可使用面板"),
    # the model
    "model": ("Model", "模型"),
    "absent": ("not on this machine", "不在本机"),
    "look_again": ("Look for models again", "重新查找模型"),
    "loading_model": ("reading the weights", "正在读取权重"),
    "get_model": (
        "{title} is not on this machine ({size}). Get {hub_id} below, or put its folder into {folder} and look again.",
        "{title} 不在本机（{size}）。可在下方从 {hub_id} 下载，或把它的文件夹放入 {folder} 后重新查找。",
    ),
    "get_folder": (
        "{title} is incomplete on this machine. Put its whole folder into {folder}, then look again.",
        "本机上的 {title} 不完整。请把完整的文件夹放入 {folder}，然后重新查找。",
    ),
    "found": ("Weights found on this machine", "在本机找到的权重"),
    "found_load": ("{path}: ready, choose it above", "{path}：可用，请在上方选择"),
    "found_comfyui": (
        "{path}: a file for ComfyUI; the transformer, text encoder and VAE that belong together are not all here",
        "{path}：ComfyUI 的文件；与之配套的 transformer、文本编码器和 VAE 不齐全",
    ),
    "found_incomplete": ("{path}: the download is incomplete", "{path}：下载不完整"),
    "download_get": ("Get the weights ({size})", "下载权重（{size}）"),
    "download_asking": ("Asking the hub…", "正在询问模型库…"),
    "download_ask": (
        "{hub_id}: {size} from {endpoint} into {place}, where {free} are free. Licence: {licence}.",
        "{hub_id}：从 {endpoint} 下载 {size} 到 {place}（剩余 {free}）。许可证：{licence}。",
    ),
    "download_yes": ("Download", "下载"),
    "download_no": ("Not now", "暂不"),
    "download_line": ("{done} of {total}", "{done} / {total}"),
    "size_unknown": ("size unknown", "大小未知"),
    "memory": ("memory {size}", "显存 {size}"),
    "queue": ("queue {number}", "队列 {number}"),
    # the prompt
    "prompt": ("Prompt", "提示词"),
    "prompt_hint": ("What the picture shows", "画面里有什么"),
    "tokens": ("Tokens of the prompt, of those that the model reads", "提示词的词元数与模型可读的上限"),
    "miniature": (
        "This is a miniature: it knows {number} words about paper-cut shapes, animals and places, and nothing else.",
        "这是一个迷你模型：它只认识 {number} 个关于剪纸图形、动物和位置的词。",
    ),
    "examples": ("Try one", "试一试"),
    "words": ("Words it knows", "它认识的词"),
    "add_word": ("Add to the prompt", "加入提示词"),
    "unknown": (
        "The miniature never met {words}: expect something else there.",
        "迷你模型没见过 {words}：画出来的可能是别的东西。",
    ),
    "and_more": ("{words} and {number} more", "{words} 等（另有 {number} 个）"),
    "too_long": (
        "{number} tokens are more than the {limit} that the model reads. Shorten the prompt.",
        "{number} 个词元超过了模型可读的 {limit} 个。请缩短提示词。",
    ),
    "edit_hint": ("What to change, such as: make the cat blue", "要改什么，例如：把猫变成蓝色"),
    "reference_images": ("Picture to change", "要修改的图片"),
    "take_shown": ("Use the shown one", "使用当前图片"),
    "take_shown_tip": ("Change the picture that the panel shows now", "修改面板当前显示的图片"),
    "upload": ("Choose a file", "选择文件"),
    "nothing_shown": (
        "There is no finished picture yet. Make one with another model, or choose a file.",
        "还没有完成的图片。请先用其他模型生成一张，或选择文件。",
    ),
    "negative_prompt": ("Negative prompt", "反向提示词"),
    "negative_hint": ("What the picture shall not show", "画面里不要有什么"),
    "negative_off": ("off: {title} runs without guidance", "关闭：{title} 不使用引导"),
    "negative_why": (
        "A negative prompt works through guidance. {title} was made to run without; raise it under Advanced to try.",
        "反向提示词通过引导起作用。{title} 本来就不使用引导；想试试的话，请在“高级”中提高引导强度。",
    ),
    "negative_why_guided": (
        "A negative prompt works through guidance, and the guidance is 0. Raise it under Advanced to use this.",
        "反向提示词通过引导起作用，而引导强度为 0。要使用它，请在“高级”中提高引导强度。",
    ),
    "negative_off_guided": ("off: the guidance is 0", "关闭：引导强度为 0"),
    # the other fields
    "settings": ("Size, seed and more", "尺寸、种子等"),
    "size": ("Size", "尺寸"),
    "width": ("Width, px", "宽，像素"),
    "height": ("Height, px", "高，像素"),
    "seed": ("Seed", "种子"),
    "lock": ("Keep this seed for the next pictures", "后续图片保持此种子"),
    "dice": ("Draw a new seed", "换一个种子"),
    "advanced": ("Advanced", "高级"),
    "steps": ("Steps", "步数"),
    "guidance_scale": ("Guidance", "引导强度"),
    "shift": ("Shift", "偏移"),
    "steps_tip": ("Denoising steps: more take longer", "去噪步数：越多越慢"),
    "guidance_tip": ("How hard to push towards the prompt; 0 turns it off", "向提示词靠拢的强度；0 为关闭"),
    "shift_tip": (
        "Time shift of the schedule: higher spends more steps on the composition",
        "采样时间偏移：越高越注重构图",
    ),
    "by_hand": ("Changed by hand: stays when the model changes", "已手动修改：切换模型时保留"),
    "not_applied": ("Nothing was queued. ", "未加入队列。"),
    # the buttons
    "generate": ("Generate", "生成"),
    "generate_tip": ("Make a picture; more clicks queue more pictures", "生成一张图片；多次点击会排队"),
    "cancel": ("Cancel", "取消"),
    "cancel_tip": ("Stop the running picture, or else the next one in line", "停止正在生成的图片，或队列中的下一张"),
    "reuse": ("Reuse", "复用"),
    "reuse_tip": ("Take this picture's prompt, seed and settings", "使用这张图片的提示词、种子和设置"),
    "code": ("Show as code", "显示代码"),
    "code_tip": ("Show the cell that makes this picture again", "显示能重新生成这张图片的代码"),
    "copy_cell": ("Copy as cell", "复制为代码"),
    "copied": ("Copied", "已复制"),
    "copy": ("Copy", "复制"),
    "recipe": ("Recipe", "配方"),
    "session": ("This session", "本次会话"),
    # the states
    "empty": ("Your picture appears here", "图片会出现在这里"),
    "idle": ("Ready", "就绪"),
    "queued": ("Queued: place {place} in line", "排队中：第 {place} 位"),
    "loading": (
        "Reading {model} ({size}); only the first picture waits for it",
        "正在读取 {model}（{size}）；只有第一张图片需要等待",
    ),
    "encoding": ("Reading the prompt", "正在理解提示词"),
    "starting": ("Starting", "开始"),
    "step": ("Step {step} of {steps}", "第 {step} 步，共 {steps} 步"),
    "left": ("{time} left", "剩余 {time}"),
    "decoding": ("Step {steps} of {steps}: finishing", "第 {steps} 步，共 {steps} 步：收尾"),
    "saving": ("Saving", "正在保存"),
    "cancelling": ("Cancelling", "正在取消"),
    "done": ("Done in {time}", "完成，用时 {time}"),
    "done_plain": ("Done", "完成"),
    "cancelled_at": (
        "Cancelled at step {step} of {steps}; nothing was saved",
        "已在第 {step} 步（共 {steps} 步）取消；未保存",
    ),
    "cancelled_early": ("Cancelled before the first step; nothing was saved", "已在第一步之前取消；未保存"),
    "failed": ("The picture was not made", "图片没有生成"),
    "invalid_output": ("The model gave a picture that cannot be used", "模型给出的图片无法使用"),
    "quarantined": ("The job was put aside after several attempts", "多次尝试后，任务已被搁置"),
    "what_to_do": (
        "The engine goes on. Change the settings and generate again; if it happens again, run `zimage-lab doctor`.",
        "引擎仍在运行。请修改设置后重新生成；如果再次出现，请运行 `zimage-lab doctor`。",
    ),
    "details": ("Details", "详情"),
    "stopped": (
        "The engine has stopped. To start it and restore this panel, run the cell again or reload the studio's page.",
        "引擎已停止。请重新运行此单元格，或刷新工作室的页面，以启动引擎并恢复面板。",
    ),
    "retired": (
        "This panel made room for newer ones. Run the cell again to use it.",
        "此面板已让位给更新的面板。重新运行此单元格即可使用。",
    ),
    "no_engine": ("The engine did not start.", "引擎未能启动。"),
    "gone": ("The picture's file is gone. Show as code makes it again.", "图片文件已不存在。“显示代码”可以重新生成。"),
    # the recipe
    "pixel_size": ("{width} × {height} px", "{width} × {height} 像素"),
    "seconds": ("Seconds", "用时"),
    "device": ("Device", "设备"),
    "file": ("File", "文件"),
    "pixels": ("SHA-256 of the pixels", "像素的 SHA-256"),
    "job": ("Job", "任务"),
    "state": ("State", "状态"),
    "time_s": ("{number} s", "{number} 秒"),
    "time_min": ("{number} min", "{number} 分钟"),
    "summary": ("seed {seed}, {width} × {height}, {steps} steps", "种子 {seed}，{width} × {height}，{steps} 步"),
    "comma": (", ", "，"),
    "list": (", ", "、"),
    "alt": ("The picture: {prompt}", "图片：{prompt}"),
}
"""Key to English and Chinese; values in braces are filled in when the text is used."""

GRAMMAR = {
    "en": frozenset({"a", "an", "and", "at", "by", "in", "of", "on", "one", "the", "to"}),
    "zh": frozenset({"和", "在", "是", "有", "的", "一个", "一只", "一座", "一条", "一棵", "一盏", "一颗"}),
}
"""Words that a miniature knows but nobody clicks."""

MINUTE = 90
"""Seconds from which a time is told in minutes."""


def language(asked: str | None = None) -> Language:
    """Choose the language: the argument, then `ZIMAGE_LAB_LANGUAGE`, then the locale of the environment.

    Parameters
    ----------
    asked
        "en" or "zh"; longer tags such as "zh-CN" are taken too. None asks the environment.

    Raises
    ------
    InvalidRequest
        When an argument names another language.
    """
    if asked is not None:
        tag = asked.lower()[:2] if isinstance(asked, str) else ""
        if tag not in {"en", "zh"}:
            field = "language"
            raise InvalidRequest(field, asked, f"{shown(asked)} is not a language of the panel", "Use 'en' or 'zh'.")
        return "zh" if tag == "zh" else "en"
    for name in (VARIABLE, *LOCALES):
        value = os.environ.get(name)
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


class Words:
    """The panel's texts in one language.

    Parameters
    ----------
    chosen
        Which of the table's columns to read.
    """

    def __init__(self, chosen: Language) -> None:
        self.language: Language = chosen
        self._column = 1 if chosen == "zh" else 0

    def __call__(self, key: str, **values: object) -> str:
        """Give a text with its values filled in; plain text, to be escaped by whoever puts it into HTML."""
        return TABLE[key][self._column].format(**values)

    def time(self, seconds: float) -> str:
        """Give a time as a person says it."""
        if seconds >= MINUTE:
            return self("time_min", number=f"{seconds / 60:.0f}")
        return self("time_s", number=f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}")  # noqa: PLR2004 - digits

    def size(self, number: int | None) -> str:
        """Give a number of bytes as a person says it."""
        if number is None:
            return self("size_unknown")
        return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"  # noqa: PLR2004 - SI prefixes
