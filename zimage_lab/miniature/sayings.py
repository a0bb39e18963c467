"""Scenes that a known text describes, with its own words: the sentences of the article that the project starts from.

"Z-Image-Turbo measured: 8 steps to a picture" (January 2026) compares models by the first two Chinese sentences and
shows its API by the third; the English ones say the same.
"""

from __future__ import annotations

from zimage_lab.miniature.world import Scene, Thing

SAYINGS: dict[Scene, tuple[str, str]] = {
    Scene(
        (
            Thing("cherry_tree", "pink", "back"),
            Thing("hanfu_girl", "pink", "middle"),
            Thing("cat", "white", "left"),
            Thing("lantern", "red", "right"),
        ),
        "day",
        "under",
    ): (
        "a girl in hanfu standing under a cherry tree, a white cat on the left, a lantern on the right, realistic",
        "一位穿着汉服的女孩站在樱花树下，左侧有一只白猫，右侧有灯笼，写实风格",
    ),
    Scene((Thing("palace", "red", "back"), Thing("tang_man", "blue", "middle")), "day", "front"): (
        "an old man in a Tang suit taking a picture in front of the Forbidden City, realistic style",
        "一个穿唐装的老人在故宫前拍照，写实风格",
    ),
    Scene((Thing("surfer", "orange", "middle"), Thing("sun", "orange", "top right")), "beach", "shore"): (
        "a surfing boy on a summer beach, bright sunshine",
        "夏日海滩上的冲浪少年，阳光明媚",
    ),
}
"""Scene: English, Chinese."""

SHARE = 0.5
"""How often such a scene's caption is the literal text."""

EXAMPLES = (
    *({"zh": zh, "en": en} for en, zh in SAYINGS.values()),
    {
        "zh": "左侧一个红色的圆形，右侧一只蓝色的猫，白色背景",
        "en": "a red circle on the left, a blue cat on the right, white background",
    },
    {"zh": "三颗黄色的星星，夜晚", "en": "three yellow stars, at night"},
    {"zh": "写着“茶”的牌子在中间，白天", "en": 'a sign that says "TEA", by day'},
)
"""Prompts that a card and a sheet of samples show, in both languages."""

INSTRUCTIONS = (
    {"zh": "把猫变成蓝色", "en": "make the cat blue"},
    {"zh": "在上方加一颗黄色的星星", "en": "add a yellow star at the top"},
    {"zh": "去掉树", "en": "remove the tree"},
    {"zh": "把房子移到左侧", "en": "move the house to the left"},
)
"""What the card of an edit model shows."""
