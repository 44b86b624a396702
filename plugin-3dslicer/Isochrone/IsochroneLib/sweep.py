"""The whole volume looked over in the background: where to look before the first click."""

from __future__ import annotations

import threading

from .actions import Context, fetch_map
from .errors import ServerError

# A whole body on a processor takes its time; prompts go first on the server, and lose none to it.
LIMIT_S = 3600.0
WHAT = "Looking the volume over"


def begin(context: Context) -> None:
    """Have the server start; tells "progress", and at the end "swept" with its result, or None."""
    context.sweeping = True
    threading.Thread(target=_follow, args=(context,), name="isochrone sweep", daemon=True).start()


def _follow(context: Context) -> None:
    remote = context.remote
    pb, service = remote.client.messages.segmentation, remote.client.services.segmentation
    request = pb.SweepVolumeRequest(session_id=remote.session_id, samples=context.samples)
    result = None
    try:
        for event in remote.client.stream(service.SweepVolume, request, LIMIT_S, aside=True):
            if not context.sweeping or remote.is_stopped():
                break  # the call ends with this loop, and the server stops
            if event.HasField("progress"):
                remote.tell("progress", WHAT, event.progress.done / max(event.progress.total, 1))
            else:
                result = context.swept = event.result
    except ServerError:
        pass  # an engine without samples, or the server is gone: prompts are proposed for all the same
    context.sweeping = False
    remote.tell("progress", "", 0.0)
    remote.tell("swept", result)


def tell(context: Context) -> None:
    """The proposals of the sweep once more, and its map if it is wanted. On the worker's thread."""
    remote = context.remote
    remote.tell("proposals", context.swept.proposals, "")
    if context.want_map:
        kind = remote.client.messages.segmentation.MAP_KIND_SWEEP_UNCERTAINTY
        fetch_map(context, 0, "", context.swept.proposals.revision, kind)
