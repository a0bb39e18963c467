"""Every sentence that starting can say, in English and in Chinese, so that both stay complete."""

from __future__ import annotations

import os
import sys

VARIABLE = "ZIMAGE_LAB_LANGUAGE"
LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")

TABLE: dict[str, tuple[str, str]] = {
    # installing
    "waiting": ("Another start is installing; waiting for it.", "另一个启动程序正在安装，等待其完成。"),
    "packages": (
        "Installing the packages (a few minutes, once; details in {log}).",
        "正在安装依赖包（仅首次需要，约几分钟；详情见 {log}）。",
    ),
    "tests": ("Installing what the tests need.", "正在安装测试所需的包。"),
    "extension": ("Building zimage_lab and its JupyterLab extension.", "正在构建 zimage_lab 及其 JupyterLab 扩展。"),
    "torch_cpu": (
        "No NVIDIA driver: installing torch {version} for the CPU.",
        "未检测到 NVIDIA 驱动：安装 CPU 版 torch {version}。",
    ),
    "torch_cuda": (
        "NVIDIA driver found: installing torch {version} with CUDA (about 3 GB).",
        "检测到 NVIDIA 驱动：安装 CUDA 版 torch {version}（约 3 GB）。",
    ),
    "torch_plain": ("Installing torch {version}.", "正在安装 torch {version}。"),
    "torch_host": (
        "Using torch {version} of {python}, which sees the GPU: no second download.",
        "使用 {python} 中的 torch {version}（可用 GPU）：无需重复下载。",
    ),
    "torch_next": (
        "{index} did not give torch; trying pip's own index (for Linux that is the CUDA build, about 3 GB).",
        "未能从 {index} 获取 torch，改用 pip 默认源（Linux 上为 CUDA 版，约 3 GB）。",
    ),
    "torch_gpu": ("torch {version} sees the GPU: {device}.", "torch {version} 可以使用 GPU：{device}。"),
    "torch_no_gpu": (
        (
            "torch {version} cannot use the GPU ({why}): update the NVIDIA driver, or name a fitting build in "
            "ZIMAGE_LAB_TORCH_INDEX; the CPU makes the pictures until then."
        ),
        (
            "torch {version} 无法使用 GPU（{why}）：请更新 NVIDIA 驱动，或用 ZIMAGE_LAB_TORCH_INDEX 指定合适的版本；"
            "在此之前用 CPU 生成图片。"
        ),
    ),
    # what ends a start
    "disk_full": (
        "The disk is full: {free} GB of the {need} GB needed are free at {place}; delete something and run this again.",
        "磁盘空间不足：{place} 剩余 {free} GB，需要 {need} GB；请清理后重新运行。",
    ),
    "download_failed": (
        (
            "A download failed: check the network, or set PIP_INDEX_URL (for the extension's build "
            "YARN_NPM_REGISTRY_SERVER) to a mirror, and run this again (details: {log})."
        ),
        (
            "下载失败：请检查网络（或用 PIP_INDEX_URL 指定 pip 镜像源；构建扩展时用 YARN_NPM_REGISTRY_SERVER "
            "指定 npm 镜像源）后重新运行；详情见 {log}。"
        ),
    ),
    "install_failed": (
        "The installation failed: the end of {log} says why; run this again after mending it.",
        "安装失败：原因见 {log} 末尾；处理后请重新运行。",
    ),
    "server_failed": (
        "JupyterLab did not start: the end of {log} says why.",
        "JupyterLab 未能启动：原因见 {log} 末尾。",
    ),
    "host_old": (
        (
            "This JupyterLab is {version}, and 4.4 is needed: run `pip install -U 'jupyterlab>=4.4'` where it is "
            "installed and restart it, or set ZIMAGE_LAB_OWN_SERVER=1 and run this again for a JupyterLab of our own."
        ),
        (
            "当前 JupyterLab 版本为 {version}，需要 4.4 或更高：请在其环境中运行 "
            "`pip install -U 'jupyterlab>=4.4'` 并重启，"
            "或设置 ZIMAGE_LAB_OWN_SERVER=1 后重新运行，启动独立的 JupyterLab。"
        ),
    ),
    # an own server
    "weights": ("Weights found on this machine:", "在本机找到的权重："),
    "starting": ("Starting JupyterLab (its log: {log}).", "正在启动 JupyterLab（日志：{log}）。"),
    "open": (
        "The studio is ready; Ctrl-C stops it. Open this address:",
        "工作室已就绪，按 Ctrl-C 停止。请打开以下地址：",
    ),
    "stopping": ("Stopping JupyterLab.", "正在停止 JupyterLab。"),
    # a server that is there already
    "host_found": (
        "This is a terminal of a running JupyterLab: no second one is started.",
        "当前终端属于正在运行的 JupyterLab：不再启动第二个。",
    ),
    "host_kernel": ("The kernel Z-Image is installed: {folder}", "已安装内核 Z-Image：{folder}"),
    "host_extension": ("Installed for JupyterLab: {names}", "已为 JupyterLab 安装：{names}"),
    "host_unseen": (
        "JupyterLab does not list {names} yet: restart it if the card does not appear after a reload.",
        "JupyterLab 尚未识别 {names}：若刷新后没有出现卡片，请重启它。",
    ),
    "host_http": (
        (
            "Programs do not find {url}zimage yet: restart this JupyterLab once if zimage_lab is installed in its own "
            "environment; otherwise `{program} serve` gives them the same addresses."
        ),
        (
            "程序暂时无法访问 {url}zimage：若 zimage_lab 装在此 JupyterLab 自己的环境中，请将其重启一次；"
            "否则可用 `{program} serve` 提供同样的接口。"
        ),
    ),
    "host_open": (
        (
            "Reload JupyterLab in your browser, then choose Z-Image Studio in the launcher, or put ?zimage=open behind "
            "its address, or open this link:"
        ),
        (
            "请在浏览器中刷新 JupyterLab，然后在启动页选择 Z-Image Studio；"
            "也可在其地址后加上 ?zimage=open，或打开以下链接："
        ),
    ),
}


class StartError(Exception):
    """Starting cannot go on; ``str()`` is the one sentence that says what to do.

    Parameters
    ----------
    key
        Which sentence.
    values
        What stands in its braces.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(text(key, **values))
        self.key = key


def language() -> str:
    """Give "zh" or "en": what ``ZIMAGE_LAB_LANGUAGE`` says, else the locale."""
    chosen = os.environ.get(VARIABLE) or next((value for name in LOCALES if (value := os.environ.get(name))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def text(key: str, **values: object) -> str:
    """Give a sentence in the person's language.

    Parameters
    ----------
    key
        Which sentence.
    values
        What stands in its braces.
    """
    return TABLE[key][language() == "zh"].format(**values)


def say(key: str, **values: object) -> None:
    """Tell the person at the terminal what is going on.

    Parameters
    ----------
    key
        Which sentence.
    values
        What stands in its braces.
    """
    line(text(key, **values))


def line(words: str) -> None:
    """Write one line at once, also into a pipe, and whatever the terminal's encoding is.

    Parameters
    ----------
    words
        The line without its end.
    """
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(words.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()
