"""The session as the server has it, and as it can be had again. Lives on the worker's thread; knows no Slicer."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from .errors import Fault, ServerError
from .geometry import Flips, compare_grids
from .masks import EMPTY, Box, BoxMask, Delta, Edit, chosen, pack, unpack

RETRY_S = (0.3, 0.6, 1.0, 2.0)


@dataclass(frozen=True)
class LabelInfo:
    """What a segment is called and stands for. Codes are (value, scheme, meaning), or empty."""

    name: str
    colour: tuple
    locked: bool = False
    category: tuple = ()
    type: tuple = ()
    anatomy: tuple = ()


@dataclass
class Image:
    """One channel: how to upload it, or the DICOM series to fetch it by."""

    source: object
    series_uid: str
    modality: int
    matrix: np.ndarray
    size: tuple


@dataclass
class Change:
    """What one call did: masks, where, and what it says of itself."""

    deltas: list = field(default_factory=list)
    labels: dict = field(default_factory=dict)
    prompts: list = field(default_factory=list)
    revision: int = 0
    can_undo: int = 0
    can_redo: int = 0
    elapsed_ms: float = 0.0
    warnings: list = field(default_factory=list)
    engine: str = ""
    measures: list = field(default_factory=list)
    # Of prompts: the segment that they were meant for.
    segment: str = ""


class Remote:
    """Opens, keeps and resumes one session. Its calls block, try again while nobody answers, and raise ServerError."""

    def __init__(self, client, images: list, tell, is_stopped):
        self.client = client
        self.images = images
        self.tell = tell  # tell(what, *values): on to the main thread
        self.is_stopped = is_stopped
        self._volumes: list = []
        self._notices: list = []
        self.session_id = ""
        self.revision = 0
        self.flips: Flips | None = None
        self.labels: dict[str, LabelInfo] = {}
        self.label_ids: dict[str, int] = {}
        self._segments: dict[int, str] = {}
        self.masks: dict[str, BoxMask] = {}
        self._lost = False
        # Of the client's, as many as there were when the present action was asked for.
        self.cancels = 0

    # The session

    def open(self) -> None:
        """Gets the images to the server and opens a session on them."""
        self._notices = []
        self._volumes = [self._load(image) for image in self.images]
        first = self.images[0]
        self.flips = compare_grids(first.matrix, first.size, self._volumes[0].grid)
        session = self._open([volume.volume_id for volume in self._volumes])
        self.session_id, self.revision = session.session_id, session.revision
        self.label_ids, self._segments, self.labels, self.masks = {}, {}, {}, {}
        warnings = [text for volume in self._volumes for text in volume.warnings]
        self.tell("opened", session.engine, self._notices + warnings)

    def _open(self, ids: list):
        pb = self.client.messages.segmentation
        ask = lambda ids: self.client.call(
            self.client.services.segmentation.OpenSession, pb.OpenSessionRequest(volume_ids=ids)
        )
        try:
            return ask(ids)
        except ServerError as error:
            if len(ids) == 1 or error.fault is not Fault.REFUSED:
                raise
            session = ask(ids[:1])
            self._notices.append(f"{error.sentence.rstrip('.')}. The first image is worked on alone.")
            return session

    def _load(self, image: Image):
        progress = lambda fraction: self.tell("progress", "Sending the volume", fraction)
        if image.series_uid:
            fetching = lambda fraction: self.tell("progress", "The server fetches the series", fraction)
            volume, why = self.client.load_series(image.series_uid, fetching)
            if volume is not None and compare_grids(image.matrix, image.size, volume.grid):
                return volume
            if volume is not None:
                why = "The PACS has another geometry than Slicer."
            sent = "The volume was sent from here; masks of it cannot be stored in a PACS."
            self._notices.append(f"{why.rstrip('.')}. {sent}")
        return self.client.upload(image.source, image.modality, progress)

    @property
    def volume(self):
        """The first channel, as the server describes it."""
        return self._volumes[0]

    def close(self) -> None:
        """Forget the session on the server, if it still answers."""
        pb = self.client.messages.segmentation
        try:
            request = pb.CloseSessionRequest(session_id=self.session_id)
            self.client.call(self.client.services.segmentation.CloseSession, request, 2.0)
        except ServerError:
            pass

    # Calls that survive a lost connection

    def ask(self, attempt):
        """`attempt()` that changes nothing, again and again while nobody answers."""
        while True:
            try:
                return attempt()
            except ServerError as error:
                self._recover(error)

    def change(self, attempt):
        """`attempt()` that changes the session, exactly once: after a loss, the revision tells whether it was done.

        Returns what it returns; None if it was done but its answer was lost (masks have been told then).
        """
        while True:
            before = self.revision
            try:
                result = attempt()
                self._found()
                return result
            except ServerError as error:
                if error.fault is Fault.CANCELLED:
                    self.resume()
                    raise
                if self._recover(error) and self.revision > before:
                    return None

    def _recover(self, error: ServerError) -> bool:
        """Waits until the server is there again with the session. True: the same; False: a new one like it.

        Raises the error if waiting does not help.
        """
        if error.fault is Fault.GONE:
            return self._resume_if_gone(error)
        if error.fault is not Fault.LOST:
            raise error
        self._lost = True
        self.tell("lost", error.sentence)
        for attempt in range(100_000):
            time.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            if self.is_stopped() or self.client.cancels > self.cancels:
                raise ServerError(Fault.CANCELLED, "Cancelled.")
            try:
                same = self.resume()
                self._found()
                return same
            except ServerError as again:
                if again.fault is not Fault.LOST:
                    raise
        raise error

    def _resume_if_gone(self, error: ServerError) -> bool:
        pb = self.client.messages.segmentation
        try:
            request = pb.GetSessionRequest(session_id=self.session_id)
            self.client.call(self.client.services.segmentation.GetSession, request)
        except ServerError as gone:
            if gone.fault is not Fault.GONE:
                raise
            return self.resume()
        raise error  # something else was not found

    def _found(self) -> None:
        if self._lost:
            self._lost = False
            self.tell("found")

    def resume(self) -> bool:
        """Takes the session up where the server has it, else opens one like it. True: it is the same."""
        if not self.session_id:
            self.client.describe()  # nothing is open yet: enough that it answers
            return True
        pb = self.client.messages.segmentation
        try:
            request = pb.GetSessionRequest(session_id=self.session_id)
            session = self.client.call(self.client.services.segmentation.GetSession, request)
        except ServerError as error:
            if error.fault is not Fault.GONE:
                raise
            self._rebuild()
            return False
        moved, self.revision = session.revision != self.revision, session.revision
        if moved:
            self.refresh(session)
        return True

    def refresh(self, session) -> None:
        """Fetches every mask anew."""
        pb = self.client.messages.segmentation
        change = Change(revision=session.revision, can_undo=session.can_undo, can_redo=session.can_redo)
        change.labels = self.note_labels(session.labels)
        change.prompts = [placed for step in session.steps for placed in step.prompts]
        for label in session.labels:
            request = pb.GetMaskRequest(session_id=self.session_id, label_id=label.label_id)
            update = self.client.call(self.client.services.segmentation.GetMask, request)
            segment = self.segment_of(label.label_id)
            known = self.masks.setdefault(segment, BoxMask())
            box, voxels = self._read_delta(update.deltas[0]) if update.deltas else (EMPTY, None)
            whole = known.box.union(box)
            fresh = BoxMask()
            if not box.is_empty:
                fresh.write(box, voxels)
            if not whole.is_empty:
                change.deltas.append(Delta(segment, whole, fresh.read(whole)))
            self.masks[segment] = fresh
        self.tell("changed", change)
        self.tell("prompts", self._in_force(session.steps))

    def tell_prompts(self) -> None:
        """Tells "prompts": {prompt id: (PlacedPrompt, segment)} of those that are in force."""
        pb, service = self.client.messages.segmentation, self.client.services.segmentation
        request = pb.GetSessionRequest(session_id=self.session_id)
        session = self.ask(lambda: self.client.call(service.GetSession, request))
        self.tell("prompts", self._in_force(session.steps))

    def _in_force(self, steps) -> dict:
        pb, found = self.client.messages.segmentation, {}
        for step in steps:
            segment = self._segments.get(step.label_id, "")
            if step.kind in (pb.STEP_KIND_RESET, pb.STEP_KIND_DELETE_LABEL):
                found = {number: entry for number, entry in found.items() if entry[1] != segment}
            for placed in step.prompts:
                if placed.prompt.WhichOneof("kind") != "initial_mask":  # of a session that was set up again
                    found[placed.prompt_id] = placed, segment
        return found

    def _rebuild(self) -> None:
        """A new session with the labels and masks that the old one had."""
        pb, labels, masks = self.client.messages, self.labels, self.masks
        self.tell("progress", "The server has forgotten the session: it is set up again", 0.0)
        self.open()
        for segment, info in labels.items():
            self.add_label(segment, info)
            mask = masks.get(segment, BoxMask())
            mask.tighten()
            if not mask.box.is_empty:
                initial = pb.prompts.InitialMask(box=self.box(mask.box), zlib_bits=self.bits(mask.voxels))
                request = pb.segmentation.AddPromptsRequest(
                    session_id=self.session_id,
                    label_id=self.label_ids[segment],
                    prompts=[pb.prompts.Prompt(initial_mask=initial)],
                    overlap=pb.labels.OVERLAP_ALLOW,
                    mask_only=True,
                )
                for event in self.client.stream(self.client.services.segmentation.AddPrompts, request):
                    if event.HasField("mask"):
                        self.revision = event.mask.revision
            self.masks[segment] = mask
            if info.locked:
                self.update_label(segment, info)
        self.tell("prompts", {})  # they are in the masks; the new session has none that could be removed
        self.tell("rebuilt", len(labels))

    # Labels

    def segment_of(self, label_id: int) -> str:
        """The segment that a label belongs to; one is made up for labels that are new."""
        if label_id not in self._segments:
            segment = f"isochrone-{label_id}"
            self._segments[label_id], self.label_ids[segment] = segment, label_id
        return self._segments[label_id]

    def add_label(self, segment: str, info: LabelInfo) -> None:
        """A new label for a segment."""
        pb = self.client.messages.labels
        request = pb.AddLabelRequest(session_id=self.session_id, name=info.name, **self._of(info))
        label = self.client.call(self.client.services.segmentation.AddLabel, request)
        self.label_ids[segment], self._segments[label.label_id] = label.label_id, segment
        self.labels[segment] = replace(info, locked=False)
        self.masks[segment] = BoxMask()
        self.revision = label.revision

    def update_label(self, segment: str, info: LabelInfo) -> Change:
        """Name, colour, codes and lock of a label as the segment's."""
        pb = self.client.messages.labels
        request = pb.UpdateLabelRequest(
            session_id=self.session_id,
            label_id=self.label_ids[segment],
            name=info.name,
            locked=info.locked,
            **self._of(info),
        )
        return self.take(self.client.call(self.client.services.segmentation.UpdateLabel, request))

    def _of(self, info: LabelInfo) -> dict:
        pb = self.client.messages.labels
        fields = {"colour": pb.Colour(red=info.colour[0], green=info.colour[1], blue=info.colour[2])}
        for name in ("category", "type", "anatomy"):
            code = getattr(info, name)
            if code:
                fields[name] = pb.Code(value=code[0], scheme=code[1], meaning=code[2])
        return fields

    def note_labels(self, labels) -> dict:
        """What the server says of its labels, by segment."""
        known = {}
        for label in labels:
            code = lambda c: (c.value, c.scheme, c.meaning) if c.value else ()
            colour = (label.colour.red, label.colour.green, label.colour.blue)
            codes = code(label.category), code(label.type), code(label.anatomy)
            info = LabelInfo(label.name, colour, label.locked, *codes)
            segment = self.segment_of(label.label_id)
            known[segment], self.label_ids[segment] = info, label.label_id
        self.labels = known
        return known

    # Masks

    def box(self, box: Box):
        """A box of the node as the server's message."""
        pb = self.client.messages.geometry
        there = self.flips.box(box)
        voxel = lambda v: pb.Voxel(i=v[0], j=v[1], k=v[2])
        return pb.VoxelBox(min=voxel(there.low), max=voxel(there.high))

    def bits(self, voxels: np.ndarray) -> bytes:
        """A mask of the node in the server's order, packed."""
        return pack(self.flips.array(voxels))

    def _read_delta(self, delta):
        low, high = delta.box.min, delta.box.max
        there = Box((low.i, low.j, low.k), (high.i, high.j, high.k))
        if there.is_empty:
            return EMPTY, None
        return self.flips.box(there), self.flips.array(unpack(delta.zlib_bits, there))

    def take(self, update) -> Change:
        """Notes an answer of the server; what it changed, in the node's order."""
        change = Change(
            revision=update.revision,
            prompts=list(update.prompts),
            can_undo=update.can_undo,
            can_redo=update.can_redo,
            elapsed_ms=update.elapsed_ms,
            warnings=list(update.warnings),
            engine=f"{update.provenance.engine.name} · {update.provenance.engine.device}",
            measures=[(self._segments.get(m.label_id, ""), m) for m in update.measures],
        )
        self.revision = update.revision
        gone = set(self.labels)
        change.labels = self.note_labels(update.labels)
        gone -= set(self.labels)
        for delta in update.deltas:
            box, voxels = self._read_delta(delta)
            if box.is_empty:
                continue
            segment = self.segment_of(delta.label_id)
            self.masks.setdefault(segment, BoxMask()).write(box, voxels)
            change.deltas.append(Delta(segment, box, voxels))
        for segment in gone:
            mask = self.masks.pop(segment, BoxMask())
            self.label_ids.pop(segment, None)
            if not mask.box.is_empty:
                change.deltas.append(Delta(segment, mask.box, np.zeros(mask.box.shape, bool)))
        return change

    def edit(self, edit: Edit, overlap: int) -> Change:
        """Sends what the reader painted."""
        pb = self.client.messages.segmentation
        before = self.masks.setdefault(edit.segment_id, BoxMask()).read(edit.box)
        content = chosen(edit.changed, edit.voxels, before)
        request = pb.ApplyEditRequest(
            session_id=self.session_id,
            label_id=self.label_ids[edit.segment_id],
            box=self.box(edit.box),
            zlib_bits=self.bits(content),
            overlap=overlap,
        )
        return self.take(self.client.call(self.client.services.segmentation.ApplyEdit, request))
