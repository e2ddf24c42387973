"""A downstream that costs as little as one can: it reads every request whole and answers 200.

    python -m benchmarks.peers.downstream

As quick as nginx with a constant, which answers before it has read a large body.
"""

import uvloop
from benchmarks.peers.bare import serve

_TAKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

if __name__ == "__main__":
    uvloop.run(serve(_TAKEN, "/hook"))
