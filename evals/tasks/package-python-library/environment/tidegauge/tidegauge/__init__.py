"""Reports what tide gauges saw."""

__version__ = "3.1.0"
