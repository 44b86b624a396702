"""The server's services as plain calls. May be used from any thread; knows nothing of Slicer."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace

from . import address as addresses
from .errors import Fault, ServerError, from_rpc

# The protocol versions that this extension speaks.
PROTOCOL = range(1, 2)
TIMEOUT_S = 20.0
# A network on a busy processor may take its time; the reader can cancel.
WORK_TIMEOUT_S = 600.0
ANSWER_TIMEOUT_S = 5.0


def messages() -> SimpleNamespace:
    """The generated modules, imported when first asked for."""
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from .protos import export_pb2, geometry_pb2, labels_pb2, pacs_pb2, prompts_pb2, segmentation_pb2, volumes_pb2

    return SimpleNamespace(
        export=export_pb2,
        geometry=geometry_pb2,
        labels=labels_pb2,
        pacs=pacs_pb2,
        prompts=prompts_pb2,
        segmentation=segmentation_pb2,
        volumes=volumes_pb2,
    )


class Service:
    """The calls of one service, made from its descriptor: a stub without generated code."""

    def __init__(self, channel, descriptor):
        from google.protobuf.message_factory import GetMessageClass

        for method in descriptor.methods:
            kind = channel.unary_stream if method.server_streaming else channel.unary_unary
            call = kind(
                f"/{descriptor.full_name}/{method.name}",
                request_serializer=GetMessageClass(method.input_type).SerializeToString,
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
            setattr(self, method.name, call)


class Client:
    """A connection to one server.

    `address` as in `address.parse`; `token` for servers with accounts; `ca_file` for certificates of a site's own
    authority. Nothing is sent before the first call. Calls raise ServerError.
    """

    def __init__(self, address: str, token: str = "", ca_file: str = ""):
        parsed = addresses.parse(address)
        self.target, self._secure = parsed.target, parsed.secure
        self.token = token.strip()
        if self.token and not parsed.secure and not parsed.is_local:
            raise ServerError(Fault.TLS, "A token is not sent without TLS: write the address with https:// in front.")
        self._channel = addresses.open_channel(parsed, ca_file)
        self.messages = found = messages()
        self.services = SimpleNamespace(
            segmentation=Service(self._channel, found.segmentation.DESCRIPTOR.services_by_name["Segmentation"]),
            volumes=Service(self._channel, found.volumes.DESCRIPTOR.services_by_name["Volumes"]),
            pacs=Service(self._channel, found.pacs.DESCRIPTOR.services_by_name["Pacs"]),
            export=Service(self._channel, found.export.DESCRIPTOR.services_by_name["Export"]),
        )
        # The call that waits for its answer: what `cancel` ends. And how often that was asked for.
        self._pending = None
        self.cancels = 0

    def close(self) -> None:
        """End all calls."""
        self._channel.close()

    def cancel(self) -> None:
        """End the call that is waiting, from another thread; or what consists of many, between two of them."""
        self.cancels += 1
        if self._pending is not None:
            self._pending.cancel()

    def call(self, method, request, timeout: float = TIMEOUT_S):
        """One answer to one request."""
        import grpc

        try:
            self._pending = pending = method.future(request, timeout=timeout, metadata=self._metadata())
            return pending.result()
        except grpc.RpcError as error:
            raise from_rpc(error, self.target) from error
        except grpc.FutureCancelledError as error:
            raise ServerError(Fault.CANCELLED, "Cancelled.") from error
        finally:
            self._pending = None

    def stream(self, method, request, timeout: float = WORK_TIMEOUT_S, aside: bool = False):
        """The answers to one request, one by one. `cancel` ends it, unless it goes on `aside` of the reader's work."""
        import grpc

        pending = method(request, timeout=timeout, metadata=self._metadata())
        if not aside:
            self._pending = pending
        try:
            yield from pending
        except grpc.RpcError as error:
            raise from_rpc(error, self.target) from error
        finally:
            pending.cancel()
            if self._pending is pending:
                self._pending = None

    def release(self) -> None:
        """What is streaming now shall go on, whatever is cancelled later."""
        self._pending = None

    def _metadata(self):
        return (("authorization", f"Bearer {self.token}"),) if self.token else None

    def describe(self):
        """The server's description, if it speaks our protocol."""
        request = self.messages.segmentation.DescribeServerRequest()
        try:
            description = self.call(self.services.segmentation.DescribeServer, request, ANSWER_TIMEOUT_S)
        except ServerError as error:
            hung_up = error.fault is Fault.LOST and "socket closed" in error.details.lower()
            if not hung_up or self._secure:
                raise
            sentence = f"What answers at {self.target} hangs up: if it uses TLS, write https:// in front."
            raise ServerError(Fault.LOST, sentence, error.details) from error
        version = description.protocol_version
        if version < PROTOCOL.start:
            raise ServerError(Fault.VERSION, f"This server ({description.server_version}) is too old: update it.")
        if version >= PROTOCOL.stop:
            newer = f"This server ({description.server_version}) is newer: update the Isochrone extension."
            raise ServerError(Fault.VERSION, newer)
        return description

    def upload(self, source, modality: int, progress: Callable[[float], None]):
        """Sends an image file in chunks and has it read; after a lost connection, call it again to go on.

        `source`: size_bytes, and chunk(offset, size) → bytes; it keeps `upload_id`. `progress` gets 0 to 1.
        """
        pb, service = self.messages.volumes, self.services.volumes
        state, cancels = None, self.cancels
        if source.upload_id:
            try:
                state = self.call(service.GetUpload, pb.GetUploadRequest(upload_id=source.upload_id))
            except ServerError as error:
                if error.fault is not Fault.GONE:
                    raise
        if state is None:
            nrrd, size = pb.FILE_FORMAT_NRRD, source.size_bytes
            begin = pb.BeginUploadRequest(format=nrrd, size_bytes=size, modality=modality, sha256=source.sha256())
            state = self._begin_upload(begin)
            source.upload_id = state.upload_id
        while state.next_offset < source.size_bytes:
            if self.cancels != cancels:
                raise ServerError(Fault.CANCELLED, "Cancelled.")
            data = source.chunk(state.next_offset, min(state.max_chunk_bytes, 4 << 20))
            chunk = pb.UploadChunkRequest(upload_id=source.upload_id, offset=state.next_offset, data=data)
            state = self.call(service.UploadChunk, chunk)
            progress(state.next_offset / source.size_bytes)
        finish = pb.FinishUploadRequest(upload_id=source.upload_id)
        volume = self.call(service.FinishUpload, finish, WORK_TIMEOUT_S)
        source.upload_id = ""
        return volume

    def _begin_upload(self, request):
        try:
            return self.call(self.services.volumes.BeginUpload, request)
        except ServerError as error:
            if "size_bytes" not in error.sentence:
                raise
            size = f"{request.size_bytes / 2**30:.1f} GiB"
            sentence = f"The volume ({size}) is too large for this server: crop it first (module Crop Volume)."
            raise ServerError(Fault.REFUSED, sentence) from error

    def of_pacs(self, attempt: Callable):
        """`attempt()`, which the server passes on to a PACS. That the PACS does not answer is no lost server."""
        try:
            return attempt()
        except ServerError as error:
            if error.fault is not Fault.LOST:
                raise
            self.describe()
            raise ServerError(Fault.REFUSED, error.details or "The PACS does not answer the server.") from error

    def load_series(self, series_uid: str, progress: Callable[[float], None]) -> tuple:
        """Has the server fetch a series from a PACS of its: (volume, ""), or (None, why not)."""
        pb, service = self.messages.pacs, self.services.pacs
        names = self.call(service.ListPacs, pb.ListPacsRequest()).names
        why = "No PACS of the server has this series." if names else "The server has no PACS."
        for name in names:
            find = pb.FindSeriesRequest(pacs=name, series_uid=series_uid)
            try:
                for series in self.of_pacs(lambda: self.call(service.FindSeries, find)).series:
                    return self.of_pacs(lambda: self._load_from_pacs(name, series, progress)), ""
            except ServerError as error:
                if error.fault not in (Fault.REFUSED, Fault.GONE):
                    raise
                why = error.sentence
        return None, why

    def _load_from_pacs(self, name: str, series, progress: Callable[[float], None]):
        pb = self.messages.pacs
        request = pb.LoadFromPacsRequest(pacs=name, study_uid=series.study_uid, series_uid=series.series_uid)
        for event in self.stream(self.services.pacs.LoadFromPacs, request):
            if event.HasField("volume"):
                return event.volume
            progress(event.progress.instances / max(event.progress.of_instances, 1))
        raise ServerError(Fault.REFUSED, "The series did not arrive.")
