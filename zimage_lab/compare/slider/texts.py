"""Every word of the slider, in English and in Chinese."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "left": ("Left", "左侧"),
    "right": ("Right", "右侧"),
    "prompt": ("Prompt", "提示词"),
    "seed": ("Seed", "种子"),
    "seed_line": ("seed {seed}", "种子 {seed}"),
    "prompt_before": ("Prompt before (Page Up)", "上一条提示词（Page Up）"),
    "prompt_after": ("Next prompt (Page Down)", "下一条提示词（Page Down）"),
    "seed_before": ("Seed before (,)", "上一个种子（,）"),
    "seed_after": ("Next seed (.)", "下一个种子（.）"),
    "swap": ("Swap sides (X)", "左右互换（X）"),
    "modes": ("How they are compared", "对比方式"),
    "wipe": ("Wipe", "滑动"),
    "wipe_tip": ("A line between them, moved by the pointer or the arrows (1)", "用指针或方向键移动分界线（1）"),
    "side": ("Side by side", "并排"),
    "side_tip": ("Both beside each other, zoomed and moved together (2)", "两张并排，同步缩放和移动（2）"),
    "blink": ("Blink", "闪烁"),
    "blink_tip": ("One and the other in turns (3)", "两张交替显示（3）"),
    "difference": ("Difference", "差异"),
    "difference_tip": (
        "How far each pixel's colours lie apart; black is equal (4)",
        "每个像素的颜色差，黑色表示相同（4）",
    ),
    "gain": ("Show the difference stronger", "放大差异"),
    "pause": ("Pause", "暂停"),
    "flip": ("Flip", "切换"),
    "pause_tip": ("Stop, then turn by hand (Space)", "停止后手动切换（空格）"),
    "zoom_in": ("Larger (+)", "放大（+）"),
    "zoom_out": ("Smaller (-)", "缩小（-）"),
    "fit": ("Fit", "适合"),
    "fit_tip": ("Show all of it (0)", "显示全部（0）"),
    "loading": ("is being read ...", "正在读取……"),
    "mean": ("Mean difference {mean} of 255", "平均差异 {mean}（满分 255）"),
    "label_wipe": ("{left} on the left of the line, {right} on its right", "分界线左侧为 {left}，右侧为 {right}"),
    "label_side": ("{left} beside {right}", "{left} 与 {right} 并排"),
    "label_blink": ("{left} and {right} in turns", "{left} 与 {right} 交替"),
    "label_difference": ("Difference of {left} and {right}", "{left} 与 {right} 的差异"),
    "keys": (
        "Click the picture, then: arrows move, wheel or + and - zoom, 0 shows all, 1 to 4 choose how, X swaps sides",
        "点击图片后：方向键移动，滚轮或 +、- 缩放，0 显示全部，1 至 4 切换方式，X 左右互换",
    ),
    "state_waiting": ("not made yet", "尚未生成"),
    "state_queued": ("queued", "排队中"),
    "state_running": ("being made", "正在生成"),
    "state_failed": ("not made", "未生成"),
    "state_cancelled": ("cancelled", "已取消"),
    "state_invalid_output": ("cannot be used", "图片无法使用"),
    "state_quarantined": ("put aside after several attempts", "多次尝试后搁置"),
    "state_succeeded": ("its picture is gone", "图片已不存在"),
}
"""Key to English and Chinese; what stands in braces is filled in by the page."""


def words(language: str) -> dict[str, str]:
    """Give the texts in "en" or "zh"."""
    return {key: both[language == "zh"] for key, both in TEXTS.items()}
