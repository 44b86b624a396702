"""A server's address as people write it, and the channel to it."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import Fault, ServerError

DEFAULT_PORT = 50051
MAX_MESSAGE_BYTES = 64 << 20
SECURE = {"https", "grpcs"}
PLAIN = {"http", "grpc"}


class Address(NamedTuple):
    """Where a server is, and whether it speaks TLS."""

    target: str
    secure: bool

    @property
    def is_local(self) -> bool:
        """True for this very machine."""
        return bool(re.match(r"(localhost|127\.[\d.]+|\[::1\]):", self.target))


def parse(text: str) -> Address:
    """``host``, ``host:port``, or with ``http://``, ``https://``, ``grpc://``, ``grpcs://`` in front.

    Without a scheme this machine is spoken to plainly, and every other one by TLS.

    Raises ServerError where there is no host, or another scheme or port.
    """
    match = re.fullmatch(r"(?:([A-Za-z]+)://)?(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+)(?::(\d{1,5}))?/?", text.strip())
    scheme = (match.group(1) or "").lower() if match else ""
    if not match or (scheme and scheme not in SECURE | PLAIN) or not 0 < int(match.group(3) or DEFAULT_PORT) < 65536:
        raise ServerError(Fault.REFUSED, "This is no address: write it like server.hospital.org:50051.")
    target = f"{match.group(2)}:{match.group(3) or DEFAULT_PORT}"
    plain = Address(target, False)
    return plain._replace(secure=scheme in SECURE if scheme else not plain.is_local)


def open_channel(address: Address, ca_file: str = ""):
    """A channel, connected when it is first used. `ca_file`: authorities (PEM) to trust instead of the public ones."""
    import grpc

    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.min_reconnect_backoff_ms", 250),
        ("grpc.initial_reconnect_backoff_ms", 250),
        ("grpc.max_reconnect_backoff_ms", 2000),
        ("grpc.enable_http_proxy", 0 if address.is_local else 1),
    ]
    if not address.secure:
        return grpc.insecure_channel(address.target, options)
    roots = None
    if ca_file:
        try:
            with open(ca_file, "rb") as file:
                roots = file.read()
        except OSError as error:
            raise ServerError(Fault.TLS, "The certificate authority's file cannot be read: choose it again.") from error
    return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(roots), options)
