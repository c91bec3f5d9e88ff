"""Measurements that the documents quote: ``python -m benchmarks.engine`` from the repository's root, and so on."""
