"""The report of a run: one value with every figure, read once, told as JSON and as a page."""
