"""The embedded model family: a picture world that this package draws, the code that trains on it, and the weights."""
