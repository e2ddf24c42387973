"""The check of an SDK: a test server sends each documented response, and judges the SDK's requests and results."""
