"""The gate: rules that drop webhooks of blocked users and refuse messages to them. It uses ports and does no I/O."""
