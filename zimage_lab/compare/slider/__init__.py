"""Two pictures of one prompt on top of each other: wiped, side by side, in turns, or subtracted, under one camera.

`comparison.slider()` gives the widget; its `save(path)` writes the same as a page that needs nobody. What a pointer or
a key does is done in the page: `stage.js` is the widget's and the page's.
"""

from __future__ import annotations

from zimage_lab.compare.slider.widget import Slider

__all__ = ["Slider"]
