"""The article's table, from what was measured: steps, time, memory, arithmetic, correctness, stars; in two languages.

Every time has its size, steps and precision beside it, and the share of the device's own rate that it reaches: a figure
without these can mislead. What was not measured says why instead of a number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zimage_lab.compare import measures
from zimage_lab.compare.summary import TERA, Share
from zimage_lab.errors import InvalidRequest, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.compare.comparison import Comparison
    from zimage_lab.compare.opinion import Opinion
    from zimage_lab.compare.preference import Preference
    from zimage_lab.compare.summary import Summary

TEXTS = {
    "en": {
        "settings": "Size, steps, guidance",
        "where": "Device, precision",
        "pictures": "Pictures measured",
        "seconds": "Seconds a picture, median (middle half)",
        "process": "Peak memory of the process",
        "device": "Peak memory of the device",
        "tflop": "TFLOP a picture",
        "rate": "TFLOP/s reached (share of the device's rate)",
        "accuracy": "As the prompt says (95 % interval)",
        "chinese": "The same, Chinese prompts",
        "clip": "CLIP score",
        "text": "Text read back",
        "stars": "Stars of blind raters (95 % interval)",
        "preferred": "Preferred in pairs, blind (95 % interval)",
        "failed": "{} and {} failed",
        "of": "{} ({} of {}; {} to {})",
        "votes": "{} ({} to {}; {} votes)",
        "unsure": "{} ({} votes)",
        "none": "not measured",
        "no votes": "no votes",
        "why": "not measured: {}",
        "guidance": "guidance {}",
        "steps": "{} steps",
    },
    "zh": {
        "settings": "尺寸、步数、引导强度",
        "where": "设备、精度",
        "pictures": "测量图片数",
        "seconds": "每张耗时（秒），中位数（中间一半）",
        "process": "进程内存峰值",
        "device": "显存峰值",
        "tflop": "每张运算量（TFLOP）",
        "rate": "实际算力（TFLOP/s，占设备实测算力）",
        "accuracy": "符合提示词（95% 区间）",
        "chinese": "符合提示词，中文",
        "clip": "CLIP 分数",
        "text": "文字识别一致度",
        "stars": "盲评星级（95% 区间）",
        "preferred": "成对盲评偏好（95% 区间）",
        "failed": "{}，另有 {} 张失败",
        "of": "{}（{}/{}；{} 至 {}）",
        "votes": "{}（{} 至 {}；{} 票）",
        "unsure": "{}（{} 票）",
        "none": "未测量",
        "no votes": "暂无投票",
        "why": "未测量：{}",
        "guidance": "引导 {}",
        "steps": "{} 步",
    },
}


# What `measures` notes, for readers of Chinese; an error of a library stays as it was said.
NOTES_ZH = {
    measures.NO_CLIP: "未提供 CLIP 模型文件夹",
    measures.NO_OCR: "未安装 rapidocr",
    measures.NO_TEXT: "提示词未用引号要求文字",
    measures.NO_JUDGE: "评判器只认识微缩世界、且为训练尺寸的图片",
    measures.NO_SCENE: "评判器只读简单英文提示词；可另给出英文释义",
    measures.GONE: "图片已不存在",
}


def table(comparison: Comparison, language: str = "en") -> Any:  # noqa: ANN401 - a pandas.DataFrame
    """Make the table; parameters as for `Comparison.table`."""
    import pandas as pd

    rows = cells(comparison, language)
    return pd.DataFrame({label: [row[1][n] for row in rows] for n, label in enumerate(comparison.labels)}).set_axis(
        [row[0] for row in rows]
    )


def cells(comparison: Comparison, language: str = "en") -> list[tuple[str, list[str]]]:
    """Give each row's name with a text for each contestant.

    Raises
    ------
    InvalidRequest
        There is no such language.
    """
    return _cells(comparison, words(language))


def words(language: str) -> dict[str, str]:
    """Give the texts of a language.

    Raises
    ------
    InvalidRequest
        There is no such language.
    """
    if language not in TEXTS:
        field = "language"
        raise InvalidRequest(field, language, f"{shown(language)} is no language here", suggestion(language, TEXTS))
    return TEXTS[language]


def _cells(comparison: Comparison, words: dict[str, str]) -> list[tuple[str, list[str]]]:
    summaries, opinions, liked = comparison.summary(), comparison.opinions(), comparison.preferences()
    rows: dict[str, Callable[[Summary], str]] = {
        "settings": lambda one: _settings(one, words),
        "where": lambda one: (
            f"{one.environment.get('device_name') or one.environment['device']}, {one.environment['dtype']}"
            if one.environment
            else words["none"]
        ),
        "pictures": lambda one: words["failed"].format(one.pictures, one.failed) if one.failed else str(one.pictures),
        "seconds": lambda one: _seconds(one, words),
        "process": lambda one: _bytes(one.process_bytes, words),
        "device": lambda one: _bytes(one.device_bytes, words),
        "tflop": lambda one: words["none"] if one.flop is None else f"{one.flop / TERA:.3g}",
        "rate": lambda one: _rate(one, words),
        "accuracy": lambda one: _share(one.accuracy, _why(one, "accuracy", words), words),
        "chinese": lambda one: _share(one.chinese, "", words),
        "clip": lambda one: _mean(one, "clip", words),
        "text": lambda one: _mean(one, "text", words),
        "stars": lambda one: _stars(opinions[one.label], words),
        "preferred": lambda one: _preferred(liked, one.label, words),
    }
    made = {name: [make(one) for one in summaries] for name, make in rows.items()}
    if not any(one.device_bytes for one in summaries):
        del made["device"]  # on a CPU it is the process'
    return [(words[name], texts) for name, texts in made.items()]


def _settings(one: Summary, words: dict[str, str]) -> str:
    own = one.settings
    parts = [f"{own['width']}x{own['height']}", words["steps"].format(own["steps"])]
    return ", ".join([*parts, words["guidance"].format(f"{own['guidance_scale']:g}")])


def _seconds(one: Summary, words: dict[str, str]) -> str:
    if not one.seconds:
        return words["none"]
    low, high = one.quartiles
    return f"{one.median:.3g} ({low:.3g} .. {high:.3g})"


def _rate(one: Summary, words: dict[str, str]) -> str:
    if one.reached is None:
        return words["none"]
    share = "" if one.fraction is None else f" ({one.fraction:.0%})"
    return f"{one.reached / TERA:.3g}{share}"


def _bytes(value: float | None, words: dict[str, str]) -> str:
    return words["none"] if value is None else f"{value / 1e9:.2f} GB"


def _share(share: Share, why: str, words: dict[str, str]) -> str:
    if not share.of:
        return words["why"].format(why) if why else words["none"]
    low, high = share.bounds
    return words["of"].format(f"{share.value:.0%}", share.right, share.of, f"{low:.0%}", f"{high:.0%}")


def _mean(one: Summary, name: str, words: dict[str, str]) -> str:
    if name in one.means:
        return f"{one.means[name]:.3g}"
    why = _why(one, name, words)
    return words["why"].format(why) if why else words["none"]


def _why(one: Summary, name: str, words: dict[str, str]) -> str:
    notes = one.notes.get(name, ())
    return "; ".join(NOTES_ZH.get(note, note) if words is TEXTS["zh"] else note for note in notes)


def _stars(one: Opinion, words: dict[str, str]) -> str:
    if not one.votes:
        return words["no votes"]
    if math.isnan(one.low):
        return words["unsure"].format(f"{one.mean:.2f}", one.votes)
    return words["votes"].format(f"{one.mean:.2f}", f"{one.low:.2f}", f"{one.high:.2f}", one.votes)


def _preferred(liked: Preference, label: str, words: dict[str, str]) -> str:
    number = liked.names.index(label)
    votes = liked.votes_of(number)
    if not votes or math.isnan(liked.shares.value[number]):
        return words["no votes"] if not votes else words["none"]
    value, low, high = (float(part[number]) for part in liked.shares)
    if math.isnan(low):
        return words["unsure"].format(f"{value:.0%}", votes)
    return words["votes"].format(f"{value:.0%}", f"{low:.0%}", f"{high:.0%}", votes)
