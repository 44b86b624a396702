"""What can go wrong with a server, each as one sentence for the panel."""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """Kinds of faults that the plugin treats differently."""

    LOST = "lost"  # nobody answers: tried again
    TLS = "tls"
    TOKEN = "token"
    VERSION = "version"
    GONE = "gone"  # the server does not know the session or the volume any more
    MOVED = "moved"  # the session is at another revision
    CANCELLED = "cancelled"
    REFUSED = "refused"  # anything else; the server's own words


class ServerError(Exception):
    """A call that failed: its kind, what to tell the reader, and what gRPC or the server said."""

    def __init__(self, fault: Fault, sentence: str, details: str = ""):
        super().__init__(sentence)
        self.fault = fault
        self.sentence = sentence
        self.details = details


def from_rpc(error, address: str) -> ServerError:
    """The reader's view of a gRPC error."""
    import grpc

    code, details = error.code(), (error.details() or "").strip()
    lower = details.lower()
    tls = any(word in lower for word in ("ssl", "tls", "certificate", "handshake", "hostname", "peer name"))
    if code == grpc.StatusCode.UNAVAILABLE and tls:
        return ServerError(Fault.TLS, tls_sentence(lower, address))
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        sentence = f"No server answers at {address}. Start it, or correct the address."
        return ServerError(Fault.LOST, sentence, details)
    if code == grpc.StatusCode.UNAUTHENTICATED:
        return ServerError(Fault.TOKEN, "The server does not accept this token. Ask its administrator for a new one.")
    if code == grpc.StatusCode.NOT_FOUND:
        return ServerError(Fault.GONE, details or "The server does not know this session any more.")
    if code == grpc.StatusCode.ABORTED:
        return ServerError(Fault.MOVED, details)
    if code == grpc.StatusCode.CANCELLED:
        return ServerError(Fault.CANCELLED, "Cancelled.")
    if code == grpc.StatusCode.UNIMPLEMENTED:
        return ServerError(Fault.VERSION, "The server is older than this extension: update the server.")
    return ServerError(Fault.REFUSED, details or f"The server failed ({code.name.lower()}): look into its log.")


def tls_sentence(details: str, address: str) -> str:
    """What is wrong with a secure connection, as far as gRPC tells."""
    if "hostname" in details or "peer name" in details or "match" in details:
        host = address.rsplit(":", 1)[0]
        return f"The server's certificate is not for {host}: use the name that is in the certificate as the address."
    if "wrong_version" in details or "wrong version" in details or "first record" in details:
        return "The server does not use TLS: write the address with http:// in front."
    return "The server's certificate is not trusted here: choose the file of your site's certificate authority (CA)."
