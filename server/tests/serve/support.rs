//! The server process, its clients, and images to load.

use isochrone_api::v1;
use isochrone_api::v1::export_client::ExportClient;
use isochrone_api::v1::segmentation_client::SegmentationClient;
use isochrone_api::v1::volumes_client::VolumesClient;
use isochrone_volume::{
    DAffine3, DMat3, DVec3, Grid, Mask, MaskDelta, Modality, Quantity, Rescale, Volume, VolumeOrigin, VoxelBox, Voxels,
};
use ndarray::Array3;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use tempfile::{NamedTempFile, TempDir};
use tonic::transport::Channel;

/// A server of our own, ended with the test.
pub struct Server {
    pub child: Child,
    pub address: String,
    pub channel: Channel,
    pub root: TempDir,
    pub volumes: VolumesClient<Channel>,
    pub segmentation: SegmentationClient<Channel>,
    pub export: ExportClient<Channel>,
    log: NamedTempFile,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server without a model, so that only the geodesic engine is there.
    pub async fn start() -> Self {
        Self::with(&["--model", "no-such-bundle"]).await
    }

    pub async fn with(options: &[&str]) -> Self {
        Self::logging("info", options).await
    }

    /// The same, with a log as talkative as asked.
    pub async fn logging(filter: &str, options: &[&str]) -> Self {
        Self::launched(options, &[("RUST_LOG", filter)]).await
    }

    /// The same, with variables of its environment.
    pub async fn launched(options: &[&str], environment: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_isochrone"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--threads", "1", "--root"]).arg(root.path()).args(options);
        command.current_dir(repository()).envs(environment.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let log = NamedTempFile::new().unwrap();
        command.stderr(log.reopen().unwrap());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("isochrone listening on ").expect("the server's address");
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self {
            child,
            address: address.to_owned(),
            root,
            volumes: VolumesClient::new(channel.clone()),
            segmentation: SegmentationClient::new(channel.clone()),
            export: ExportClient::new(channel.clone()),
            channel,
            log,
            _stdout: stdout,
        }
    }

    /// Resident memory, MB.
    #[cfg(target_os = "linux")]
    pub fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    #[cfg(target_os = "linux")]
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// That it takes a new connection.
    pub async fn connects(&self) -> bool {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.is_ok()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Writes an image into the root and loads it.
    pub async fn load(&mut self, name: &str, volume: &Volume) -> v1::Volume {
        isochrone_export::write_volume(&self.root.path().join(name), volume).unwrap();
        let request =
            v1::LoadFileRequest { path: name.to_owned(), modality: v1::Modality::Ct.into(), ..Default::default() };
        self.volumes.load_file(request).await.unwrap().into_inner()
    }

    /// A session on a volume.
    pub async fn open(&mut self, volume: &v1::Volume, engine: &str) -> Result<String, tonic::Status> {
        let request = v1::OpenSessionRequest {
            volume_ids: vec![volume.volume_id.clone()],
            engine: engine.to_owned(),
            seed: 11,
            ..Default::default()
        };
        Ok(self.segmentation.open_session(request).await?.into_inner().session_id)
    }

    pub async fn add_label(&mut self, session: &str, name: &str) -> u32 {
        let request =
            v1::AddLabelRequest { session_id: session.to_owned(), name: name.to_owned(), ..Default::default() };
        self.segmentation.add_label(request).await.unwrap().into_inner().label_id
    }

    /// The balls, a session, a label.
    pub async fn ready(&mut self) -> Reader {
        let volume = self.load("balls.nii.gz", &balls()).await;
        let session = self.open(&volume, "").await.unwrap();
        let label = self.add_label(&session, "lesion").await;
        Reader { session, label, mask: Mask::empty(balls().grid().clone()), segmentation: self.segmentation.clone() }
    }

    /// That the server still serves: a whole small round.
    pub async fn still_serves(&mut self) {
        let mut reader = self.ready().await;
        reader.click(BALL, true).await.unwrap();
        assert!(reader.mask.count() > 50);
        let request = v1::CloseSessionRequest { session_id: reader.session };
        self.segmentation.close_session(request).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One label of one session, with the mask that the client put together itself.
pub struct Reader {
    pub session: String,
    pub label: u32,
    pub mask: Mask,
    pub segmentation: SegmentationClient<Channel>,
}

impl Reader {
    pub fn prompts(&self, positions: &[DVec3], positive: bool) -> v1::AddPromptsRequest {
        let polarity = if positive { v1::Polarity::Positive } else { v1::Polarity::Negative };
        let prompt = |p: &DVec3| {
            let position = Some(v1::Point { x: p.x, y: p.y, z: p.z });
            v1::Prompt { kind: Some(v1::prompt::Kind::Click(v1::Click { position, polarity: polarity.into() })) }
        };
        v1::AddPromptsRequest {
            session_id: self.session.clone(),
            label_id: self.label,
            prompts: positions.iter().map(prompt).collect(),
            mask_only: true,
            ..Default::default()
        }
    }

    pub async fn click(&mut self, at: DVec3, positive: bool) -> Result<v1::MaskUpdate, tonic::Status> {
        let request = self.prompts(&[at], positive);
        self.send(request).await
    }

    pub async fn send(&mut self, request: v1::AddPromptsRequest) -> Result<v1::MaskUpdate, tonic::Status> {
        let mut stream = self.segmentation.add_prompts(request).await?.into_inner();
        let Some(v1::segmentation_event::Event::Mask(update)) = next(&mut stream).await? else { panic!() };
        assert!(stream.message().await?.is_none());
        self.follow(&update);
        Ok(update)
    }

    /// Applies the deltas and compares the digests.
    pub fn follow(&mut self, update: &v1::MaskUpdate) {
        for change in update.deltas.iter().filter(|d| d.label_id == self.label) {
            delta(change).apply(&mut self.mask).unwrap();
            assert_eq!(self.mask.digest().as_slice(), change.mask_sha256);
            assert_eq!(self.mask.count() as u64, change.voxels);
        }
    }

    pub async fn undo(&mut self) -> Result<v1::MaskUpdate, tonic::Status> {
        let request = v1::UndoRequest { session_id: self.session.clone(), ..Default::default() };
        let update = self.segmentation.undo(request).await?.into_inner();
        self.follow(&update);
        Ok(update)
    }

    pub async fn redo(&mut self) -> Result<v1::MaskUpdate, tonic::Status> {
        let request = v1::RedoRequest { session_id: self.session.clone(), ..Default::default() };
        let update = self.segmentation.redo(request).await?.into_inner();
        self.follow(&update);
        Ok(update)
    }

    /// Paints a box.
    pub async fn paint(&mut self, region: VoxelBox) -> v1::MaskUpdate {
        let mut painted = self.mask.clone();
        painted.voxels_mut().slice_mut(region.slice()).fill(true);
        let delta = MaskDelta::of_box(&painted, region);
        let request = v1::ApplyEditRequest {
            session_id: self.session.clone(),
            label_id: self.label,
            r#box: Some(wire_box(&region)),
            zlib_bits: delta.zlib_bits,
            ..Default::default()
        };
        let update = self.segmentation.apply_edit(request).await.unwrap().into_inner();
        self.follow(&update);
        update
    }

    /// The mask as the server holds it.
    pub async fn whole(&mut self) -> Mask {
        let request = v1::GetMaskRequest { session_id: self.session.clone(), label_id: self.label };
        let update = self.segmentation.get_mask(request).await.unwrap().into_inner();
        let mut mask = Mask::empty(self.mask.grid().clone());
        delta(&update.deltas[0]).apply(&mut mask).unwrap();
        assert_eq!(mask.digest().as_slice(), update.deltas[0].mask_sha256);
        mask
    }

    pub async fn replays(&mut self) -> bool {
        let request = v1::ReplayRequest { session_id: self.session.clone() };
        self.segmentation.replay(request).await.unwrap().into_inner().identical
    }
}

/// The next event of a stream that is not about the queue: on a busy machine requests wait.
pub async fn next(
    stream: &mut tonic::Streaming<v1::SegmentationEvent>,
) -> Result<Option<v1::segmentation_event::Event>, tonic::Status> {
    loop {
        match stream.message().await?.map(|e| e.event.unwrap()) {
            Some(v1::segmentation_event::Event::Queue(_)) => {}
            event => return Ok(event),
        }
    }
}

pub fn wire_box(region: &VoxelBox) -> v1::VoxelBox {
    let voxel = |v: [usize; 3]| Some(v1::Voxel { i: v[0] as u32, j: v[1] as u32, k: v[2] as u32 });
    v1::VoxelBox { min: voxel(region.min), max: voxel(region.max) }
}

pub fn delta(change: &v1::LabelDelta) -> MaskDelta {
    let region = change.r#box.as_ref().unwrap();
    let voxel = |v: &Option<v1::Voxel>| v.as_ref().map(|v| [v.i as usize, v.j as usize, v.k as usize]).unwrap();
    MaskDelta {
        region: VoxelBox { min: voxel(&region.min), max: voxel(&region.max) },
        zlib_bits: change.zlib_bits.clone(),
    }
}

/// Centre of a bright ball of 8 mm in [`balls`], LPS mm.
pub const BALL: DVec3 = DVec3::new(-10.0, 20.0, 30.0);
/// Centre of the other.
pub const OTHER_BALL: DVec3 = DVec3::new(15.0, 20.0, 30.0);

/// An oblique, anisotropic image of two bright balls in a dull, slightly uneven ground.
pub fn balls() -> Volume {
    let turned = DMat3::from_rotation_z(0.2) * DMat3::from_diagonal(DVec3::new(1.2, -1.2, 2.5));
    let centre = DVec3::new(0.0, 20.0, 30.0);
    let translation = centre - turned * DVec3::new(29.5, 29.5, 12.0);
    let grid = Grid::new([60, 60, 24], DAffine3 { matrix3: turned, translation }).unwrap();
    ct(&grid, |p| if p.distance(BALL) < 8.0 || p.distance(OTHER_BALL) < 8.0 { 120.0 } else { -20.0 })
}

/// A CT whose values follow from the place.
pub fn ct(grid: &Grid, value: impl Fn(DVec3) -> f64) -> Volume {
    let voxels = Array3::from_shape_fn(grid.shape(), |(k, j, i)| {
        let noise = ((i * 7919 + j * 104_729 + k * 1_299_709) % 17) as f64 - 8.0;
        (value(grid.centre_mm([i, j, k])) + noise) as i16
    });
    let origin = VolumeOrigin {
        modality: Modality::Ct,
        quantity: Quantity::Hounsfield,
        inferred: false,
        frame_of_reference: None,
        warnings: Vec::new(),
    };
    Volume::new(grid.clone(), Voxels::I16(voxels), Rescale::IDENTITY, origin).unwrap()
}

/// A mask file as a mask on this grid; 1 is set.
pub fn read_mask(path: &Path, grid: &Arc<Grid>) -> Mask {
    let volume = isochrone_intake::read(path, &isochrone_intake::ReadOptions::default()).unwrap();
    assert_eq!(volume.grid().size(), grid.size());
    let same = |a: DVec3, b: DVec3| a.distance(b) < 1e-3;
    let far = grid.size().map(|n| n - 1);
    assert!(
        same(volume.grid().centre_mm([0; 3]), grid.centre_mm([0; 3]))
            && same(volume.grid().centre_mm(far), grid.centre_mm(far))
    );
    let values = volume.values(&VoxelBox::whole(grid.size()));
    assert!(values.iter().all(|v| *v == 0.0 || *v == 1.0));
    Mask::new(grid.clone(), values.map(|v| *v == 1.0)).unwrap()
}

/// The top of the source tree.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
