"""Texts of the gallery and of what it does with pictures."""

from __future__ import annotations

GALLERY: dict[str, tuple[str, str]] = {
    "create": ("Create", "创作"),
    "gallery": ("Gallery", "图库"),
    # the search
    "search": ("Search the prompts", "搜索提示词"),
    "search_hint": ("Part of a prompt, in any language", "提示词的一部分，中英文均可"),
    "any_model": ("Every model", "全部模型"),
    "any_seed": ("Any seed", "任意种子"),
    "when": ("When", "时间"),
    "any_time": ("Any time", "任何时间"),
    "today": ("Last 24 hours", "最近 24 小时"),
    "week": ("Last 7 days", "最近 7 天"),
    "month": ("Last 30 days", "最近 30 天"),
    "any_tag": ("Every tag", "全部标签"),
    "tag": ("Tag", "标签"),
    "favourites": ("Favourites", "收藏"),
    "favourites_tip": ("Show favourites only", "只显示收藏的图片"),
    "not_a_seed": ("A seed is a whole number from 0", "种子是从 0 开始的整数"),
    # the pages
    "no_pictures": ("No pictures yet. What you make appears here.", "还没有图片。生成的图片会出现在这里。"),
    "none_found": ("No picture fits this search.", "没有符合条件的图片。"),
    "clear_search": ("Clear the search", "清除搜索条件"),
    "page_line": ("{first} to {last} of {total}", "第 {first} 至 {last} 张，共 {total} 张"),
    "newer": ("Newer", "较新"),
    "older": ("Older", "较早"),
    "select": ("Select", "选择"),
    "select_tip": ("Choose several pictures", "选择多张图片"),
    "selected": ("{number} selected", "已选 {number} 张"),
    "select_none": ("Select pictures by a click", "点击图片进行选择"),
    # one picture
    "back": ("All pictures", "全部图片"),
    "previous": ("Newer picture", "较新的一张"),
    "next": ("Older picture", "较早的一张"),
    "favourite": ("Favourite", "收藏"),
    "favourite_tip": (
        "Keep this one at hand; favourites stay when old pictures are deleted",
        "收藏这张图片；清理旧图片时会保留收藏",
    ),
    "tags": ("Tags", "标签"),
    "tags_hint": ("Separated by commas", "用逗号分隔"),
    "add_tag": ("Tag them", "添加标签"),
    "export": ("Export", "导出"),
    "export_tip": ("Save a copy in this format, its recipe inside", "以此格式保存副本，内含配方"),
    "export_ready": ("Save {name} ({size})", "保存 {name}（{size}）"),
    "delete": ("Delete", "删除"),
    "delete_tip": ("Delete the picture; its record stays", "删除图片；记录会保留"),
    "deleted_one": ("Deleted “{prompt}”.", "已删除“{prompt}”。"),
    "deleted": ("Deleted {number} pictures.", "已删除 {number} 张图片。"),
    "undo": ("Undo", "撤销"),
    "undo_tip": ("Take them back; for an hour they can be", "恢复图片；一小时内有效"),
    # a recipe from a file
    "from_picture": ("Recipe from a picture", "从图片读取配方"),
    "from_picture_note": (
        "A PNG, JPEG or WebP from here, ComfyUI or Automatic1111. Nothing changes before you apply it.",
        "可读取本工具、ComfyUI 或 Automatic1111 的 PNG、JPEG、WebP。应用之前不会改变任何设置。",
    ),
    "found_recipe": ("Found in {name}, written by {program}", "在 {name} 中找到，来自 {program}"),
    "picture": ("Picture", "图片"),
    "apply": ("Apply", "应用"),
    "cfg": ("CFG", "CFG"),
}
"""Key to English and Chinese."""
