"""What the reader does, as jobs for the worker's thread. Each is one entry of undo, whatever steps it takes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

import numpy as np

from .errors import Fault, ServerError
from .geometry import world_from_voxel
from .masks import BoxMask, Delta
from .remote import Change, LabelInfo, Remote


class History:
    """How many of the server's steps each of the reader's actions took."""

    def __init__(self):
        self.done: list[int] = []
        self.undone: list[int] = []

    def add(self, steps: int, linked: bool = False) -> None:
        """An action of so many steps; `linked`: it belongs to the one before."""
        if not steps:
            return
        self.undone.clear()
        if linked and self.done:
            self.done[-1] += steps
        else:
            self.done.append(steps)


@dataclass
class Context:
    """What the actions of one session share."""

    remote: Remote
    history: History = field(default_factory=History)
    samples: int = 0
    want_map: bool = False
    axes: tuple = ()
    # The volume is being looked over; set to False, it stops. And what was found.
    sweeping: bool = False
    swept: object = None


@dataclass
class Action:
    """Segments and manual changes as they were when the reader acted; sent first."""

    infos: dict[str, LabelInfo] = field(default_factory=dict)
    edits: list = field(default_factory=list)
    overlap: int = 0
    linked: bool = False
    # What the server said of the manual changes.
    warnings: list = field(default_factory=list)

    def run(self, context: Context, cancels: int = 0) -> None:
        """On the worker's thread. Faults are told, not raised. `cancels`: those that were meant for earlier actions."""
        remote = context.remote
        remote.cancels = cancels
        try:
            self._send_edits(context)
            self.act(context)
        except ServerError as error:
            if error.fault is not Fault.CANCELLED:
                remote.tell("refused", error.sentence, error.fault)
            else:
                remote.tell("cancelled")

    def act(self, context: Context) -> None:
        """The action proper."""

    def tell(self, context: Context, change: Change | None) -> None:
        """Have a change shown; None was told already."""
        if change is not None:
            context.remote.tell("changed", change)

    def ensure(self, context: Context, segment: str) -> int:
        """A label for the segment, and all labels as the segments are; the number of steps that it took."""
        return self._add(context, segment) + self.sync(context)

    def _add(self, context: Context, segment: str) -> int:
        remote = context.remote
        if segment in remote.label_ids:
            return 0
        remote.change(lambda: remote.add_label(segment, self.infos[segment]))
        return 1

    def sync(self, context: Context, unlocked: str = "") -> int:
        """Names, colours, codes and locks as the segments have them; the number of steps that it took.

        `unlocked`: only of this segment, and only if it is locked no more.
        """
        remote, steps = context.remote, 0
        for name, info in self.infos.items():
            known = remote.labels.get(name)
            wanted = name in remote.label_ids and known != info
            if unlocked:
                wanted = wanted and name == unlocked and known.locked and not info.locked
            if wanted:
                self.tell(context, remote.change(lambda: remote.update_label(name, info)))
                steps += 1
        return steps

    def _send_edits(self, context: Context) -> None:
        remote = context.remote
        for number, edit in enumerate(self.edits):
            try:
                # A lock that is new comes after the paint, one that was taken off before it.
                steps = self._add(context, edit.segment_id) + self.sync(context, edit.segment_id)
                change = remote.change(lambda: remote.edit(edit, self.overlap))
                self.tell(context, change)
                self.warnings += change.warnings if change else []
            except ServerError as error:
                refused = error.fault is Fault.REFUSED
                if refused:  # the segment goes back to what the server has
                    back = Change(labels=dict(remote.labels), revision=remote.revision)
                    content = remote.masks.setdefault(edit.segment_id, BoxMask()).read(edit.box)
                    back.deltas = [Delta(edit.segment_id, edit.box, content)]
                    self.tell(context, back)
                remote.tell("unsent", self.edits[number + refused :])
                raise
            context.history.add(steps + 1, self.linked)


@dataclass
class AddPrompts(Action):
    """Prompts of one label. Those given while the server is busy travel together."""

    segment: str = ""
    prompts: list = field(default_factory=list)

    def act(self, context: Context) -> None:
        remote = context.remote
        steps = self.ensure(context, self.segment)
        stream = remote.change(lambda: self._begin(context))
        context.history.add(steps + 1)
        if stream is not None:
            change, rest = stream
            change.segment = self.segment
            change.warnings = list(dict.fromkeys(self.warnings + change.warnings))
            remote.client.release()
            self.tell(context, change)
            if rest is not None:
                name = "isochrone uncertainty"
                arguments = (context, rest, change.revision, remote.label_ids[self.segment], self.segment)
                threading.Thread(target=follow, args=arguments, name=name, daemon=True).start()

    def _begin(self, context: Context):
        remote = context.remote
        pb, services = remote.client.messages.segmentation, remote.client.services
        request = pb.AddPromptsRequest(
            session_id=remote.session_id,
            label_id=remote.label_ids[self.segment],
            prompts=self.prompts,
            frame_of_reference_uid=remote.volume.frame_of_reference_uid,
            samples=context.samples,
            overlap=self.overlap,
        )
        events = remote.client.stream(services.segmentation.AddPrompts, request)
        for event in events:
            if event.HasField("queue"):
                remote.tell("queued", event.queue.ahead)
            if event.HasField("mask"):
                return remote.take(event.mask), events
        return Change(labels=dict(remote.labels), revision=remote.revision), None


def follow(context: Context, events, revision: int, label_id: int, segment: str) -> None:
    """What comes after the mask, on a thread of its own: uncertainty and proposals, unless a newer click ended it."""
    remote = context.remote
    try:
        for event in events:
            if event.HasField("superseded"):
                remote.tell("superseded", revision)
            elif event.HasField("proposals"):
                remote.tell("proposals", event.proposals, segment)
            elif event.HasField("uncertainty"):
                remote.tell("uncertainty", event.uncertainty, segment)
                if context.want_map:
                    fetch_map(context, label_id, segment, revision)
    except ServerError:
        pass  # the next click brings its own; a lost connection is noticed there


def fetch_map(context: Context, label_id: int, segment: str, revision: int, kind: int = 0) -> None:
    """The uncertainty (or another kind of map) as a volume: told with the 4×4 matrix LPS from voxel."""
    remote = context.remote
    pb, services = remote.client.messages.segmentation, remote.client.services
    kind = kind or pb.MAP_KIND_UNCERTAINTY
    request = pb.GetMapRequest(session_id=remote.session_id, label_id=label_id, kind=kind)
    header, data = None, bytearray()
    for part in remote.client.stream(services.segmentation.GetMap, request, aside=True):
        if part.HasField("header"):
            header = part.header
        else:
            data += part.data
    size = header.grid.size
    values = np.frombuffer(bytes(data), "<f4").reshape(size.k, size.j, size.i)
    remote.tell("map", values, world_from_voxel(header.grid), segment, revision)


@dataclass
class TakeUp(Action):
    """Goes on with the session on the server that answers now."""

    def act(self, context: Context) -> None:
        context.remote.ask(context.remote.resume)
        context.remote.tell("found")


@dataclass
class Undo(Action):
    """Takes the reader's last action back."""

    def act(self, context: Context) -> None:
        _repeat(self, context, context.history.done, context.history.undone, "Undo")


@dataclass
class Redo(Action):
    """Does it again."""

    def act(self, context: Context) -> None:
        _repeat(self, context, context.history.undone, context.history.done, "Redo")


def _repeat(action: Action, context: Context, source: list, target: list, name: str) -> None:
    """Undo or redo of one entry; not where it would change a segment that is completed in Slicer."""
    remote = context.remote
    known = bool(source)  # else they are steps of before this panel
    steps, back = source.pop() if known else 1, "Redo" if name == "Undo" else "Undo"
    changes: list = []
    try:
        for _ in range(steps):
            changes.append(remote.change(lambda: _step(remote, name)))
        touched = {delta.segment_id for change in changes if change for delta in change.deltas}
        for segment, info in action.infos.items():
            if info.locked and segment in touched:
                while changes:
                    remote.change(lambda: _step(remote, back))
                    changes.pop()
                sentence = f"{name} would change {info.name}, which is completed: reopen it first."
                raise ServerError(Fault.REFUSED, sentence)
    finally:
        if known and steps > len(changes):
            source.append(steps - len(changes))
        if changes:
            target.append(len(changes))
        for change in changes:
            action.tell(context, change)
    remote.tell_prompts()


def _step(remote: Remote, name: str) -> Change:
    pb, service = remote.client.messages.segmentation, remote.client.services.segmentation
    request = getattr(pb, f"{name}Request")(session_id=remote.session_id)
    return remote.take(remote.client.call(getattr(service, name), request, 600))


@dataclass
class RemovePrompt(Action):
    """Takes one prompt out of the middle."""

    prompt_id: int = 0

    def act(self, context: Context) -> None:
        remote = context.remote
        pb, service = remote.client.messages.segmentation, remote.client.services.segmentation
        make = lambda: pb.RemovePromptRequest(session_id=remote.session_id, prompt_id=self.prompt_id)
        steps = self.sync(context)
        change = remote.change(lambda: remote.take(remote.client.call(service.RemovePrompt, make(), 600)))
        context.history.add(steps + 1)
        self.tell(context, change)
        remote.tell_prompts()


@dataclass
class ResetLabel(Action):
    """Empties a segment; its prompts no longer count."""

    segment: str = ""

    def act(self, context: Context) -> None:
        remote = context.remote
        if self.segment not in remote.label_ids:
            return
        pb, service = remote.client.messages.labels, remote.client.services.segmentation
        make = lambda: pb.ResetLabelRequest(session_id=remote.session_id, label_id=remote.label_ids[self.segment])
        steps = self.sync(context)
        self.tell(context, remote.change(lambda: remote.take(remote.client.call(service.ResetLabel, make()))))
        context.history.add(steps + 1)
        remote.tell_prompts()


@dataclass
class DeleteLabel(Action):
    """The segment was taken away in Slicer."""

    segment: str = ""

    def act(self, context: Context) -> None:
        remote = context.remote
        if self.segment not in remote.label_ids:
            return
        pb, service = remote.client.messages.labels, remote.client.services.segmentation
        make = lambda: pb.DeleteLabelRequest(session_id=remote.session_id, label_id=remote.label_ids[self.segment])
        steps, info = 1, remote.labels.get(self.segment)
        if info is not None and info.locked:
            remote.change(lambda: remote.update_label(self.segment, replace(info, locked=False)))
            steps += 1
        self.tell(context, remote.change(lambda: remote.take(remote.client.call(service.DeleteLabel, make()))))
        context.history.add(steps)
        remote.tell_prompts()


@dataclass
class AcceptSlice(Action):
    """The reader is content with a slice; new proposals come."""

    segment: str = ""
    axis: int = 0
    index: int = 0

    def act(self, context: Context) -> None:
        remote = context.remote
        pb, service = remote.client.messages.segmentation, remote.client.services.segmentation
        steps = self.ensure(context, self.segment)
        label_id = remote.label_ids[self.segment]
        make = lambda: pb.AcceptSliceRequest(
            session_id=remote.session_id, label_id=label_id, axis=self.axis, index=self.index
        )
        accepted = remote.change(lambda: remote.client.call(service.AcceptSlice, make()))
        if accepted is not None:
            remote.revision = accepted.revision
        context.history.add(steps + 1)
        remote.tell("accepted", self.segment, self.axis, self.index)
        Propose(segment=self.segment).act(context)


@dataclass
class Propose(Action):
    """Ranked slices of a segment as it is now; before its first prompt those of the sweep."""

    segment: str = ""

    def act(self, context: Context) -> None:
        remote = context.remote
        pb, service = remote.client.messages.segmentation, remote.client.services.segmentation
        label_id = remote.label_ids.get(self.segment)
        if label_id is None:
            self._of_sweep(context)
            return
        make = lambda: pb.ProposeRequest(session_id=remote.session_id, label_id=label_id, axes=context.axes)
        proposals = remote.ask(lambda: remote.client.call(service.Propose, make(), 600))
        remote.tell("proposals", proposals, self.segment)
        if context.want_map:
            fetch_map(context, label_id, self.segment, proposals.revision)

    @staticmethod
    def _of_sweep(context: Context) -> None:
        from . import sweep

        if context.swept is not None:
            sweep.tell(context)
        elif context.sweeping:
            context.remote.tell("nothing", "The volume is still being looked over. You may click before that.")
        else:
            context.remote.tell("nothing", "Give this segment a prompt first.")


@dataclass
class Store(Action):
    """Has the server store segments in the PACS that the volume came from."""

    segments: tuple = ()

    def act(self, context: Context) -> None:
        remote = context.remote
        for segment in self.segments:
            context.history.add(self.ensure(context, segment))
        pb, service = remote.client.messages, remote.client.services.pacs
        request = pb.pacs.StoreToPacsRequest(
            session_id=remote.session_id,
            label_ids=[remote.label_ids[segment] for segment in self.segments],
            formats=[pb.export.EXPORT_FORMAT_DICOM_SEG],
        )
        stored = remote.client.of_pacs(lambda: remote.client.call(service.StoreToPacs, request, 120))
        remote.tell("stored", [stored_object.series_uid for stored_object in stored.objects])
