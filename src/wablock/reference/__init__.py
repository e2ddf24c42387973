"""The reference at `/docs`: pages, Markdown and indexes, all generated from the OpenAPI document."""
