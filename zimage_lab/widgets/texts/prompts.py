"""Texts of what helps with writing prompts."""

from __future__ import annotations

PROMPTS: dict[str, tuple[str, str]] = {
    # earlier prompts
    "earlier": ("Earlier prompts", "用过的提示词"),
    "earlier_search": ("Search", "搜索"),
    "no_earlier": ("Prompts that you draw are listed here.", "画过的提示词会列在这里。"),
    "none_earlier": ("No earlier prompt fits.", "没有符合的提示词。"),
    # writing it out
    "improve": ("Improve", "润色"),
    "improve_tip": (
        "Let the model that reads prompts write this one out; Undo gives yours back",
        "让读取提示词的模型把它写得更完整；可以撤销",
    ),
    "improve_off": (
        "The text encoder of {title} cannot write; Z-Image's own can",
        "{title} 的文本编码器不能写作；Z-Image 自己的可以",
    ),
    "improve_stop": ("Stop writing", "停止"),
    "improve_undo": ("Undo", "撤销"),
    "improve_undo_tip": ("Give back the prompt as it was", "恢复原来的提示词"),
    # styles
    "styles": ("Styles", "风格"),
    "style_on": ("{names} on", "已用：{names}"),
    "style_tip": ("Put this style around the prompt, or take it off", "使用或取消这个风格"),
    "style_name": ("Name", "名称"),
    "style_name_hint": ("A name for the prompt above", "为上面的提示词起个名字"),
    "save_style": ("Save as style", "存为风格"),
    "save_style_tip": (
        "Keep the prompt above as a style; {{prompt}} in it is where the next prompt goes",
        "把上面的提示词存为风格；其中的 {{prompt}} 代表以后的提示词",
    ),
    "remove_style": ("Remove", "移除"),
    "remove_style_tip": ("Forget the styles that are on", "删除已选的风格"),
    "no_styles": ("No styles yet. Write one above and save it.", "还没有风格。可在上方写好后保存。"),
    # many prompts from one
    "many": ("Many prompts from one", "批量提示词"),
    "many_number": ("{number} prompts", "{number} 条提示词"),
    "wildcards": ("Choices {{a|b}} and __names__", "选项 {{a|b}} 与 __名称__"),
    "wildcards_tip": (
        "Read {{red|blue}} as a choice, and __animals__ as a line of animals.txt",
        "把 {{红|蓝}} 读作选项，把 __animals__ 读作 animals.txt 中的一行",
    ),
    "notebook_variables": ("Notebook variables", "笔记本变量"),
    "notebook_variables_tip": (
        "{{name}} in the prompt is the value of that variable",
        "提示词中的 {{name}} 代表同名变量的值",
    ),
    "rows": ("Table", "表格"),
    "rows_hint": ("colour,animal\nred,cat\nblue,dog", "颜色,动物\n红色,猫\n蓝色,狗"),
    "rows_file": ("Load a CSV", "载入 CSV"),
    "rows_note": (
        "A column's name in braces stands for its value, one picture a row: a {{colour}} {{animal}}.",
        "花括号里的列名代表该列的值，每行一张：一只{{颜色}}的{{动物}}。",
    ),
    "and_others": ("and {number} more", "另有 {number} 条"),
    # pictures
    "pictures": ("Pictures", "张数"),
    "pictures_tip": ("Pictures of each prompt, with consecutive seeds", "每条提示词的张数，种子依次加一"),
    "pictures_wrong": ("Use a whole number from 1 to {most}", "请输入 1 到 {most} 的整数"),
    "too_many_pictures": (
        "{number} pictures are more than the {most} that one click queues. Give fewer rows, choices or pictures.",
        "{number} 张超过了一次点击可排队的 {most} 张。请减少行数、选项或张数。",
    ),
    "generate_number": ("Generate {number} pictures", "生成 {number} 张图片"),
    "queued_number": ("Queued {number} pictures.", "已排队 {number} 张图片。"),
}
"""Key to English and Chinese."""
