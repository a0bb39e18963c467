"""Measures how fast a model makes pictures here, beside diffusers' own pipeline with the same weights.

A claim of speed is worth what stands beside it: every report names size, steps, precision and versions, the operations
that the picture must cost, the share of the device that was used, and how far the two ways' pixels lie apart.
"""

from zimage_lab.engine.bench.comparison import Plan, compare, load
from zimage_lab.engine.bench.device import Peak, matrix_rate, synchronise
from zimage_lab.engine.bench.ways import Diffusers, Ours, Sample

__all__ = ["Diffusers", "Ours", "Peak", "Plan", "Sample", "compare", "load", "matrix_rate", "synchronise"]
