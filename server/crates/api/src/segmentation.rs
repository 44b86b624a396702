//! The service `Segmentation`.

use crate::convert::{
    at_most, edit, label, label_change, new_label, number, operation, overlap, prompts, session, slice_axis, u32_of,
    whole_mask,
};
use crate::follow_up::{Asked, CancelOnDrop};
use crate::gate::call::spawn;
use crate::maps::{Chunks, map_chunks};
use crate::sweep::sweep;
use crate::{ApiError, House, PROTOCOL_VERSION, v1};
use isochrone_segment::Cancel;
use isochrone_session::{Placing, Session, SliceRef};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// Sessions: prompts, edits, masks, proposals.
pub struct SegmentationService(Arc<House>);

impl SegmentationService {
    /// The service of a house.
    #[must_use]
    pub fn new(house: Arc<House>) -> Self {
        Self(house)
    }
}

#[tonic::async_trait]
impl v1::segmentation_server::Segmentation for SegmentationService {
    async fn describe_server(
        &self,
        _: Request<v1::DescribeServerRequest>,
    ) -> Result<Response<v1::ServerDescription>, Status> {
        Ok(Response::new(v1::ServerDescription {
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol_version: PROTOCOL_VERSION,
            engines: self.0.engines.describe(),
        }))
    }

    async fn open_session(&self, request: Request<v1::OpenSessionRequest>) -> Result<Response<v1::Session>, Status> {
        let slot = self.0.open_session(request.into_inner()).await?;
        let opened = session(&slot, &*slot.session.lock().await, BTreeSet::new());
        Ok(Response::new(opened))
    }

    async fn get_session(&self, request: Request<v1::GetSessionRequest>) -> Result<Response<v1::Session>, Status> {
        let slot = self.0.session(&request.into_inner().session_id).await?;
        let now = session(&slot, &*slot.session.lock().await, self.0.sessions.viewers(&slot.id));
        Ok(Response::new(now))
    }

    async fn list_sessions(
        &self,
        _: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Status> {
        let sessions = match self.0.vault.clone() {
            Some(vault) => self.0.run(move || Ok(vault.mine()?)).await?,
            None => {
                let open = self.0.sessions.all();
                open.iter().map(|s| v1::SessionEntry { session_id: s.id.clone(), ..Default::default() }).collect()
            }
        };
        Ok(Response::new(v1::ListSessionsResponse { sessions }))
    }

    async fn grant_view(&self, request: Request<v1::GrantViewRequest>) -> Result<Response<v1::Viewers>, Status> {
        let v1::GrantViewRequest { session_id, user } = request.into_inner();
        Ok(Response::new(self.0.show(&session_id, user, true).await?))
    }

    async fn revoke_view(&self, request: Request<v1::RevokeViewRequest>) -> Result<Response<v1::Viewers>, Status> {
        let v1::RevokeViewRequest { session_id, user } = request.into_inner();
        Ok(Response::new(self.0.show(&session_id, user, false).await?))
    }

    async fn close_session(
        &self,
        request: Request<v1::CloseSessionRequest>,
    ) -> Result<Response<v1::CloseSessionResponse>, Status> {
        self.0.close_session(&request.into_inner().session_id).await?;
        Ok(Response::new(v1::CloseSessionResponse {}))
    }

    async fn add_label(&self, request: Request<v1::AddLabelRequest>) -> Result<Response<v1::Label>, Status> {
        let request = request.into_inner();
        let slot = self.0.session(&request.session_id).await?;
        let about = new_label(&request, &self.0.limits)?;
        let update = self.0.with(&slot, move |session| session.add_label_with(&about)).await?;
        let added = update.labels.iter().find(|l| Some(l.label) == update.label);
        let added =
            added.map(|l| label(l, update.revision)).ok_or(ApiError::Broken("the label that was added is missing"))?;
        Ok(Response::new(added))
    }

    async fn list_labels(
        &self,
        request: Request<v1::ListLabelsRequest>,
    ) -> Result<Response<v1::ListLabelsResponse>, Status> {
        let slot = self.0.session(&request.into_inner().session_id).await?;
        let session = slot.session.lock().await;
        let labels = session.labels().iter().map(|l| label(l, session.revision())).collect();
        Ok(Response::new(v1::ListLabelsResponse { labels }))
    }

    async fn update_label(&self, request: Request<v1::UpdateLabelRequest>) -> Result<Response<v1::MaskUpdate>, Status> {
        let request = request.into_inner();
        let slot = self.0.session(&request.session_id).await?;
        let (label, change) = (request.label_id, label_change(&request, &self.0.limits)?);
        let update =
            self.0.change(&slot, request.expected_revision, move |session| session.update_label(label, change));
        Ok(Response::new(update.await?))
    }

    async fn delete_label(&self, request: Request<v1::DeleteLabelRequest>) -> Result<Response<v1::MaskUpdate>, Status> {
        let v1::DeleteLabelRequest { session_id, label_id, expected_revision } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        Ok(Response::new(self.0.change(&slot, expected_revision, move |session| session.delete_label(label_id)).await?))
    }

    type AddPromptsStream = ReceiverStream<Result<v1::SegmentationEvent, Status>>;

    async fn add_prompts(
        &self,
        request: Request<v1::AddPromptsRequest>,
    ) -> Result<Response<Self::AddPromptsStream>, Status> {
        let request = request.into_inner();
        let slot = self.0.session(&request.session_id).await?;
        let wanted = prompts(request.prompts, &self.0.limits)?;
        let samples = number("samples", request.samples, self.0.limits.samples)?;
        let (label, frame, overlap) = (request.label_id, request.frame_of_reference_uid, overlap(request.overlap)?);
        let add = move |session: &mut Session| {
            session.add_prompts(label, wanted, Placing { frame_of_reference: &frame, overlap })
        };
        let count = self.0.limits.default_proposals as usize;
        let asked = Asked { label, samples, count, axes: Vec::new(), epoch: None };
        let asked = (!request.mask_only && slot.engine.samples).then_some(asked);
        let receive = self.0.stream(&slot, request.expected_revision, asked, add).await?;
        Ok(Response::new(ReceiverStream::new(receive)))
    }

    async fn apply_edit(&self, request: Request<v1::ApplyEditRequest>) -> Result<Response<v1::MaskUpdate>, Status> {
        let request = request.into_inner();
        let slot = self.0.session(&request.session_id).await?;
        let (label, expected) = (request.label_id, request.expected_revision);
        let overlap = overlap(request.overlap)?;
        let delta = edit(request)?;
        Ok(Response::new(self.0.change(&slot, expected, move |session| session.edit(label, delta, overlap)).await?))
    }

    async fn undo(&self, request: Request<v1::UndoRequest>) -> Result<Response<v1::MaskUpdate>, Status> {
        let v1::UndoRequest { session_id, expected_revision } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        Ok(Response::new(self.0.change(&slot, expected_revision, Session::undo).await?))
    }

    async fn redo(&self, request: Request<v1::RedoRequest>) -> Result<Response<v1::MaskUpdate>, Status> {
        let v1::RedoRequest { session_id, expected_revision } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        Ok(Response::new(self.0.change(&slot, expected_revision, Session::redo).await?))
    }

    async fn remove_prompt(
        &self,
        request: Request<v1::RemovePromptRequest>,
    ) -> Result<Response<v1::MaskUpdate>, Status> {
        let v1::RemovePromptRequest { session_id, prompt_id, expected_revision } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        Ok(Response::new(
            self.0.change(&slot, expected_revision, move |session| session.remove_prompt(prompt_id)).await?,
        ))
    }

    async fn reset_label(&self, request: Request<v1::ResetLabelRequest>) -> Result<Response<v1::MaskUpdate>, Status> {
        let v1::ResetLabelRequest { session_id, label_id, expected_revision } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        Ok(Response::new(self.0.change(&slot, expected_revision, move |session| session.reset(label_id)).await?))
    }

    async fn apply_operation(
        &self,
        request: Request<v1::ApplyOperationRequest>,
    ) -> Result<Response<v1::MaskUpdate>, Status> {
        let request = request.into_inner();
        let slot = self.0.session(&request.session_id).await?;
        let (label, overlap) = (request.label_id, overlap(request.overlap)?);
        let asked = operation(request.operation, &self.0.limits)?;
        let operate = move |session: &mut Session| {
            let operation = asked.operation(session, label)?;
            session.operate(label, operation, overlap)
        };
        Ok(Response::new(self.0.change(&slot, request.expected_revision, operate).await?))
    }

    async fn replay(&self, request: Request<v1::ReplayRequest>) -> Result<Response<v1::ReplayReport>, Status> {
        let slot = self.0.session(&request.into_inner().session_id).await?;
        let job = slot.session.lock().await.replay();
        // Ends with the request, should the client go away.
        let cancel = CancelOnDrop(Cancel::new());
        let flag = cancel.0.clone();
        let report = self.0.run(move || Ok(job.run(&flag)?)).await?;
        let identical = report.differing.is_empty();
        Ok(Response::new(v1::ReplayReport {
            steps: u32_of(report.steps),
            identical,
            differing_steps: report.differing,
        }))
    }

    async fn propose(&self, request: Request<v1::ProposeRequest>) -> Result<Response<v1::Proposals>, Status> {
        let v1::ProposeRequest { session_id, label_id, count, axes, samples, everywhere } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        let limits = &self.0.limits;
        at_most("axes", &axes, 3)?;
        let asked = Asked {
            label: label_id,
            samples: number("samples", samples, limits.samples)?,
            count: number("count", count, limits.proposals)?.unwrap_or(limits.default_proposals as usize),
            axes: axes
                .iter()
                .enumerate()
                .map(|(n, &axis)| slice_axis(&format!("axes[{n}]"), axis))
                .collect::<Result<_, _>>()?,
            epoch: None,
        };
        let by_sweep = {
            let session = slot.session.lock().await;
            everywhere || (session.unprompted(label_id).map_err(ApiError::from)? && session.swept().is_some())
        };
        Ok(Response::new(if by_sweep {
            self.0.propose_everywhere(&slot, Some(label_id), asked.count, asked.axes).await?
        } else {
            self.0.propose(&slot, &asked).await?
        }))
    }

    type SweepVolumeStream = ReceiverStream<Result<v1::SweepEvent, Status>>;

    async fn sweep_volume(
        &self,
        request: Request<v1::SweepVolumeRequest>,
    ) -> Result<Response<Self::SweepVolumeStream>, Status> {
        let v1::SweepVolumeRequest { session_id, samples, count } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        let limits = &self.0.limits;
        let samples = number("samples", samples, limits.samples)?.unwrap_or(limits.default_samples as usize);
        let count = number("count", count, limits.proposals)?.unwrap_or(limits.default_proposals as usize);
        let (send, receive) = mpsc::channel(16);
        spawn(sweep(self.0.clone(), slot, samples, count, send));
        Ok(Response::new(ReceiverStream::new(receive)))
    }

    async fn accept_slice(
        &self,
        request: Request<v1::AcceptSliceRequest>,
    ) -> Result<Response<v1::AcceptSliceResponse>, Status> {
        let v1::AcceptSliceRequest { session_id, label_id, axis, index } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        let slice = SliceRef { axis: slice_axis("axis", axis)?, index: index as usize };
        let update = self.0.with(&slot, move |session| session.accept_slice(label_id, slice)).await?;
        Ok(Response::new(v1::AcceptSliceResponse { revision: update.revision }))
    }

    async fn get_mask(&self, request: Request<v1::GetMaskRequest>) -> Result<Response<v1::MaskUpdate>, Status> {
        let v1::GetMaskRequest { session_id, label_id } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        let session = slot.session.lock().await;
        let (_, snapshot) = session.mask(label_id).map_err(ApiError::from)?;
        let (revision, (can_undo, can_redo), labels) = (session.revision(), session.undo_depth(), session.labels());
        let whole = labels.iter().filter(|l| l.label == label_id).map(|l| whole_mask(l, &snapshot)).collect();
        Ok(Response::new(v1::MaskUpdate {
            revision,
            deltas: whole,
            provenance: Some(slot.provenance()),
            can_undo: u32_of(can_undo),
            can_redo: u32_of(can_redo),
            labels: labels.iter().map(|l| label(l, revision)).collect(),
            ..v1::MaskUpdate::default()
        }))
    }

    type GetMapStream = Chunks<v1::MapChunk>;

    async fn get_map(&self, request: Request<v1::GetMapRequest>) -> Result<Response<Self::GetMapStream>, Status> {
        let v1::GetMapRequest { session_id, label_id, kind } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        let (grid, map) = self.0.map(&slot, label_id, kind).await?;
        Ok(Response::new(map_chunks(&grid, &map, self.0.limits.chunk_bytes)))
    }
}
