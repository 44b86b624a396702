"""Store to PACS."""

from __future__ import annotations


class SavingPanel:
    """The section Save."""

    def __init__(self, ui, session):
        self.ui, self.session = ui, session
        ui.storeButton.clicked.connect(lambda *_: self.store())
        session.listen("stored", self._on_stored)
        session.listen("state", lambda state, _sentence: ui.storeButton.setEnabled(state == "ready"))
        session.listen("refused", lambda sentence, _fault: ui.saveLabel.setText(sentence))

    def store(self) -> None:
        """All segments that are not empty, as one DICOM SEG."""
        ids = [name for name in self.session.segment_ids() if not self.session.shown_mask(name).box.is_empty]
        if not ids:
            self.ui.saveLabel.setText("There is nothing to store yet: no segment has a voxel.")
            return
        self.ui.saveLabel.setText("Storing …")
        self.session.store(ids)

    def _on_stored(self, series: list) -> None:
        self.ui.saveLabel.setText(f"Stored in the PACS as {len(series)} object(s); series {', '.join(series)}.")
