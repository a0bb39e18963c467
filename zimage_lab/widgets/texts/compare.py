"""Texts of the tab that compares models."""

from __future__ import annotations

COMPARE: dict[str, tuple[str, str]] = {
    "compare": ("Compare", "对比"),
    "compare_tip": ("Compare models on this picture's prompt", "用这张图片的提示词对比模型"),
    # what is compared
    "prompts": ("Prompts, one on each line", "提示词，每行一条"),
    "prompts_hint": (
        "a red cat on the left, a yellow lantern on the right",
        "左侧一只红色的猫，右侧一盏黄色的灯笼",
    ),
    "compare_no_prompts": (
        "Write prompts, or choose Compare at a picture: every model draws all of them.",
        "请填写提示词，或在图片下选择“对比”：每个模型都会画出全部提示词。",
    ),
    "models": ("Models", "模型"),
    "own_steps": ("its own", "默认"),
    "remove_model": ("Do not compare this", "不对比这个模型"),
    "add_model": ("Add a model", "添加模型"),
    "add_model_tip": ("Compare one more, or the same with other steps", "再加一个模型，或同一模型用不同步数"),
    "compare_seeds_tip": (
        "Pictures of each prompt by each model; equal seeds mean nothing between models",
        "每个模型为每条提示词生成的张数；不同模型之间相同的种子没有可比性",
    ),
    "match": ("Made equal", "统一条件"),
    "match_own": ("nothing: each as recommended", "不统一：各用推荐设置"),
    "match_size": ("size", "尺寸"),
    "match_steps": ("steps", "步数"),
    "match_time": ("time of a picture", "每张耗时"),
    "compare_plan": (
        "{count} pictures: {prompts} x {seeds} x {models} (prompts, seeds, models), and a warm-up of each model",
        "{count} 张图片：{prompts} x {seeds} x {models}（提示词、种子、模型），另有各模型预热一张",
    ),
    "compare_start_tip": (
        "Measure them one at a time; other pictures wait meanwhile",
        "逐张测量；其间其他图片等待",
    ),
    "compare_cancel_tip": ("Stop the comparison; what is made stays", "停止对比；已生成的会保留"),
    "saved_comparisons": ("Saved comparisons", "已保存的对比"),
    # what came of it
    "compare_table": ("Table", "数据表"),
    "compare_look": ("Look", "查看"),
    "compare_rate": ("Rate blindly", "盲评"),
    "as_report": ("Report", "报告"),
    "as_slider": ("Slider as a web page", "滑动对比网页"),
    "as_votes": ("Votes (JSON)", "投票（JSON）"),
    "as_votes_table": ("Votes (CSV)", "投票（CSV）"),
    "compare_export_tip": ("Make the file, and a link to save it", "生成文件和下载链接"),
    "written": ("Saved {path} ({size})", "已保存 {path}（{size}）"),
    "bring_votes": ("Bring votes", "导入投票"),
    "votes_came": ("{new} new votes; {known} were here already", "新增 {new} 票；{known} 票已存在"),
}
"""Key to English and Chinese."""
