"""A user's own pictures and captions become a LoRA."""

from __future__ import annotations

from zimage_lab.lora_training.train import train_lora

__all__ = ["train_lora"]
