"""The words of the captions: what each subject, colour, place and background is called in English and Chinese.

In a phrase `~` stands for the colour. The vocabulary here is also what the tokenizer's merges are made from.
"""

from __future__ import annotations

ENGLISH_NOUNS: dict[str, tuple[str, ...]] = {
    "circle": ("circle", "circle", "disc"),
    "square": ("square",),
    "triangle": ("triangle",),
    "star": ("star",),
    "heart": ("heart",),
    "ring": ("ring",),
    "cat": ("cat", "cat", "kitten"),
    "dog": ("dog", "dog", "puppy"),
    "fish": ("fish",),
    "bird": ("bird", "bird", "little bird"),
    "flower": ("flower",),
    "house": ("house", "house", "home"),
    "tree": ("tree",),
    "cherry_tree": ("cherry tree", "cherry tree", "cherry blossom tree"),
    "lantern": ("lantern", "lantern", "paper lantern"),
    "car": ("car",),
    "boat": ("boat", "boat", "sailing boat", "sailboat"),
    "moon": ("moon", "moon", "crescent moon"),
    "sun": ("sun",),
    "palace": ("palace", "palace", "Chinese palace"),
    "wave": ("wave", "wave", "ocean wave"),
}
"""Nouns that a colour stands before."""

ENGLISH_PEOPLE: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "hanfu_girl": (
        ("girl in a ~ hanfu", "girl wearing a ~ hanfu", "girl in ~ hanfu", "young girl in ~ hanfu"),
        ("girl in hanfu", "girl wearing hanfu", "hanfu girl", "girl in a hanfu", "young girl in hanfu"),
        ("girls in ~ hanfu", "girls wearing ~ hanfu"),
        ("girls in hanfu", "girls wearing hanfu"),
    ),
    "tang_man": (
        ("old man in a ~ Tang suit", "old man wearing a ~ Tang suit", "elderly man in a ~ Tang suit"),
        ("old man in a Tang suit", "old man wearing a Tang suit", "old man in Tang suit"),
        ("old men in ~ Tang suits", "old men wearing ~ Tang suits"),
        ("old men in Tang suits", "old men wearing Tang suits"),
    ),
    "surfer": (
        ("surfer in ~", "~ surfer", "surfing boy in ~", "young surfer in ~"),
        ("surfer", "surfing boy", "young surfer"),
        ("surfers in ~", "~ surfers"),
        ("surfers", "surfing boys"),
    ),
}
"""Phrases for people: with a colour, without, and both for several."""

ENGLISH_SIGNS = (
    "~ sign that says {}",
    "~ sign that says {}",
    "~ sign saying {}",
    "~ sign with the text {}",
    "~ sign reading {}",
    "~ board that says {}",
    "~ sign with {} written on it",
)
ENGLISH_PLURALS = {"fish": "fish", "puppy": "puppies"}

CHINESE_NOUNS: dict[str, tuple[str, ...]] = {
    "circle": ("圆形", "圆形", "圆"),
    "square": ("正方形", "方形", "方块"),
    "triangle": ("三角形",),
    "star": ("星星", "星星", "五角星"),
    "heart": ("爱心", "心形"),
    "ring": ("圆环", "圆环", "环"),
    "cat": ("猫", "猫", "小猫", "猫咪"),
    "dog": ("狗", "狗", "小狗"),
    "fish": ("鱼", "小鱼"),
    "bird": ("鸟", "小鸟"),
    "flower": ("花", "花朵", "小花"),
    "house": ("房子", "房子", "屋子", "小屋"),
    "tree": ("树", "大树"),
    "cherry_tree": ("樱花树",),
    "lantern": ("灯笼",),
    "car": ("汽车", "小汽车", "车"),
    "boat": ("船", "小船", "帆船"),
    "moon": ("月亮", "月亮", "弯月"),
    "sun": ("太阳",),
    "palace": ("宫殿", "宫殿", "故宫"),
    "wave": ("海浪", "波浪", "浪花"),
}
CHINESE_PEOPLE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "hanfu_girl": (
        ("穿着~汉服的女孩", "穿~汉服的女孩", "身穿~汉服的少女", "~汉服女孩"),
        ("穿着汉服的女孩", "穿汉服的女孩", "身穿汉服的少女", "汉服女孩"),
    ),
    "tang_man": (
        ("穿~唐装的老人", "穿着~唐装的老人", "身穿~唐装的老爷爷"),
        ("穿唐装的老人", "穿着唐装的老人", "唐装老人", "穿唐装的老爷爷"),
    ),
    "surfer": (
        ("穿~泳衣的冲浪少年", "~的冲浪少年", "穿着~泳衣的冲浪者"),
        ("冲浪少年", "冲浪少年", "冲浪者", "冲浪的少年"),
    ),
}
CHINESE_SIGNS = ("写着{}的~牌子", "写着{}的~牌子", "写有{}的~招牌", "~的写着{}的牌子", "上面写着{}的~牌子")

MEASURES: dict[str, str] = {
    "cat": "只",
    "dog": "只条",
    "fish": "条",
    "bird": "只",
    "flower": "朵",
    "house": "座栋个",
    "tree": "棵",
    "cherry_tree": "棵",
    "lantern": "盏个",
    "car": "辆",
    "boat": "艘条",
    "moon": "轮个",
    "sun": "个轮",
    "hanfu_girl": "位个名",
    "tang_man": "位个名",
    "palace": "座",
    "surfer": "位个名",
    "star": "颗个",
    "heart": "颗个",
    "sign": "块个",
}
"""Chinese measure words by subject; others take 个."""

CHINESE_COLOURS: dict[str, tuple[str, str]] = {
    "red": ("红色", "红"),
    "orange": ("橙色", "橙色"),
    "yellow": ("黄色", "黄"),
    "green": ("绿色", "绿"),
    "blue": ("蓝色", "蓝"),
    "purple": ("紫色", "紫"),
    "pink": ("粉色", "粉红色"),
    "brown": ("棕色", "棕"),
    "white": ("白色", "白"),
    "black": ("黑色", "黑"),
}
"""The usual word for a colour, and a second one; of one syllable it stands before a noun without 的."""

ENGLISH_PLACES: dict[str, tuple[str, ...]] = {
    "left": ("on the left", "on the left", "at left", "on the left side"),
    "right": ("on the right", "on the right", "at right", "on the right side"),
    "top": ("at the top", "on top"),
    "bottom": ("at the bottom", "at the bottom", "at bottom"),
    "middle": ("in the middle", "in the center", "in the centre"),
    "top left": ("in the top left", "in the top left corner", "at the upper left"),
    "top right": ("in the top right", "in the top right corner", "at the upper right"),
    "bottom left": ("in the bottom left", "in the bottom left corner", "at the lower left"),
    "bottom right": ("in the bottom right", "in the bottom right corner", "at the lower right"),
}
CHINESE_PLACES: dict[str, tuple[str, ...]] = {
    "left": ("左侧", "左边", "左侧", "左"),
    "right": ("右侧", "右边", "右侧", "右"),
    "top": ("上方", "上面", "顶部"),
    "bottom": ("下方", "下面", "底部"),
    "middle": ("中间", "中央"),
    "top left": ("左上角", "左上方"),
    "top right": ("右上角", "右上方"),
    "bottom left": ("左下角", "左下方"),
    "bottom right": ("右下角", "右下方"),
}
ENGLISH_BACKGROUNDS: dict[str, tuple[str, ...]] = {
    "paper": ("on paper", "paper background", "on a paper background", "beige background"),
    "white": ("white background", "on a white background", "on white"),
    "day": ("by day", "in the daytime", "daytime", "on a sunny day", "blue sky and green hills"),
    "night": ("at night", "by night", "night", "night sky"),
    "snow": ("in the snow", "in winter", "on a snowy day", "snow"),
    "beach": ("on the beach", "at the beach", "on a beach", "beach background", "by the sea"),
    "pink": ("pink background", "on a pink background", "on pink"),
    "blue": ("blue background", "on a blue background", "on blue"),
    "green": ("green background", "on a green background", "on green"),
}
CHINESE_BACKGROUNDS: dict[str, tuple[str, ...]] = {
    "paper": ("纸张背景", "米色背景", "米色纸张背景"),
    "white": ("白色背景", "白色的背景", "白背景"),
    "day": ("白天", "晴天", "白天背景", "蓝天绿地"),
    "night": ("夜晚", "夜晚背景", "晚上", "夜空下"),
    "snow": ("雪地", "雪天", "冬天", "雪地背景"),
    "beach": ("海滩", "沙滩", "海边", "海滩背景", "沙滩上"),
    "pink": ("粉色背景", "粉色的背景", "粉红色背景"),
    "blue": ("蓝色背景", "蓝色的背景"),
    "green": ("绿色背景", "绿色的背景"),
}

ENGLISH_STYLES = (
    "paper cut style",
    "paper cut",
    "realistic style",
    "realistic",
    "high quality",
    "cute",
    "illustration",
)
ENGLISH_OPENINGS = ("a picture of", "a photo of", "an image of", "draw", "please draw", "an illustration of")
CHINESE_STYLES = ("写实风格", "剪纸风格", "剪纸", "高清", "高质量", "可爱风格", "插画", "插画风格")
CHINESE_OPENINGS = ("画", "请画", "一张图片，", "一幅画，", "图片：")
NUMBERS: dict[int, tuple[str, str]] = {2: ("two", "两"), 3: ("three", "三"), 4: ("four", "四")}
