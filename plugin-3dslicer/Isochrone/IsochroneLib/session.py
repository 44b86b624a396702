"""The reader's session on Slicer's side. Everything here runs on the main thread; calls are the worker's."""

from __future__ import annotations

import sys
import threading

import slicer
import vtk

from . import actions, editing, segments, sweep, terminology, volumes
from .client import Client
from .errors import Fault, ServerError
from .masks import BoxMask, Edit, chosen
from .remote import Image, Remote
from .study import Study, is_wanted
from .worker import Worker


class Session:
    """Connects a volume and a segmentation node to a server.

    `listen(what, call)` has `call(*values)` run on the main thread when something happened: "state" (name, sentence),
    "progress" (what, 0 to 1), "changed" (Change), "prompts" ({id: (PlacedPrompt, segment)}: those in force),
    "proposals", "map", "uncertainty", "accepted", "stored", "swept", "nothing" (sentence: why nothing is proposed),
    "warning" (sentence), "ended" (the volume or the segmentation is gone). Call `pump` from a timer.
    """

    def __init__(self):
        self.worker = Worker(self._broken)
        self.study = Study()
        self.state = "absent"
        self.sentence = "Not connected."
        self.description = None
        self.volume = None
        self.segmentation = None
        self.editor_node = None
        # Called before the segmentation is written: the Segment Editor saves its state for undo.
        self.before_write = lambda: None
        self.context: actions.Context | None = None
        self.prompts: dict[int, tuple] = {}
        self.want_map = False
        self.want_sweep = True
        self._client: Client | None = None
        self._listeners: dict[str, list] = {}
        self._shown: dict[str, BoxMask] = {}
        self._dirty: set[str] = set()
        self._stale: set[str] = set()
        self._writing = False
        self._observers: list = []

    # Listening

    def listen(self, what: str, call) -> None:
        """Have `call(*values)` run when `what` happens."""
        self._listeners.setdefault(what, []).append(call)

    def pump(self) -> None:
        """Apply what the worker found."""
        self.worker.pump()

    def _tell(self, what: str, *values) -> None:
        self.worker.post(self._handle, self.context, what, *values)

    def _handle(self, context, what: str, *values) -> None:
        if context is not self.context:
            return  # of a session that is closed
        own = getattr(self, f"_on_{what}", None)
        if own:
            own(*values)
        for call in self._listeners.get(what, []):
            call(*values)

    def _set_state(self, state: str, sentence: str) -> None:
        self.state, self.sentence = state, sentence
        for call in self._listeners.get("state", []):
            call(state, sentence)

    # Connecting

    def connect(self, address: str, token: str = "", ca_file: str = "") -> None:
        """Look for the server; "state" tells. A session that is open goes on there."""
        self._set_state("connecting", "Looking for the server …")
        # Not the worker's: it may be waiting for a server that went away.
        threading.Thread(target=self._connect, args=(address, token, ca_file), name="isochrone", daemon=True).start()

    def _connect(self, address: str, token: str, ca_file: str) -> None:
        try:
            client = Client(address, token, ca_file)
            description = client.describe()
        except ServerError as error:
            self.worker.post(self._set_state, error.fault.value, error.sentence)
        except ImportError:
            self.worker.post(self._set_state, "missing", "gRPC is not installed yet: press Install.")
        else:
            self.worker.post(self._connected, client, description)

    def _connected(self, client: Client, description) -> None:
        client.cancels = self._client.cancels if self._client else 0
        self._client, self.description = client, description
        if is_wanted(description):
            self.study.begin()
        engines = ", ".join(dict.fromkeys(engine.model or engine.name for engine in description.engines))
        self._set_state("connected", f"Connected to Isochrone {description.server_version} ({engines}).")
        if self.context is not None and self.context.remote.session_id:
            self.context.remote.client = client
            self._run(actions.TakeUp())

    def open(self, nodes: list, segmentation, told: tuple = ("", "")) -> None:
        """Send the volumes (the first carries the masks) and open a session; "state" and "progress" tell.

        `told`: the modality of each, where the reader says so.
        """
        try:
            for node in nodes:
                volumes.check(node)
            images = [self._image(node, said) for node, said in zip(nodes, told)]
        except ServerError as error:
            self._set_state("connected", error.sentence)
            return
        self.close()
        self.volume, self.segmentation = nodes[0], segmentation
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        segmentation.SetAndObserveTransformNodeID(self.volume.GetTransformNodeID())
        client = self._client
        remote = Remote(client, images, None, lambda: self.worker.stopped or self.context is not context)
        context = actions.Context(remote, want_map=self.want_map)
        remote.tell = lambda what, *values: self.worker.post(self._handle, context, what, *values)
        self.context = context
        self._observe()
        self._set_state("opening", "Sending the volume …")
        remote.cancels = client.cancels
        self.worker.submit(lambda: self._open(context))

    def _image(self, node, told: str) -> Image:
        known = volumes.modality(node, self._client.messages, told)
        matrix, size = volumes.lps_from_voxel(node), volumes.size_of(node)
        return Image(volumes.NrrdSource(node), volumes.series_uid(node), known, matrix, size)

    def _open(self, context) -> None:
        remote = context.remote
        try:
            remote.ask(remote.open)
        except ServerError as error:
            remote.tell("failed", error.sentence)

    def _on_failed(self, sentence: str) -> None:
        self.context = None
        self._set_state("connected", sentence)

    def _on_opened(self, engine, warnings: list) -> None:
        model = engine.model or engine.name
        self._set_state("ready", f"Ready: {model} on {engine.device}.")
        self._warn("\n".join(warnings))
        # Segments that are there already become labels with the first prompt.
        self._dirty.update(self.segment_ids())
        if self.want_sweep and engine.samples:
            sweep.begin(self.context)

    def _on_swept(self, result) -> None:
        if result is not None and not self.prompts:
            self._run(actions.Propose())

    def _broken(self, error: Exception) -> None:
        """A fault of ours: the next action goes on."""
        self._warn(f"The extension failed ({type(error).__name__}): the Python console says where.")
        sys.excepthook(type(error), error, error.__traceback__)

    def _warn(self, sentence: str) -> None:
        for call in self._listeners.get("warning", []):
            call(sentence)

    def _on_refused(self, sentence: str, fault: Fault) -> None:
        self._warn(sentence)
        if fault in (Fault.TOKEN, Fault.TLS, Fault.VERSION):
            self._set_state(fault.value, sentence)

    def _on_lost(self, sentence: str) -> None:
        self._set_state("lost", f"{sentence} Prompts are kept; trying again …")

    def _on_found(self) -> None:
        if not self.context.remote.session_id:
            self._set_state("opening", "The server is back; going on where it stopped.")
            return
        self._set_state("ready", "The server is back; the session goes on.")

    def _on_cancelled(self) -> None:
        if self.state == "lost":
            self._set_state("lost", "Waiting was cancelled; Connect, or the next prompt, tries again.")

    def _on_rebuilt(self, labels: int) -> None:
        self.context.history.done.clear()
        self.context.history.undone.clear()
        self._warn(f"The server had forgotten the session: {labels} labels were restored; undo begins anew.")

    def close(self) -> None:
        """End the session; the segmentation stays as it is."""
        for subject, tag in self._observers:
            subject.RemoveObserver(tag)
        self._observers = []
        self._shown, self._dirty, self._stale, self.prompts = {}, set(), set(), {}
        context, self.context = self.context, None
        if context and context.remote.session_id:
            self.worker.clear()
            self.worker.submit(context.remote.close)

    def _end(self, context, sentence: str) -> None:
        if context is self.context:
            self.close()
            self.volume = self.segmentation = None
            self._set_state("connected", sentence)
            for call in self._listeners.get("ended", []):
                call()

    def shut_down(self) -> None:
        """At the module's end."""
        self.close()
        self.worker.stop()

    # Segments

    def segment_or_first(self, chosen: str) -> str:
        """The chosen segment if it is one of ours, else the first; empty if there is none."""
        ids = self.segment_ids()
        return chosen if chosen in ids else next(iter(ids), "")

    def segment_ids(self) -> list:
        """Of the segmentation node, in order."""
        return list(self.segmentation.GetSegmentation().GetSegmentIDs()) if self.segmentation else []

    def _observe(self) -> None:
        kinds = slicer.vtkSegmentation
        for event in (kinds.SourceRepresentationModified, kinds.SegmentModified, kinds.SegmentAdded):
            self._add_observer(event, self._on_segment_modified)
        self._add_observer(kinds.SegmentRemoved, self._on_segment_removed)
        gone = slicer.mrmlScene.AddObserver(slicer.vtkMRMLScene.NodeRemovedEvent, self._on_node_removed)
        self._observers.append((slicer.mrmlScene, gone))

    def _on_node_removed(self, _scene, _event) -> None:
        present = [node for node in (self.volume, self.segmentation) if slicer.mrmlScene.IsNodePresent(node)]
        if len(present) < 2:
            # Not now: the scene is in the middle of it.
            sentence = "The volume or its segmentation was taken out of Slicer: choose a volume and press Begin."
            self.worker.post(self._end, self.context, sentence)

    def _add_observer(self, event, call) -> None:
        @vtk.calldata_type(vtk.VTK_STRING)
        def observed(_caller, _event, segment_id=None):
            call(segment_id or "")

        segmentation = self.segmentation.GetSegmentation()
        self._observers.append((segmentation, segmentation.AddObserver(event, observed)))

    def _on_segment_modified(self, segment_id: str) -> None:
        if not self._writing:
            self._dirty.update([segment_id] if segment_id else self.segment_ids())

    def _on_segment_removed(self, segment_id: str) -> None:
        if not segment_id:
            return
        self._dirty.discard(segment_id)
        self._shown.pop(segment_id, None)
        if self.context and not self._writing:
            self._submit(actions.DeleteLabel(segment=segment_id))

    def _infos(self, *wanted: str) -> dict:
        segmentation = self.segmentation.GetSegmentation()
        known = self.context.remote.label_ids
        ids = [name for name in self.segment_ids() if name in known or name in wanted or name in self._dirty]
        return {name: terminology.label_info(segmentation.GetSegment(name)) for name in ids}

    def _collect_edits(self) -> list:
        """What was painted since the server's masks were last shown."""
        edits = []
        for segment_id in sorted(self._dirty & set(self.segment_ids())):
            shown = self._shown.setdefault(segment_id, BoxMask())
            segments.ensure_grid(self.segmentation, segment_id, self.volume)
            box, changed, voxels = segments.difference(self.segmentation, segment_id, self.volume, shown)
            if not box.is_empty:
                edits.append(Edit(segment_id, box, changed, voxels))
                shown.write(box, chosen(changed, voxels, shown.read(box)))
        self._dirty.clear()
        return edits

    # Actions

    def _submit(self, action, wanted: str = "") -> None:
        action.infos = self._infos(wanted)
        action.edits = self._collect_edits()
        action.overlap = editing.overlap(self.editor_node, self._client.messages.labels)
        self._run(action)

    def _run(self, action) -> None:
        context = self.context
        context.want_map = self.want_map
        job = lambda cancels=self._client.cancels: action.run(context, cancels)
        job.action = action
        self.worker.submit(job)

    def add_prompt(self, segment_id: str, prompt) -> None:
        """Send a `Prompt` for a segment. Prompts given while the server is busy travel together."""
        if self.context is None:
            return
        kind = prompt.WhichOneof("kind")
        self.study.note("prompt", kind=kind, segment=segment_id)

        def merge(job) -> bool:
            waiting = getattr(job, "action", None)
            fits = isinstance(waiting, actions.AddPrompts) and waiting.segment == segment_id and not self._dirty
            if fits:
                waiting.prompts.append(prompt)
            return fits

        if not self.worker.join_last(merge):
            self._submit(actions.AddPrompts(segment=segment_id, prompts=[prompt]), segment_id)

    def undo(self) -> None:
        """Take the last action back, whatever it was and whichever segment it changed."""
        self._simple(actions.Undo())

    def redo(self) -> None:
        """Do it again."""
        self._simple(actions.Redo())

    def remove_prompt(self, prompt_id: int) -> None:
        """Take one prompt back and compute anew without it."""
        self._simple(actions.RemovePrompt(prompt_id=prompt_id))

    def reset(self, segment_id: str) -> None:
        """Empty a segment."""
        self._simple(actions.ResetLabel(segment=segment_id))

    def propose(self, segment_id: str) -> None:
        """Ask for slices to look at."""
        self._simple(actions.Propose(segment=segment_id))

    def accept(self, segment_id: str, axis: int, index: int) -> None:
        """The slice is right as it is."""
        self.study.note("accept", axis=axis, index=index)
        self._simple(actions.AcceptSlice(segment=segment_id, axis=axis, index=index), segment_id)

    def store(self, segment_ids: list) -> None:
        """Store segments in the PACS."""
        self._simple(actions.Store(segments=tuple(segment_ids)))

    def _simple(self, action, wanted: str = "") -> None:
        if self.context is not None:
            self.study.note(type(action).__name__)
            self._submit(action, wanted)

    def cancel(self) -> None:
        """Forget what waits, and end the call in hand. What was painted is sent with the next action."""
        for job in reversed(self.worker.clear()):
            self._on_unsent(getattr(getattr(job, "action", None), "edits", []))
        if self.context:
            self.context.sweeping = False
        if self._client:
            self._client.cancel()

    # What the worker found

    def _on_changed(self, change) -> None:
        painted = self._collect_edits() if self._dirty else []
        kept = {edit.segment_id: edit for edit in painted}
        # A mask that changes loses its 3D surface: it is made anew when the reader pauses.
        if self._stale or segments.has_surfaces(self.segmentation):
            self._stale.update(delta.segment_id for delta in change.deltas)
        self._writing = True
        clipped = False
        try:
            if change.deltas:
                self.before_write()
            for delta in change.deltas:
                clipped |= self._show(delta, kept.get(delta.segment_id), bool(change.prompts))
        finally:
            self._writing = False
        for placed in change.prompts:
            self.prompts.setdefault(placed.prompt_id, (placed, change.segment))
        if painted or clipped:
            action = actions.Action(linked=clipped and not painted)
            action.infos = self._infos(*kept)
            action.edits = painted + self._collect_edits()
            action.overlap = editing.overlap(self.editor_node, self._client.messages.labels)
            self._run(action)

    def _on_queued(self, ahead: int) -> None:
        others = f"{ahead} request{'s' * (ahead > 1)} before yours" if ahead else "yours is next"
        self._warn(f"The server is busy: {others}.")

    def _on_unsent(self, edits: list) -> None:
        """They did not reach the server: they are found anew when the next action is sent."""
        for edit in reversed(edits):
            shown = self._shown.setdefault(edit.segment_id, BoxMask())
            shown.write(edit.box, chosen(edit.changed, ~edit.voxels, shown.read(edit.box)))
            self._dirty.add(edit.segment_id)

    def _on_prompts(self, prompts: dict) -> None:
        self.prompts = prompts

    def _show(self, delta, painted, masked: bool) -> bool:
        """Write one delta; what was painted meanwhile stays. True if the Segment Editor's mask cut something off."""
        segmentation = self.segmentation.GetSegmentation()
        segment_id, box, voxels = delta
        if segmentation.GetSegment(segment_id) is None:
            if not voxels.any():
                return False
            segmentation.AddEmptySegment(segment_id)
            if segment_id in self.context.remote.labels:
                terminology.apply(segmentation.GetSegment(segment_id), self.context.remote.labels[segment_id])
        shown = self._shown.setdefault(segment_id, BoxMask())
        before = shown.read(box)
        shown.write(box, voxels)
        content, clipped = voxels, False
        if masked:
            arguments = (self.editor_node, self.segmentation, segment_id, self.volume, box)
            may = editing.allowed(*arguments)
            if may is not None and ((voxels ^ before) & ~may).any():
                content, clipped = (voxels & may) | (before & ~may), True
        if painted is not None:
            both = painted.box.overlap(box)
            if not both.is_empty:
                content = content.copy()
                here, there = both.slices(box.low), both.slices(painted.box.low)
                content[here] = chosen(painted.changed[there], painted.voxels[there], content[here])
        segments.write(self.segmentation, segment_id, self.volume, box, content)
        if clipped:
            self._dirty.add(segment_id)
        return clipped

    def update_surfaces(self) -> None:
        """Make the 3D surfaces anew that a change took away."""
        stale, self._stale = self._stale, set()
        if stale and self.segmentation is not None:
            self._writing = True
            try:
                segments.update_surfaces(self.segmentation, stale)
            finally:
                self._writing = False

    def shown_mask(self, segment_id: str) -> BoxMask:
        """What the server's mask of a segment is, as far as it was shown."""
        return self._shown.get(segment_id) or BoxMask()
