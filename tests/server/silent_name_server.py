"""Two tenants and a name server that never answers. Run it where it does not change the machine's own names:

    unshare --user --map-root-user --mount --net python -m tests.server.silent_name_server DIRECTORY

One tenant sets hosts that are never resolved; then the other's webhook is posted, and its status is printed.
"""

import fcntl
import socket
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.receiver import receiving
from tests.running_server import NUMBER, running_server
from tests.server.slow_tenant import THEIR_ACCESS, THEIRS, add_slow_receiver
from tests.server.test_webhooks import ANNA, KEY, message, post, set_up, webhook

MANY: Final = 8
LONG: Final = 30.0  # seconds
_SIOCSIFFLAGS: Final = 0x8914
_UP: Final = 0x1


class SilentNameServer:
    """`was_queried` is set when two names are looked up at the same time, or one twice."""

    def __init__(self) -> None:
        self.was_queried = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for _ in range(4):  # each lookup queries IPv4 and IPv6
            self._socket.recv(4_096)
        self.was_queried.set()


def use_names_of_loopback(directory: Path) -> None:
    """Resolve `localhost` as usual, and send queries for every other name to 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP))
    for path, text in (("/etc/resolv.conf", "nameserver 127.0.0.1\n"), ("/etc/hosts", "127.0.0.1 localhost\n")):
        file = directory / Path(path).name
        file.write_text(text)
        subprocess.run(["mount", "--bind", str(file), path], check=True)


def main(directory: Path) -> None:
    use_names_of_loopback(directory)
    name_server = SilentNameServer()
    with (
        receiving() as receiver,
        running_server(directory, key=KEY, numbers=[NUMBER, THEIRS], tokens=[THEIR_ACCESS]) as gate,
        ThreadPoolExecutor(MANY) as pool,
    ):
        set_up(gate, f"http://localhost:{receiver.port}/")
        for number in range(MANY):
            pool.submit(add_slow_receiver, gate, number)
        assert name_server.was_queried.wait(LONG)

        sys.stdout.write(f"{post(gate, webhook(message(ANNA))).status_code}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
