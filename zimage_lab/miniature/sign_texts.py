"""What stands on signs: words that people write there, and even draws of characters, so that none is rare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.miniature.world import MOST_CHARACTERS, SIGN_CHARACTERS, SIGN_LETTERS

if TYPE_CHECKING:
    import random

SIGN_WORDS = (
    *("TEA", "OPEN", "SALE", "CAFE", "SHOP", "BOOK", "FISH", "LOVE", "ZOO", "BUS", "TAXI", "EXIT", "STOP", "GO", "HI"),
    *("OK", "NO", "YES", "UP", "BAR", "2026", "2025", "24", "100", "A1", "B2", "KING", "JAZZ", "QUIZ", "WIFI", "VIP"),
    *(
        "茶",
        "酒",
        "书店",
        "福",
        "春",
        "北京",
        "中国",
        "酒店",
        "花店",
        "茶",
        "书",
        "米",
        "面",
        "鱼",
        "开门",
        "大家",
        "小店",
    ),
    *(
        "山水",
        "风月",
        "东西",
        "南北",
        "上下",
        "天地",
        "好人",
        "爱",
        "人人",
        "家",
        "火",
        "春夏秋冬",
        "东南西北",
        "日月",
        "花鸟",
    ),
)
"""What people write on signs; two signs in five carry one of these."""


def sign_text(rng: random.Random) -> str:
    """Draw the text of a sign: a word, or characters of one script, each as likely as any other."""
    if rng.random() < 0.4:
        return rng.choice(SIGN_WORDS)
    script = rng.choice((SIGN_LETTERS, SIGN_CHARACTERS))
    length = rng.choices(range(1, MOST_CHARACTERS + 1), (3, 4, 2, 2))[0]
    return "".join(rng.choice(script) for _ in range(length))
