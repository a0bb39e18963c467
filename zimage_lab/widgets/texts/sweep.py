"""Texts of the tab that makes sweeps."""

from __future__ import annotations

SWEEP: dict[str, tuple[str, str]] = {
    "sweep": ("Sweep", "参数扫描"),
    "sweep_tip": (
        "Vary this picture's settings, and see all of them side by side",
        "改变这张图片的设置，并排查看所有结果",
    ),
    # what it starts from
    "sweep_from": ("Starts from", "基于"),
    "sweep_take": ("Take from Create", "取自创作"),
    "sweep_take_tip": ("Start from the prompt and settings as Create has them now", "使用创作页当前的提示词和设置"),
    "sweep_no_base": (
        "Write a prompt in Create, or choose Sweep at a picture: its settings are varied here.",
        "请先在创作页写提示词，或在图片下选择“参数扫描”：这里会改变它的设置。",
    ),
    # what varies
    "vary": ("Vary", "改变"),
    "values": ("Values", "取值"),
    "needle": ("Find in the prompt", "在提示词中查找"),
    "replacements": ("Replace with", "替换为"),
    "add_axis": ("Vary more", "添加一项"),
    "add_axis_tip": ("Vary another setting: every combination is made", "再改变一项设置：每种组合都会生成"),
    "remove_axis": ("Do not vary this", "不改变这一项"),
    "seeds": ("Seeds", "种子数"),
    "seeds_tip": ("How many seeds each combination is made with", "每种组合使用多少个种子"),
    "replace": ("Words of the prompt", "提示词中的词"),
    "lora_weight": ("LoRA weight", "LoRA 权重"),
    "hint_numbers": ("4, 6, 8 or 1-10 (+2) or 1-3 [5]", "4, 6, 8 或 1-10 (+2) 或 1-3 [5]"),
    "hint_size": ("128x128, 192x128", "128x128, 192x128"),
    "hint_model": ("Names of models, with commas", "模型名称，用逗号分隔"),
    "hint_texts": ("dog, fish: quotes around a comma", "狗, 鱼：含逗号时加引号"),
    "hint_prompt": ("Prompts, with | between them", "多条提示词，用 | 分隔"),
    "axis_twice": ("This is varied above already. Write all values there.", "上面已经改变了这一项，请把取值写在一起。"),
    "no_values": ("Write the values, such as {hint}.", "请填写取值，例如 {hint}。"),
    "no_needle": ("Write a word of the prompt.", "请填写提示词中的一个词。"),
    # what it will be
    "plan_count": ("{count} pictures", "{count} 张图片"),
    "plan_one": ("1 picture", "1 张图片"),
    "plan_pixels": ("{number} megapixels", "{number} 百万像素"),
    "plan_time": ("about {time}", "约 {time}"),
    "plan_no_time": ("time unknown before a picture of this model was made", "该模型生成过图片后才能估计时间"),
    "over_limit": ("{what}. Give fewer values, or lift the limit.", "{what}。请减少取值，或解除上限。"),
    "lift": ("Lift the limit", "解除上限"),
    "lift_tip": ("Make them all, however many there are", "无论多少都生成"),
    "start": ("Start", "开始"),
    "start_tip": ("Make every combination", "生成所有组合"),
    # the run
    "pause": ("Pause", "暂停"),
    "pause_tip": ("Begin no more pictures; what is being made is finished", "不再开始新的图片；正在生成的会完成"),
    "resume": ("Resume", "继续"),
    "resume_tip": ("Make what is missing", "生成缺少的图片"),
    "sweep_cancel_tip": ("Stop the sweep; what is made stays", "停止参数扫描；已生成的会保留"),
    "saved_sweeps": ("Saved sweeps", "已保存的扫描"),
    "saved_none": ("None yet", "还没有"),
    "saved_choose": ("Open one", "打开一个"),
    "saved_line": ("{name} · {count}", "{name} · {count}"),
    "run_line": ("{done} of {count}", "{done} / {count}"),
    "run_failed": ("{number} not made", "{number} 张未生成"),
    "run_running": ("being made", "正在生成"),
    "run_paused": ("paused", "已暂停"),
    "run_cancelled": ("cancelled", "已取消"),
    "run_done": ("done", "已完成"),
    "run_stopped": ("stopped: Resume makes the rest", "已停止：点击继续可生成其余图片"),
    # taken elsewhere
    "as_sheet": ("Contact sheet", "缩略图总表"),
    "as_page": ("Web page", "网页"),
    "as_folder": ("Folder of pictures", "图片文件夹"),
    "sweep_export_tip": ("Save it beside the notebook", "保存到笔记本所在的文件夹"),
    "saving": ("Saving ...", "正在保存……"),
    "saved_as": ("Saved {path}: {count} pictures, {size}", "已保存 {path}：{count} 张图片，{size}"),
    # the chosen cell
    "rerun": ("Make again", "重新生成"),
    "rerun_tip": ("Make this cell again; the picture before stays in the gallery", "重新生成这一格；原图片仍在图库中"),
}
"""Key to English and Chinese."""
