"""The endpoints, one file for each noun. Every handler is `async (request: Request) -> Answer`."""
