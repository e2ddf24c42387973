"""Notifications to systemd, which waits until the service is ready."""

import contextlib
import os
import socket


def ready() -> None:
    """Report that the server accepts requests, if systemd started this process; see sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification:
        notification.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)
