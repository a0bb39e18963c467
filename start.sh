#!/usr/bin/env bash
# Opens the Z-Image studio in JupyterLab. Finds a Python, makes .venv beside itself, and hands over to zimage_lab/start.
set -u

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
venv="$here/.venv"

case "${ZIMAGE_LAB_LANGUAGE:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in
  zh* | ZH*) chinese=1 ;;
  *) chinese= ;;
esac

say() { if [ -n "$chinese" ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi; }
fail() { say "$1" "$2" >&2; exit 1; }

if [ "${1:-}" = "--help" ] || [ "${1:-}" = "-h" ]; then
  say "usage: ./start.sh [ARGUMENTS OF jupyter lab]

Opens the Z-Image studio in JupyterLab and prints its address. The first run installs everything into .venv.
In a terminal of a running JupyterLab it starts no second one, but adds the studio to that one.

  ZIMAGE_LAB_PYTHON         the Python (3.11 or newer) to make .venv with
  ZIMAGE_LAB_HOME           folder of pictures, models and settings
  ZIMAGE_LAB_LANGUAGE       en or zh
  ZIMAGE_LAB_NO_BROWSER     1: do not open a browser
  ZIMAGE_LAB_OWN_SERVER     1: start a JupyterLab of our own, also in a terminal of another
  ZIMAGE_LAB_TORCH_INDEX    where to get torch from, instead of the place that fits this machine
  PIP_INDEX_URL             a mirror for all other packages
  YARN_NPM_REGISTRY_SERVER  a mirror of npm's registry, for building the JupyterLab extension" \
    "用法：./1键启动.sh [jupyter lab 的参数]

在 JupyterLab 中打开 Z-Image 工作室并显示网址。首次运行会把所需内容安装到 .venv。
若在已运行的 JupyterLab 的终端中执行，则不会另起服务器，而是把工作室加入其中。

  ZIMAGE_LAB_PYTHON         用来创建 .venv 的 Python（3.11 或更高）
  ZIMAGE_LAB_HOME           存放图片、模型和设置的文件夹
  ZIMAGE_LAB_LANGUAGE       en 或 zh
  ZIMAGE_LAB_NO_BROWSER     1：不打开浏览器
  ZIMAGE_LAB_OWN_SERVER     1：即使在其他 JupyterLab 的终端中也启动独立服务器
  ZIMAGE_LAB_TORCH_INDEX    torch 的下载源，代替自动选择
  PIP_INDEX_URL             其他包的镜像源
  YARN_NPM_REGISTRY_SERVER  npm 镜像源，用于构建 JupyterLab 扩展"
  exit 0
fi

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  # The plain names come first: on a cloud image they are the Python that holds its torch.
  for name in ${ZIMAGE_LAB_PYTHON:+"$ZIMAGE_LAB_PYTHON"} python3 python python3.13 python3.12 python3.11 python3.14; do
    path="$(command -v "$name" 2>/dev/null)" || continue
    if new_enough "$path"; then printf '%s\n' "$path"; return 0; fi
  done
  return 1
}

# A .venv whose Python is gone (another machine, an upgrade) is made anew.
if ! new_enough "$venv/bin/python"; then
  if [ -n "${ZIMAGE_LAB_PYTHON:-}" ] && ! new_enough "$ZIMAGE_LAB_PYTHON"; then
    fail "ZIMAGE_LAB_PYTHON is $ZIMAGE_LAB_PYTHON, which is no Python 3.11 or newer: name another or unset it, then run this again." \
      "ZIMAGE_LAB_PYTHON 指定的 $ZIMAGE_LAB_PYTHON 不是 Python 3.11 或更高版本：请改正或取消设置，然后重新运行。"
  fi
  if ! python="$(find_python)"; then
    found="$(python3 --version 2>/dev/null || true)"
    fail "Python 3.11 or newer is needed (found: ${found:-none}): install it (Debian, Ubuntu: apt-get install python3 python3-venv; conda: conda create -n py312 python=3.12) or name one in ZIMAGE_LAB_PYTHON, then run this again." \
      "需要 Python 3.11 或更高版本（当前：${found:-无}）：请安装（Debian、Ubuntu：apt-get install python3 python3-venv；conda：conda create -n py312 python=3.12），或用 ZIMAGE_LAB_PYTHON 指定，然后重新运行。"
  fi
  say "Making $venv with $("$python" --version)." "正在用 $("$python" --version) 创建 $venv。"
  if ! why="$("$python" -m venv --clear "$venv" 2>&1)"; then
    free="$(df -Pk "$here" | awk 'NR == 2 { print $4 }')"
    if [ "${free:-999999}" -lt 100000 ]; then why="No space left"; fi # venv itself says only that ensurepip failed
    case "$why" in
      *"No space left"* | *"Disk quota"*)
        fail "The disk is full: delete something in or near $here and run this again." "磁盘已满：请清理 $here 所在磁盘后重新运行。" ;;
      *"ensurepip is not available"* | *"No module named"*)
        fail "This Python lacks its venv module: install it (Debian, Ubuntu: apt-get install python3-venv) and run this again." \
          "此 Python 缺少 venv 模块：请安装（Debian、Ubuntu：apt-get install python3-venv）后重新运行。" ;;
      *)
        fail "The environment $venv could not be made: ${why##*$'\n'}" "无法创建环境 $venv：${why##*$'\n'}" ;;
    esac
  fi
fi

# The package is not installed before the first run has ended, so it is found by its folder; -P keeps the folder from
# which this was called, perhaps another checkout, out of it.
PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" exec "$venv/bin/python" -P -m zimage_lab.start "$@"
