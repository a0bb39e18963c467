"""The nodes of this package, one file for each of the things that a graph does. Their names are ComfyUI's."""
