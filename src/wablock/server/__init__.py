"""The HTTP server: requests in, answers out, and nothing else."""
