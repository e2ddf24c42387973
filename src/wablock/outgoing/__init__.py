"""Outgoing HTTP: webhooks to receivers, messages to upstreams, and the one function that opens connections."""
