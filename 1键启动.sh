#!/usr/bin/env bash
# start.sh，中文提示。
ZIMAGE_LAB_LANGUAGE=zh exec "$(dirname "${BASH_SOURCE[0]}")/start.sh" "$@"
