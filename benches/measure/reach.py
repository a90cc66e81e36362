"""Connections to each worker: the kernel chooses the worker, so connections are opened until each worker has one."""

import os
from pathlib import Path

from .connection import Connection
from .processes import Failed, eventually
from .servers import Server

_MOST_CONNECTIONS = 2000


def each_worker(server: Server) -> dict[int, Connection]:
    """Opens one connection to each worker; the keys are process ids."""
    found: dict[int, Connection] = {}
    workers = server.workers()
    for _ in range(_MOST_CONNECTIONS):
        connection = Connection(server.port)
        worker = eventually("a worker to accept a connection", lambda: _owner(workers, connection))
        if worker in found:
            connection.close_at_once()
        found.setdefault(worker, connection)
        if len(found) == len(workers):
            return found
    raise Failed(f"{_MOST_CONNECTIONS} connections reached {len(found)} of {len(workers)} workers")


def _owner(workers: list[int], connection: Connection) -> int | None:
    """The worker that accepted the connection, once one has."""
    inode = connection.server_inode()
    if inode is None:
        return None
    return next((worker for worker in workers if inode in _socket_inodes(worker)), None)


def _socket_inodes(pid: int) -> set[int]:
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(int(target[8:-1]))
    return inodes
