"""The validator's sentences for a person: without the field's name, which stands beside them, and in Chinese.

The validator speaks English, and every face shows its words. For the Chinese panel the known sentences are translated
by their pattern; one that is not known is shown as it is rather than not at all.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zimage_lab.errors import InvalidRequest
    from zimage_lab.widgets.words import Words

CHINESE: tuple[tuple[str, str], ...] = (
    (r"is empty", "是空的"),
    (r"is blank", "是空白的"),
    (r"is missing", "缺失"),
    (r"Give a (\w+) that can be seen\.", "请输入看得见的内容。"),
    (r"(\d+) characters are too many", r"\1 个字符太多"),
    (r"Use at most (\d+)\.", r"最多 \1 个。"),
    (r"holds half a character \((.+)\) at position (\d+)", r"在第 \2 个位置有半个字符（\1）"),
    (r"holds the control character (.+) at position (\d+)", r"在第 \2 个位置有控制字符 \1"),
    (r"Remove it; the text was cut inside a character\.", "请删除它；文字在一个字符中间被截断了。"),
    (r"Remove it; only newline and tab are taken\.", "请删除它；只接受换行和制表符。"),
    (r"(.+) is not a multiple of (\d+)", r"\1 不是 \2 的倍数"),
    (r"(.+) is out of range", r"\1 超出了范围"),
    (r"(.+) is outside what (.+) takes", r"\1 超出了 \2 的范围"),
    (r"(.+) is not a whole number", r"\1 不是整数"),
    (r"(.+) is not a number", r"\1 不是数字"),
    (r"(.+) is not a known model", r"\1 不是已知的模型"),
    (r"(\d+) tokens are more than the (\d+) that (.+) reads", r"\1 个词元超过了 \3 可读的 \2 个"),
    (r"Shorten it, or pass truncate=True to have the rest cut off\.", "请缩短：过长的部分已标出。"),
    (r"(\d+) tokens are more than the (\d+) that can be read here", r"\1 个词元超过了这里可读的 \2 个"),
    (r"Shorten it\.", "请缩短它。"),
    (r"Write a few words first\.", "请先写几个字。"),
    (
        r"The model is in (.+), and prompts are written where the model is\. Use that kernel's (?:.+), or (.+)\.",
        r"模型在 \1 里，润色要在模型所在的内核里进行。请用那个内核的笔记本或面板，或者 \2。",
    ),
    (
        r"The model wrote nothing\. The prompt is as it was; another seed may do better\.",
        "模型什么也没写出来，提示词保持原样；可以再试一次。",
    ),
    (r"Use (\d+) to (\d+), a multiple of (\d+)\.", r"请用 \1 到 \2 之间 \3 的倍数。"),
    (r"Use (\S+) to (\S+)\.", r"请用 \1 到 \2。"),
    (r"Use (\S+) or (\S+)\.", r"请用 \1 或 \2。"),
    (r"Did you mean (.+)\?", r"是不是 \1？"),
    (
        r"The weights of (.+) are not on this machine yet: it cannot draw before they are\.",
        r"\1 的权重还不在本机，暂时不能生成。",
    ),
    (
        r"The weights of (.+) are not on this machine: (.+) draws in their place\.",
        r"\1 的权重不在本机，由 \2 代为生成。",
    ),
    (r"The negative prompt does nothing while the guidance is 0\.", "引导强度为 0 时，反向提示词不起作用。"),
    (
        r"(.+) was distilled to draw without guidance; (.+) doubles the time and mostly spoils the picture\. Use 0\.",
        r"\1 经过蒸馏，不需要引导；\2 会让时间加倍并破坏画面。请用 0。",
    ),
    (
        r"(.+) is a miniature and never met (.+): expect something else there\.",
        r"\1 是微缩模型，没见过 \2：那里可能画成别的东西。",
    ),
    (r"Text on a sign goes in quotation marks\.", "牌子上的文字要加引号。"),
    (
        r"(.+) learned at (\S+); at (\S+) things may double or break\.",
        r"\1 是在 \2 下训练的；在 \3 下物体可能重复或破碎。",
    ),
    (r"Choose a model\.", "请选择一个模型。"),
    (r"(.+) wants (.+), not (\d+)", r"\1 需要 \2 张图片，而不是 \3 张"),
    (r"Give the picture to change\.", "请给出要修改的图片。"),
    (r"it is no picture that can be read \((.+)\)", r"无法读取这张图片（\1）"),
    (r"Give a PNG, JPEG or WebP file\.", "请使用 PNG、JPEG 或 WebP 文件。"),
    (
        r"This engine was stopped\. Call zimage_lab\.load\(\) for a new one\.",
        "此引擎已停止。请调用 zimage_lab.load() 启动新的引擎。",
    ),
    (
        r"The picture is one single colour\. The weights may be damaged; try another seed or model\.",
        "图片只有一种颜色，权重可能已损坏。请换一个种子或模型。",
    ),
    (
        r"The .+ hold values that are not numbers\. Half precision .+: use bfloat16 or float32, or another seed\.",
        "计算中出现了非数字的值。这个模型用半精度会溢出：请使用 bfloat16 或 float32，或换一个种子。",
    ),
    (
        r"The weights of (.+) cannot be read: (.+)\. Check or replace the folder (.+)\.",
        r"无法读取 \1 的权重：\2。请检查或更换文件夹 \3。",
    ),
    (
        r"The disk of (.+) is full, the picture was not saved\. Free some space, then try again\.",
        r"\1 所在的磁盘已满，图片没有保存。请腾出空间后重试。",
    ),
    (
        r"The disk of (.+) is full\. Free some space, then try again\.",
        r"\1 所在的磁盘已满。请腾出空间后重试。",
    ),
    (r"(.+) cannot be read as a picture", r"\1 不是可读取的图片"),
    (
        r"(.+) holds no recipe: it may be a photo, or a copy that some program saved anew",
        r"\1 不含配方：它可能是照片，或被其他程序重新保存过",
    ),
    (r"Look for the file that the program wrote\.", "请使用程序最初写入的文件。"),
    (r"It was made with '(.+)'\.", r"使用的模型：\1。"),
    (r"It used LoRAs, to be chosen by hand: (.+)\.", r"使用了 LoRA，需手动选择：\1。"),
    (r"It was made in (\d+) passes, of which the first is read\.", r"它分 \1 遍生成，这里读取第一遍。"),
    (r"([\d,]+) cells are more than ([\d,]+)", r"\1 格超过了 \2 格"),
    (r"([\d,]+) cells are more than any sweep can have \(([\d,]+)\)", r"\1 格超过了一次扫描的上限（\2）"),
    (r"([\d,]+) megapixels are more than ([\d,]+)", r"\1 百万像素超过了 \2 百万"),
    (r"(.+) is no number", r"\1 不是数字"),
    (r"Write (\".+\")(?: or|, or) (\".+\")\.", r"可写成 \1 或 \2。"),
    (r"has an empty place between its commas", "的逗号之间有空位"),
    (r"(.+) stands for more than ([\d,]+) values", r"\1 超过了 \2 个取值"),
    (r"Use a larger step\.", "请用更大的步长。"),
    (r"(.+) does not come to (\S+) in steps of (\S+)", r"\1 以步长 \3 到不了 \2"),
    (r"Write (\(.+\))\.", r"请写 \1。"),
    (r"(.+) stands twice", r"\1 出现了两次"),
    (r"Give each value once\.", "每个取值只写一次。"),
    (r"Use whole numbers\.", "请用整数。"),
    (r"(.+) is no size", r"\1 不是尺寸"),
    (r"Give \[\(128, 128\), \(192, 128\)\], or texts such as 192x128\.", "请写成 192x128 的形式。"),
    (r"(.+) is not there in the prompt (.+)", r"提示词 \2 中没有 \1"),
    (r"(.+) is only inside another needle in the prompt (.+)", r"\1 只出现在另一个要查找的词中"),
    (r"Name words of the prompt\.", "请填写提示词中的词。"),
    (r"(.+) is replaced by itself alone", r"\1 只被替换为它自己"),
    (r"Give another text\.", "请填写其他文字。"),
    (r"weighs LoRAs, and there is none", "需要 LoRA，而这里没有"),
    (r"(.+) is no sweep of this home", r"这里没有名为 \1 的扫描"),
    (r"its prompts were erased", "提示词已被清除"),
    (r"Its pictures are there; begin a new sweep for others\.", "图片仍在；要生成其他图片，请开始新的扫描。"),
    (r"Give each prompt once; use repeats\.", "每条提示词只写一次。"),
    (r"(.+) is there twice with the same settings", r"\1 出现两次，设置相同"),
    (r"Give other settings, or names: .+", "请换一个模型或步数。"),
    (r"([\d,]+) pictures \((.+)\) are more than the limit of ([\d,]+)", r"\1 张图片（\2）超过了上限 \3"),
    (r"limit: ([\d,]+) pictures \(.+\) are more than the limit of ([\d,]+)\..*", r"\1 张图片超过了上限 \2，请减少。"),
    (r"votes: they are of another comparison, (.+?)\. Load that one.*", r"这些投票属于另一次对比 \1。"),
    (r"name: (.+) is no comparison of this home\..*", r"这里没有名为 \1 的对比。"),
    (r"The job was cancelled\.", "任务已取消。"),
    (r"The job was cancelled before it began\.", "任务在开始之前已取消。"),
    (r"The job was cancelled at step (\d+) of (\d+)\.", r"任务在第 \1 步（共 \2 步）取消。"),
    (
        r"Memory ran out\. Choose a smaller size, or close what else uses memory; the engine goes on\.",
        "内存不足。请选择更小的尺寸，或关闭其他占用内存的程序；引擎仍在运行。",
    ),
    (
        r"The device's memory ran out\. Choose a smaller size; the engine goes on\.",
        "显存不足。请选择更小的尺寸；引擎仍在运行。",
    ),
)
"""Whole sentences of the validator and the engine, as patterns, and what they are in Chinese."""

ENGLISH = {
    "Give each prompt once; use repeats.": "Give each prompt once.",
    'Give other settings, or names: {"first": ..., "second": ...}.': "Choose another model, or other steps.",
    "Give [(128, 128), (192, 128)], or texts such as 192x128.": "Write 192x128.",
    "Shorten it, or pass truncate=True to have the rest cut off.": "Shorten it: what is too long is marked.",
}
"""Advice for a cell, and what it is at a form."""


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.DOTALL), chinese) for pattern, chinese in CHINESE)


def translated(sentence: str, words: Words) -> str:
    """Give a sentence of the validator or the engine in the panel's language.

    Parameters
    ----------
    sentence
        As it was raised.
    words
        The panel's texts.
    """
    if words.language != "zh":
        return ENGLISH.get(sentence, sentence)
    for pattern, chinese in _patterns():
        match = pattern.fullmatch(sentence)
        if match:
            return match.expand(chinese)
    return sentence


def beside(error: InvalidRequest, label: str, words: Words) -> str:
    """Give the sentence that stands beside the field it is about.

    Parameters
    ----------
    error
        What the validator raised.
    label
        The field's name as the panel shows it.
    words
        The panel's texts.
    """
    what, fix = translated(error.what, words), translated(error.fix, words)
    name = re.split("[,，]", label)[0]
    bare = re.match(r"(is|has|holds|cannot|lacks)\b", error.what)  # the field is the sentence's subject
    if words.language == "zh":
        return f"{name if bare else ''}{what}。{fix}"
    return f"{name} {what}. {fix}" if bare else f"{what}. {fix}"
