"""Whether a port is free, and who has it when it is not."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import NamedTuple

import psutil

from entrepot.words.outcome import Broken


class Holder(NamedTuple):
    """The process that listens on a port.

    pid  None when it cannot be found: it is another account's, and we are not root
    """

    pid: int | None
    command: str


def port_holder(port: int) -> Holder | None:
    """Who listens on `port`, on any address; None when nobody does."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        connections = []
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            pid = connection.pid
            return Holder(pid, _command(pid) if pid is not None else "a process we may not see")
    return None


def _command(pid: int) -> str:
    with suppress(psutil.Error):
        return " ".join(psutil.Process(pid).cmdline())[:120]
    return "unknown"


def require_free(host: str, port: int) -> None:
    """Raises: Broken when nobody can listen there, naming what is in the way."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise Broken(
            f"ENTREPOT_HOST: found {host!r}, which is no address of this machine "
            f"({error.strerror}); use 127.0.0.1, or 0.0.0.0 for every IPv4 address"
        ) from error
    for family, kind, protocol, _name, address in addresses:
        with socket.socket(family, kind, protocol) as probe:
            # Connections of an earlier run that are still closing do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise Broken(_why(host, port, error)) from error


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = port_holder(port)
        who = "another process"
        if holder is not None:
            who = f"process {holder.pid or '?'} ({holder.command})"
        return (
            f"ENTREPOT_PORT: port {port} on {host} is in use by {who}; "
            "end that process or choose another port"
        )
    if error.errno == errno.EACCES:
        return (
            f"ENTREPOT_PORT: this account may not listen on port {port}; choose one above 1023, "
            "with a proxy in front, or grant it CAP_NET_BIND_SERVICE"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"ENTREPOT_HOST: found {host!r}, which is no address of this machine; "
            "use 127.0.0.1, or 0.0.0.0 for every IPv4 address"
        )
    return f"ENTREPOT_PORT: cannot listen on {host} port {port}: {error.strerror}"
