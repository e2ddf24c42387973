"""HTTP/1.1 as wablock speaks it: bytes of connections here, `Request` and `Answer` there, every bound between them.

`requests.py` reads one connection's bytes as requests, and `connection.py` gives them to the application one after the
other. `heads.py` refuses what RFC 9112 forbids and writes the heads of answers. `bodies.py` keeps what arrives until it
is read, within a budget for all. `connections.py` is all connections: their number, their end. The application is a
function from a request to an answer; it knows nothing of connections.
"""
