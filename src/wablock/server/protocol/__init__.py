"""The HTTP/1.1 protocol: from the bytes of a connection to a `Request`, from an `Answer` to bytes, and all limits.

`requests.py` parses one connection's bytes into requests. `connection.py` passes them to the application, one after the
other. `output.py` writes no faster than the client reads. `heads.py` refuses what RFC 9112 forbids and writes the heads
of answers. `bodies.py` keeps arriving bodies in memory, within one budget. `connections.py` limits the number of
connections and closes them at the end. The application is a function from a request to an answer; it knows nothing
about connections.
"""
