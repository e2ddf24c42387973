"""The test kit: a development server that can be reset, whose clock can be set, and that injects faults.

A production server contains none of it. See `docs/reference/test-kit.md`.
"""
