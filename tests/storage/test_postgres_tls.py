"""PostgreSQL over TLS, if the URL requires it, and only with the server that the URL names."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.cluster import QUICK, Cluster
from tests.storage.changes import block, is_blocked
from tests.storage.meters import CountingMeter
from tests.storage.people import person

from wablock.storage import CannotOpen, open_store
from wablock.storage.postgres.connections import Connections
from wablock.storage.postgres.sessions import Connection

_MINE = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def cluster(authority: trustme.CA) -> Iterator[Cluster]:
    cluster = Cluster(QUICK | {"ssl": "on", "ssl_cert_file": "../server.crt", "ssl_key_file": "../server.key"})
    try:
        cluster.create()
        certificate = authority.issue_cert("127.0.0.1")
        for name, pem in (("server.crt", certificate.cert_chain_pems[0]), ("server.key", certificate.private_key_pem)):
            file = cluster.folder / name
            pem.write_to_path(file)
            file.chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(file, "postgres", "postgres")
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


def _url(cluster: Cluster, authority: trustme.CA, folder: Path, host: str = "127.0.0.1") -> str:
    """A URL that requires a certificate of this authority for `host`."""
    root = folder / "root.pem"
    authority.cert_pem.write_to_path(root)
    return f"{cluster.url.replace('127.0.0.1', host)}?sslmode=verify-full&sslrootcert={root}"


async def test_a_server_with_a_valid_certificate_is_used_over_tls(
    cluster: Cluster, authority: trustme.CA, tmp_path: Path
) -> None:
    url = _url(cluster, authority, tmp_path)
    store, connections = open_store(url, CountingMeter()), Connections(url, 1)

    async def is_tls(connection: Connection) -> object:
        return await connection.fetchval(_MINE)

    await store.apply(block(person(1)))

    assert await is_blocked(store, person(1))
    assert await connections.run(is_tls) is True
    await store.close()
    await connections.close()


def test_a_server_with_a_certificate_of_another_authority_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="certificate verify failed"):
        open_store(_url(cluster, trustme.CA(), tmp_path), CountingMeter())


def test_a_server_with_another_name_is_refused(cluster: Cluster, authority: trustme.CA, tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="certificate is not valid for 'localhost'"):
        open_store(_url(cluster, authority, tmp_path, "localhost"), CountingMeter())
