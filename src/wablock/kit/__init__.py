"""For tests of others: a development server that can be turned back, whose time can be turned, and that fails on order.

Nothing of it is in a production server. See `docs/reference/test-kit.md`.
"""
