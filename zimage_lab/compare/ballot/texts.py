"""Every word of a rating session, in English and in Chinese."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "about": (
        (
            "You see pictures and the prompt that they should show, not who drew them. Sides and order are drawn by"
            " lot. You can stop at any time: under the same name it goes on where you left."
        ),
        "您会看到图片和对应的提示词，但不会看到是哪个模型画的。左右和顺序随机决定。可随时停止，用同一名字可从停下的地方继续。",
    ),
    "rater": ("Your name", "您的名字"),
    "how": ("How to rate", "评分方式"),
    "pairs": ("Which of two is better", "两张中选较好的一张"),
    "stars": ("One to five stars", "一至五星"),
    "begin": ("Begin", "开始"),
    "count": ("{number} of {of} · {rater}", "第 {number} 题，共 {of} 题 · {rater}"),
    "left": ("Left is better", "左边更好"),
    "left_tip": ("The left one shows the prompt better (left arrow)", "左图更符合提示词（左方向键）"),
    "tie": ("Equally good", "一样好"),
    "tie_tip": ("No difference that matters (down arrow)", "没有明显差别（下方向键）"),
    "right": ("Right is better", "右边更好"),
    "right_tip": ("The right one shows the prompt better (right arrow)", "右图更符合提示词（右方向键）"),
    "star_1": ("bad", "很差"),
    "star_1_tip": ("One star (1)", "一星（1）"),
    "star_2": ("poor", "较差"),
    "star_2_tip": ("Two stars (2)", "两星（2）"),
    "star_3": ("fair", "一般"),
    "star_3_tip": ("Three stars (3)", "三星（3）"),
    "star_4": ("good", "较好"),
    "star_4_tip": ("Four stars (4)", "四星（4）"),
    "star_5": ("excellent", "很好"),
    "star_5_tip": ("Five stars (5)", "五星（5）"),
    "skip": ("Skip", "跳过"),
    "skip_tip": ("Leave this one out; it is not counted (S)", "跳过此题，不计入结果（S）"),
    "undo": ("Undo", "撤销"),
    "undo_tip": ("Take the latest answer back (U)", "撤回上一个回答（U）"),
    "other": ("Another rater", "换一位评分人"),
    "other_tip": ("Let somebody else rate; what was answered stays", "换人评分，已回答的会保留"),
    "thanks": (
        "Thank you, {rater}: everything is answered ({count}). The votes are kept.",
        "谢谢您，{rater}：已全部回答（{count} 题），投票已保存。",
    ),
    "left_picture": ("Left picture", "左图"),
    "right_picture": ("Right picture", "右图"),
    "the_picture": ("Picture to rate", "待评图片"),
    "keys_pairs": (
        "Keys: left and right arrow choose, down arrow is equal, S skips, U takes back",
        "按键：左右方向键选择，下方向键为一样好，S 跳过，U 撤销",
    ),
    "keys_stars": ("Keys: 1 to 5 are stars, S skips, U takes back", "按键：1 至 5 为星级，S 跳过，U 撤销"),
    "nothing": (
        "There are no pictures that could be rated yet. Wait until the comparison is done.",
        "还没有可评分的图片。请等待对比完成。",
    ),
    "no_name": ("Write a name: your votes are kept under it.", "请填写名字：投票会记在这个名字下。"),
}
"""Key to English and Chinese; what stands in braces is filled in by the page."""


def words(language: str) -> dict[str, str]:
    """Give the texts in "en" or "zh"."""
    return {key: both[language == "zh"] for key, both in TEXTS.items()}
