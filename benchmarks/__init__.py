"""Benchmarks: each beside its plain alternative in the same run, so that a figure is a ratio.

`python -m benchmarks NAME|all [--json FILE] [--quick] [--all] [--profile]`; docs/performance.md
tells what was found. Timings decide nothing: a run fails only when an audit inside it does, an
order is lost or there twice, or a replay does not repeat itself.
"""
