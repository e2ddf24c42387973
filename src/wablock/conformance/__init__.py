"""The contract, checked from the outside: any server that speaks the Block API, and any SDK that speaks to one.

What checks servers needs `contract` and an HTTP client alone; `sdk` plays answers that the server's document has.
"""
