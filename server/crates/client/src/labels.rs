//! What a reader does with labels: each call is a step that can be undone.

use crate::{Answer, ClientError, RemoteSession, convert};
use isochrone_api::v1;
use isochrone_prompt::{Drag, Follow};
use isochrone_volume::MaskDelta;
use v1::apply_operation_request::Operation;

impl RemoteSession {
    /// All labels, as the server listed them last.
    pub fn labels(&self) -> &[v1::Label] {
        &self.labels
    }

    /// Number of the selected label.
    pub fn label(&self) -> u32 {
        self.label_id
    }

    /// What follows goes to this label.
    ///
    /// # Errors
    /// There is none of this number.
    pub fn select(&mut self, label: u32) -> Result<(), ClientError> {
        if self.labels.iter().all(|l| l.label_id != label) {
            return Err(ClientError::NoLabel(label));
        }
        self.label_id = label;
        Ok(())
    }

    /// From now on, what happens where a label grows into another one; at first, what the session was opened with.
    pub fn when_labels_meet(&mut self, overlap: v1::Overlap) {
        self.overlap = overlap;
    }

    /// Adds an empty label and says its number; it is not selected yet.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn add_label(&mut self, name: &str) -> Result<u32, ClientError> {
        let session_id = self.session_id.clone();
        let request = v1::AddLabelRequest { session_id, name: name.to_owned(), ..Default::default() };
        let label = self.remote.segmentation.add_label(request).await?.into_inner();
        let number = label.label_id;
        self.labels.push(label);
        Ok(number)
    }

    /// Renames, colours, codes, locks or unlocks the selected label: what is set in `change`, whose session and label
    /// are filled in here.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn update_label(&mut self, change: v1::UpdateLabelRequest) -> Result<v1::MaskUpdate, ClientError> {
        let request = v1::UpdateLabelRequest { session_id: self.session_id.clone(), label_id: self.label_id, ..change };
        let update = self.remote.segmentation.update_label(request).await?.into_inner();
        self.follow(update)
    }

    /// Takes the selected label away.
    ///
    /// # Errors
    /// The server refuses: it is locked, say.
    pub async fn delete_label(&mut self) -> Result<v1::MaskUpdate, ClientError> {
        let request = v1::DeleteLabelRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            expected_revision: None,
        };
        let update = self.remote.segmentation.delete_label(request).await?.into_inner();
        self.follow(update)
    }

    /// Empties the selected label.
    ///
    /// # Errors
    /// As above.
    pub async fn reset(&mut self) -> Result<v1::MaskUpdate, ClientError> {
        let request = v1::ResetLabelRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            expected_revision: None,
        };
        let update = self.remote.segmentation.reset_label(request).await?.into_inner();
        self.follow(update)
    }

    /// Islands, holes, smoothing, interpolation, sets.
    ///
    /// # Errors
    /// As above, or there is nothing of the kind.
    pub async fn operate(&mut self, operation: Operation) -> Result<v1::MaskUpdate, ClientError> {
        let request = v1::ApplyOperationRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            operation: Some(operation),
            overlap: self.overlap.into(),
            expected_revision: None,
        };
        let update = self.remote.segmentation.apply_operation(request).await?.into_inner();
        self.follow(update)
    }

    /// The reader's own paint or erase: the content of a box.
    ///
    /// # Errors
    /// As above.
    pub async fn edit(&mut self, content: &MaskDelta) -> Result<v1::MaskUpdate, ClientError> {
        let request = v1::ApplyEditRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            r#box: Some(convert::wire_box(&content.region)),
            zlib_bits: content.zlib_bits.clone(),
            overlap: self.overlap.into(),
            expected_revision: None,
        };
        let update = self.remote.segmentation.apply_edit(request).await?.into_inner();
        self.follow(update)
    }

    /// Drags a vertex of a polygon, named by the number of its prompt; as [`RemoteSession::prompt`].
    ///
    /// # Errors
    /// As there; or no such polygon, or no vertex within 5 mm.
    pub async fn drag(
        &mut self,
        polygon: u64,
        drag: Drag,
        follow: Follow,
        samples: u32,
    ) -> Result<Answer, ClientError> {
        let drag = v1::VertexDrag {
            polygon_prompt_id: polygon,
            from: Some(convert::point(drag.from_lps_mm)),
            to: Some(convert::point(drag.to_lps_mm)),
            neighbours: Some(u32::try_from(follow.neighbours).unwrap_or(u32::MAX)),
            weight: Some(follow.weight),
        };
        self.send(v1::Prompt { kind: Some(v1::prompt::Kind::VertexDrag(drag)) }, samples).await
    }

    /// Takes the last step back, whichever label it was about.
    ///
    /// # Errors
    /// There is none.
    pub async fn undo(&mut self) -> Result<v1::MaskUpdate, ClientError> {
        let request = v1::UndoRequest { session_id: self.session_id.clone(), expected_revision: None };
        let update = self.remote.segmentation.undo(request).await?.into_inner();
        self.follow(update)
    }

    /// Does again what was undone last.
    ///
    /// # Errors
    /// There is nothing.
    pub async fn redo(&mut self) -> Result<v1::MaskUpdate, ClientError> {
        let request = v1::RedoRequest { session_id: self.session_id.clone(), expected_revision: None };
        let update = self.remote.segmentation.redo(request).await?.into_inner();
        self.follow(update)
    }

    /// Takes one prompt out of the middle; what follows is computed anew.
    ///
    /// # Errors
    /// No such prompt, or a locked label would change.
    pub async fn remove_prompt(&mut self, prompt: u64) -> Result<v1::MaskUpdate, ClientError> {
        let request =
            v1::RemovePromptRequest { session_id: self.session_id.clone(), prompt_id: prompt, expected_revision: None };
        let update = self.remote.segmentation.remove_prompt(request).await?.into_inner();
        self.follow(update)
    }
}
