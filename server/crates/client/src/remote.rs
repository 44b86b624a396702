use crate::{ClientError, RemoteSession, convert};
use isochrone_api::v1;
use isochrone_api::v1::export_client::ExportClient;
use isochrone_api::v1::segmentation_client::SegmentationClient;
use isochrone_api::v1::volumes_client::VolumesClient;
use isochrone_volume::{Grid, Modality};
use sha2::{Digest, Sha256};
use std::path::Path;
use tonic::transport::Channel;

/// A mask delta or a map chunk is far smaller; a whole mask of 512³ is 16 MB packed.
const MESSAGE_BYTES: usize = 64 << 20;

/// A connection to a server.
#[derive(Clone)]
pub struct Remote {
    pub(crate) volumes: VolumesClient<Channel>,
    pub(crate) segmentation: SegmentationClient<Channel>,
    pub(crate) export: ExportClient<Channel>,
}

/// An image on the server.
#[derive(Debug, Clone)]
pub struct RemoteVolume {
    /// Id on the server.
    pub id: String,
    /// As the server sees it.
    pub grid: Grid,
    /// Frame of reference to point in.
    pub frame_of_reference: String,
}

impl Remote {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(address: &str) -> Result<Self, ClientError> {
        let nobody = || ClientError::Unreachable(address.to_owned());
        let endpoint = Channel::from_shared(format!("http://{address}")).map_err(|_| nobody())?;
        let channel = endpoint.tcp_nodelay(true).connect().await.map_err(|_| nobody())?;
        Ok(Self {
            volumes: VolumesClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES),
            segmentation: SegmentationClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES),
            export: ExportClient::new(channel).max_decoding_message_size(MESSAGE_BYTES),
        })
    }

    /// What the server is and can do.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn describe(&mut self) -> Result<v1::ServerDescription, ClientError> {
        Ok(self.segmentation.describe_server(v1::DescribeServerRequest {}).await?.into_inner())
    }

    /// Uploads an image file in chunks; `progress` hears bytes sent and bytes in all.
    ///
    /// # Errors
    /// The file cannot be read, or the server refuses it.
    pub async fn upload(
        &mut self,
        path: &Path,
        modality: Modality,
        progress: impl Fn(u64, u64),
    ) -> Result<RemoteVolume, ClientError> {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let bytes =
            std::fs::read(path).map_err(|error| ClientError::File(format!("{name} cannot be read: {error}")))?;
        let format = if name.ends_with(".nrrd") {
            v1::FileFormat::Nrrd
        } else if name.ends_with(".nii") || name.ends_with(".nii.gz") {
            v1::FileFormat::Nifti
        } else {
            return Err(ClientError::File(format!("{name} is neither .nii, .nii.gz nor .nrrd; convert it first")));
        };
        let begin = v1::BeginUploadRequest {
            format: format.into(),
            size_bytes: bytes.len() as u64,
            sha256: Sha256::digest(&bytes).to_vec(),
            modality: convert::modality(modality).into(),
        };
        let mut upload = self.volumes.begin_upload(begin).await?.into_inner();
        loop {
            progress(upload.next_offset, bytes.len() as u64);
            let rest = usize::try_from(upload.next_offset).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let chunk = rest.get(..upload.max_chunk_bytes.max(1) as usize).unwrap_or(rest);
            let request = v1::UploadChunkRequest {
                upload_id: upload.upload_id.clone(),
                offset: upload.next_offset,
                data: chunk.to_vec(),
            };
            let before = upload.next_offset;
            upload = self.volumes.upload_chunk(request).await?.into_inner();
            if upload.next_offset <= before {
                return Err(ClientError::Answer(format!("The server took no byte of the chunk at {before}")));
            }
        }
        let finish = v1::FinishUploadRequest { upload_id: upload.upload_id };
        let volume = self.volumes.finish_upload(finish).await?.into_inner();
        Ok(RemoteVolume {
            grid: convert::grid(volume.grid.as_ref())?,
            id: volume.volume_id,
            frame_of_reference: volume.frame_of_reference_uid,
        })
    }

    /// Opens a session on one image, with one label. An empty `engine` is the server's default.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn open(&mut self, volume: &RemoteVolume, engine: &str, seed: u64) -> Result<RemoteSession, ClientError> {
        let volume_ids = vec![volume.id.clone()];
        let request = v1::OpenSessionRequest { volume_ids, engine: engine.to_owned(), seed, ..Default::default() };
        let session = self.segmentation.open_session(request).await?.into_inner();
        let mut session = RemoteSession::new(self.clone(), session, volume);
        let label = session.add_label("lesion").await?;
        session.select(label)?;
        Ok(session)
    }

    /// What the server knows of a session, be it from an earlier process.
    ///
    /// # Errors
    /// There is none of this id.
    pub async fn look(&mut self, session_id: &str) -> Result<v1::Session, ClientError> {
        let request = v1::GetSessionRequest { session_id: session_id.to_owned() };
        Ok(self.segmentation.get_session(request).await?.into_inner())
    }

    /// Forgets an image on the server.
    ///
    /// # Errors
    /// A session still uses it.
    pub async fn unload(&mut self, volume: RemoteVolume) -> Result<(), ClientError> {
        self.volumes.unload_volume(v1::UnloadVolumeRequest { volume_id: volume.id }).await?;
        Ok(())
    }
}
