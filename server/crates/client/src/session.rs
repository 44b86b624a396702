use crate::{ClientError, Remote, RemoteVolume, convert};
use isochrone_api::v1;
use isochrone_prompt::{Click, Prompt};
use isochrone_volume::{Axis, DVec3, Grid, Mask};
use ndarray::Array3;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// A slice that the server proposes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slice {
    /// Along which axis of the image.
    pub axis: Axis,
    /// Which one.
    pub index: usize,
    /// How many times as much as on an average slice is expected to be wrong there.
    pub score: f64,
    /// Where to look first, LPS mm.
    pub spot: Option<DVec3>,
}

/// What came back for one prompt.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// From sending it to the mask in hand, at the client.
    pub mask_ms: f64,
    /// From the mask to the proposals, at the client; `None` if they were not asked for.
    pub proposal_ms: Option<f64>,
    /// The server's own measure of the mask.
    pub server_mask_ms: f64,
    /// Compressed bytes of the mask's change.
    pub delta_bytes: usize,
    /// Spacing of the working region, mm.
    pub working_spacing_mm: f64,
    /// Mean mutual information in the band round the boundary.
    pub band_mean: Option<f64>,
    /// Best first.
    pub proposals: Vec<Slice>,
    /// Every slice's score: the first index along an axis, and the scores from there on.
    pub profiles: Vec<(Axis, usize, Vec<f32>)>,
    /// The prompts as the server keeps them, with the numbers by which they are removed or dragged.
    pub prompts: Vec<v1::PlacedPrompt>,
    /// Sentences of the server.
    pub warnings: Vec<String>,
}

/// A session on the server, with the client's own copy of every label's mask. What is sent goes to the label that is
/// [selected](RemoteSession::select).
pub struct RemoteSession {
    pub(crate) remote: Remote,
    pub(crate) session_id: String,
    pub(crate) label_id: u32,
    pub(crate) overlap: v1::Overlap,
    /// As the server listed them last.
    pub(crate) labels: Vec<v1::Label>,
    frame_of_reference: String,
    masks: BTreeMap<u32, Mask>,
    /// What a label looks like that is not there (any more).
    blank: Mask,
}

impl RemoteSession {
    pub(crate) fn new(remote: Remote, session: v1::Session, volume: &RemoteVolume) -> Self {
        Self {
            remote,
            session_id: session.session_id,
            label_id: 0,
            overlap: v1::Overlap::Unspecified,
            labels: session.labels,
            frame_of_reference: volume.frame_of_reference.clone(),
            masks: BTreeMap::new(),
            blank: Mask::empty(Arc::new(volume.grid.clone())),
        }
    }

    /// Its id on the server.
    pub fn id(&self) -> &str {
        &self.session_id
    }

    /// The selected label's mask as put together from the deltas.
    pub fn mask(&self) -> &Mask {
        self.mask_of(self.label_id)
    }

    /// Any label's mask; empty if there is no such label.
    pub fn mask_of(&self, label: u32) -> &Mask {
        self.masks.get(&label).unwrap_or(&self.blank)
    }

    /// Sends a click; as [`RemoteSession::prompt`].
    ///
    /// # Errors
    /// As there.
    pub async fn click(&mut self, click: Click, samples: u32) -> Result<Answer, ClientError> {
        self.prompt(&Prompt::Click(click), samples).await
    }

    /// Sends a prompt of any kind and waits for all that comes back; with `samples` 0 only for the mask.
    ///
    /// # Errors
    /// The server refuses, or the mask's digest is not the server's.
    pub async fn prompt(&mut self, prompt: &Prompt, samples: u32) -> Result<Answer, ClientError> {
        self.send(isochrone_api::wire_prompt(prompt), samples).await
    }

    pub(crate) async fn send(&mut self, prompt: v1::Prompt, samples: u32) -> Result<Answer, ClientError> {
        let request = v1::AddPromptsRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            prompts: vec![prompt],
            frame_of_reference_uid: self.frame_of_reference.clone(),
            expected_revision: None,
            samples,
            mask_only: samples == 0,
            overlap: self.overlap.into(),
        };
        let sent = Instant::now();
        let mut stream = self.remote.segmentation.add_prompts(request).await?.into_inner();
        let mut answer = Answer::default();
        let mut masked = false;
        while let Some(event) = stream.message().await? {
            match event.event {
                Some(v1::segmentation_event::Event::Mask(update)) => {
                    self.apply(&update)?;
                    masked = true;
                    answer.mask_ms = ms(sent);
                    answer.server_mask_ms = update.elapsed_ms;
                    answer.delta_bytes = update.deltas.iter().map(|d| d.zlib_bits.len()).sum();
                    answer.working_spacing_mm = update.working_spacing_mm;
                    self.check(&update)?;
                    (answer.prompts, answer.warnings) = (update.prompts, update.warnings);
                }
                Some(v1::segmentation_event::Event::Uncertainty(update)) => answer.band_mean = Some(update.band_mean),
                Some(v1::segmentation_event::Event::Proposals(update)) => {
                    answer.proposal_ms = Some(ms(sent) - answer.mask_ms);
                    answer.proposals = slices(&update)?;
                    let profile = |p: v1::SliceScores| Ok((convert::axis(p.axis)?, p.first_index as usize, p.scores));
                    answer.profiles = update.slices.into_iter().map(profile).collect::<Result<_, ClientError>>()?;
                }
                Some(v1::segmentation_event::Event::Superseded(_) | v1::segmentation_event::Event::Queue(_)) | None => {
                }
            }
        }
        if !masked {
            return Err(ClientError::answer("The server's answer holds no mask"));
        }
        Ok(answer)
    }

    /// Rewrites what changed; labels come and go.
    fn apply(&mut self, update: &v1::MaskUpdate) -> Result<(), ClientError> {
        self.masks.retain(|label, _| update.labels.iter().any(|l| l.label_id == *label));
        self.labels.clone_from(&update.labels);
        for change in &update.deltas {
            let mask = self.masks.entry(change.label_id).or_insert_with(|| self.blank.clone());
            convert::delta(change)?.apply(mask)?;
        }
        Ok(())
    }

    /// Compares our masks with the server's, by digest. Not part of the time to the mask.
    fn check(&self, update: &v1::MaskUpdate) -> Result<(), ClientError> {
        for change in &update.deltas {
            if change.mask_sha256 != self.mask_of(change.label_id).digest() {
                let text = format!(
                    "The mask of label {} put together from the changes is not the server's at revision {}",
                    change.label_id, update.revision
                );
                return Err(ClientError::Answer(text));
            }
        }
        Ok(())
    }

    /// Takes over what a change did.
    pub(crate) fn follow(&mut self, update: v1::MaskUpdate) -> Result<v1::MaskUpdate, ClientError> {
        self.apply(&update)?;
        self.check(&update)?;
        Ok(update)
    }

    /// More slices for the present state: `count` of them, along `axes` (all if empty).
    ///
    /// # Errors
    /// The server refuses.
    pub async fn propose(&mut self, count: u32, axes: &[Axis], samples: u32) -> Result<Vec<Slice>, ClientError> {
        let request = v1::ProposeRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            count,
            axes: axes.iter().map(|&a| convert::wire_axis(a).into()).collect(),
            samples,
            everywhere: false,
        };
        slices(&self.remote.segmentation.propose(request).await?.into_inner())
    }

    /// Has the whole volume looked over, and waits for the end.
    ///
    /// # Errors
    /// The server refuses, or stops before the end.
    pub async fn sweep(&self, samples: u32) -> Result<v1::SweepResult, ClientError> {
        let request = v1::SweepVolumeRequest { session_id: self.session_id.clone(), samples, count: 0 };
        let mut stream = self.remote.segmentation.clone().sweep_volume(request).await?.into_inner();
        while let Some(event) = stream.message().await? {
            if let Some(v1::sweep_event::Event::Result(result)) = event.event {
                return Ok(result);
            }
        }
        Err(ClientError::answer("The server stopped before the sweep's end"))
    }

    /// Tells the server that a slice needs no correction.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn accept(&mut self, slice: &Slice) -> Result<(), ClientError> {
        let request = v1::AcceptSliceRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            axis: convert::wire_axis(slice.axis).into(),
            index: u32::try_from(slice.index).unwrap_or(u32::MAX),
        };
        self.remote.segmentation.accept_slice(request).await?;
        Ok(())
    }

    /// The uncertainty (mutual information, nats) as a volume of its own.
    ///
    /// # Errors
    /// There is none yet, or the stream breaks off.
    pub async fn uncertainty(&mut self) -> Result<(Grid, Array3<f32>), ClientError> {
        let request = v1::GetMapRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            kind: v1::MapKind::Uncertainty.into(),
        };
        let mut stream = self.remote.segmentation.get_map(request).await?.into_inner();
        let (mut grid, mut bytes) = (None, Vec::new());
        while let Some(chunk) = stream.message().await? {
            match chunk.part {
                Some(v1::map_chunk::Part::Header(header)) => grid = Some(convert::grid(header.grid.as_ref())?),
                Some(v1::map_chunk::Part::Data(data)) => bytes.extend_from_slice(&data),
                None => {}
            }
        }
        let grid: Grid = grid.ok_or_else(|| ClientError::answer("The server sent a map without a header"))?;
        let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap_or_default())).collect();
        let cut = |_| ClientError::answer("The server's map is cut short");
        let map = Array3::from_shape_vec(grid.shape(), values).map_err(cut)?;
        Ok((grid, map))
    }

    /// Has the server write its mask to `path`, relative to its root folder.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn save(&mut self, path: &str) -> Result<u64, ClientError> {
        let request = v1::SaveNiftiRequest {
            session_id: self.session_id.clone(),
            label_ids: vec![self.label_id],
            path: path.to_owned(),
            overwrite: true,
        };
        Ok(self.remote.export.save_nifti(request).await?.into_inner().size_bytes)
    }

    /// Ends the session.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn close(mut self) -> Result<(), ClientError> {
        let request = v1::CloseSessionRequest { session_id: self.session_id };
        self.remote.segmentation.close_session(request).await?;
        Ok(())
    }
}

fn slices(proposals: &v1::Proposals) -> Result<Vec<Slice>, ClientError> {
    let slice = |p: &v1::Proposal| {
        Ok(Slice {
            axis: convert::axis(p.axis)?,
            index: p.index as usize,
            score: p.score,
            spot: p.spot.as_ref().map(|s| DVec3::new(s.x, s.y, s.z)),
        })
    };
    proposals.proposals.iter().map(slice).collect()
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
