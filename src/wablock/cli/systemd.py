"""What systemd is told by a service that it waits for."""

import contextlib
import os
import socket


def ready() -> None:
    """Tell that requests are answered from now on, where systemd started this process; see sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)
