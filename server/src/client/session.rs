use super::convert;
use super::remote::{Remote, RemoteVolume};
use anyhow::{Context, bail};
use isochrone_api::v1;
use isochrone_prompt::{Click, Prompt};
use isochrone_volume::{Axis, DVec3, Grid, Mask};
use ndarray::Array3;
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
    /// Sentences of the server.
    pub warnings: Vec<String>,
}

/// One label of a session on the server, with the client's own copy of the mask.
pub struct RemoteSession {
    remote: Remote,
    session_id: String,
    label_id: u32,
    frame_of_reference: String,
    mask: Mask,
}

impl RemoteSession {
    pub(super) fn new(remote: Remote, session: v1::Session, label_id: u32, volume: &RemoteVolume) -> Self {
        Self {
            remote,
            session_id: session.session_id,
            label_id,
            frame_of_reference: volume.frame_of_reference.clone(),
            mask: Mask::empty(Arc::new(volume.grid.clone())),
        }
    }

    /// Its id on the server.
    pub fn id(&self) -> &str {
        &self.session_id
    }

    /// The mask as put together from the deltas.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// Sends a click; as [`RemoteSession::prompt`].
    ///
    /// # Errors
    /// As there.
    pub async fn click(&mut self, click: Click, samples: u32) -> anyhow::Result<Answer> {
        self.prompt(&Prompt::Click(click), samples).await
    }

    /// Sends a prompt of any kind and waits for all that comes back; with `samples` 0 only for the mask.
    ///
    /// # Errors
    /// The server refuses, or the mask's digest is not the server's.
    pub async fn prompt(&mut self, prompt: &Prompt, samples: u32) -> anyhow::Result<Answer> {
        let request = v1::AddPromptsRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            prompts: vec![isochrone_api::wire_prompt(prompt)],
            frame_of_reference_uid: self.frame_of_reference.clone(),
            samples,
            mask_only: samples == 0,
            ..Default::default()
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
                    answer.warnings = update.warnings.clone();
                    self.check(&update)?;
                }
                Some(v1::segmentation_event::Event::Uncertainty(update)) => answer.band_mean = Some(update.band_mean),
                Some(v1::segmentation_event::Event::Proposals(update)) => {
                    answer.proposal_ms = Some(ms(sent) - answer.mask_ms);
                    answer.proposals = slices(&update)?;
                    let profile = |p: v1::SliceScores| Ok((convert::axis(p.axis)?, p.first_index as usize, p.scores));
                    answer.profiles = update.slices.into_iter().map(profile).collect::<anyhow::Result<_>>()?;
                }
                Some(v1::segmentation_event::Event::Superseded(_)) | None => {}
            }
        }
        if !masked {
            bail!("The server's answer holds no mask");
        }
        Ok(answer)
    }

    /// Rewrites what changed.
    fn apply(&mut self, update: &v1::MaskUpdate) -> anyhow::Result<()> {
        for change in update.deltas.iter().filter(|d| d.label_id == self.label_id) {
            convert::delta(change)?.apply(&mut self.mask)?;
        }
        Ok(())
    }

    /// Compares our mask with the server's, by digest. Not part of the time to the mask.
    fn check(&self, update: &v1::MaskUpdate) -> anyhow::Result<()> {
        for change in update.deltas.iter().filter(|d| d.label_id == self.label_id) {
            if change.mask_sha256 != self.mask.digest() {
                bail!("The mask put together from the changes is not the server's at revision {}", update.revision);
            }
        }
        Ok(())
    }

    /// More slices for the present state: `count` of them, along `axes` (all if empty).
    ///
    /// # Errors
    /// The server refuses.
    pub async fn propose(&mut self, count: u32, axes: &[Axis], samples: u32) -> anyhow::Result<Vec<Slice>> {
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
    pub async fn sweep(&self, samples: u32) -> anyhow::Result<v1::SweepResult> {
        let request = v1::SweepVolumeRequest { session_id: self.session_id.clone(), samples, count: 0 };
        let mut stream = self.remote.segmentation.clone().sweep_volume(request).await?.into_inner();
        while let Some(event) = stream.message().await? {
            if let Some(v1::sweep_event::Event::Result(result)) = event.event {
                return Ok(result);
            }
        }
        bail!("The server stopped before the sweep's end")
    }

    /// Tells the server that a slice needs no correction.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn accept(&mut self, slice: &Slice) -> anyhow::Result<()> {
        let request = v1::AcceptSliceRequest {
            session_id: self.session_id.clone(),
            label_id: self.label_id,
            axis: convert::wire_axis(slice.axis).into(),
            index: u32::try_from(slice.index)?,
        };
        self.remote.segmentation.accept_slice(request).await?;
        Ok(())
    }

    /// The uncertainty (mutual information, nats) as a volume of its own.
    ///
    /// # Errors
    /// There is none yet, or the stream breaks off.
    pub async fn uncertainty(&mut self) -> anyhow::Result<(Grid, Array3<f32>)> {
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
        let grid: Grid = grid.context("The server sent a map without a header")?;
        let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap_or_default())).collect();
        let map = Array3::from_shape_vec(grid.shape(), values).context("The server's map is cut short")?;
        Ok((grid, map))
    }

    /// Has the server write its mask to `path`, relative to its root folder.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn save(&mut self, path: &str) -> anyhow::Result<u64> {
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
    pub async fn close(mut self) -> anyhow::Result<()> {
        let request = v1::CloseSessionRequest { session_id: self.session_id };
        self.remote.segmentation.close_session(request).await?;
        Ok(())
    }
}

fn slices(proposals: &v1::Proposals) -> anyhow::Result<Vec<Slice>> {
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
