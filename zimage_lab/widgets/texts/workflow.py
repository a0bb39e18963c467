"""Texts of ComfyUI's workflows in the panel."""

from __future__ import annotations

WORKFLOW: dict[str, tuple[str, str]] = {
    "workflow": ("Workflow {name}", "工作流 {name}"),
    "workflow_nodes": (
        "{number} nodes, in the order in which they run. What comes from another node is named after the arrow.",
        "{number} 个节点，按运行顺序排列。箭头之后是来源节点。",
    ),
    "workflow_more": ("{number} more nodes are not shown.", "另有 {number} 个节点未显示。"),
    "workflow_run": ("Run the workflow", "运行工作流"),
    "workflow_save": ("Export (API)", "导出（API）"),
    "workflow_save_tip": (
        "The graph as ComfyUI's /prompt takes it, with what was changed here",
        "ComfyUI 的 /prompt 可用的工作流，包含此处的修改",
    ),
    "workflow_queued": ("In the queue. Its picture appears on the right.", "已进入队列，图片会出现在右侧。"),
    "workflow_unknown": ("There is no such node here.", "这里没有这种节点。"),
    "workflow_pictured": ("Workflow", "工作流"),
}
