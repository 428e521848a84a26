"""Measured claims: ratios from one interleaved run, one thread. Run with `python -m benchmarks`."""
