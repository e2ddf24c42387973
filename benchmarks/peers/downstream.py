"""The cheapest possible downstream: it reads every request completely and answers 200.

    python -m benchmarks.peers.downstream

It is as fast as nginx with a constant response, and nginx responds before it has read a large body.
"""

import uvloop
from benchmarks.peers.bare import serve

_ACCEPTED = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

if __name__ == "__main__":
    uvloop.run(serve(_ACCEPTED, "/hook"))
