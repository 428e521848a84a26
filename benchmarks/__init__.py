"""Benchmarks of speed and memory: ratios from interleaved runs, one thread (`python -m benchmarks`)."""
