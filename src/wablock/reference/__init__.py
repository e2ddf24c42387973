"""The reference at `/docs`: pages, Markdown and indexes, all made from the OpenAPI document."""
