"""The losses once more, as float64 loops that follow the papers' sums literally."""
