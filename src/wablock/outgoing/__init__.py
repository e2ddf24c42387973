"""HTTP that wablock sends: webhooks to receivers, messages to upstreams, and the one way to dial."""
