"""Outgoing HTTP: webhooks to receivers, messages to upstreams, and the dialling of all connections."""
