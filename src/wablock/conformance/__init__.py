"""Checks of the contract from the outside, for any server of the Block API and for any SDK.

The checks of servers need only `contract` and an HTTP client. `sdk` sends responses from the server's OpenAPI document.
"""
