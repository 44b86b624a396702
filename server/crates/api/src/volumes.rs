//! The service `Volumes`.

use crate::convert::{format, modality, volume};
use crate::uploads::{Announced, Upload};
use crate::{ApiError, House, v1};
use isochrone_intake::ReadOptions;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Volume in.
pub struct VolumesService(Arc<House>);

impl VolumesService {
    /// The service of a house.
    #[must_use]
    pub fn new(house: Arc<House>) -> Self {
        Self(house)
    }

    fn upload(&self, upload: &Upload) -> v1::Upload {
        v1::Upload {
            upload_id: upload.id.clone(),
            next_offset: upload.received(),
            size_bytes: upload.announced.size,
            max_chunk_bytes: crate::convert::u32_of(self.0.limits.chunk_bytes),
        }
    }

    fn announced(&self, request: v1::BeginUploadRequest) -> Result<Announced, ApiError> {
        let v1::BeginUploadRequest { format: number, size_bytes: size, sha256, modality: scanner } = request;
        let limit = self.0.limits.upload_bytes;
        if size == 0 || size > limit {
            return Err(ApiError::field("size_bytes", format!("{size} bytes cannot be taken; 1 to {limit}")));
        }
        if !matches!(sha256.len(), 0 | 32) {
            return Err(ApiError::field(
                "sha256",
                format!("{} bytes; a SHA-256 has 32, or leave it empty", sha256.len()),
            ));
        }
        Ok(Announced { size, sha256, modality: modality(scanner)?, file_name: format(number)? })
    }
}

#[tonic::async_trait]
impl v1::volumes_server::Volumes for VolumesService {
    async fn begin_upload(&self, request: Request<v1::BeginUploadRequest>) -> Result<Response<v1::Upload>, Status> {
        let announced = self.announced(request.into_inner())?;
        let house = self.0.clone();
        let upload = self.0.run(move || house.begin_upload(announced)).await?;
        Ok(Response::new(self.upload(&upload)))
    }

    async fn upload_chunk(&self, request: Request<v1::UploadChunkRequest>) -> Result<Response<v1::Upload>, Status> {
        let v1::UploadChunkRequest { upload_id, offset, data } = request.into_inner();
        let limit = self.0.limits.chunk_bytes;
        if data.is_empty() || data.len() > limit {
            return Err(ApiError::field("data", format!("{} bytes; a chunk holds 1 to {limit}", data.len())).into());
        }
        let upload = self.0.upload(&upload_id)?;
        let taking = upload.clone();
        self.0.run(move || taking.append(offset, &data)).await?;
        Ok(Response::new(self.upload(&upload)))
    }

    async fn get_upload(&self, request: Request<v1::GetUploadRequest>) -> Result<Response<v1::Upload>, Status> {
        let upload = self.0.upload(&request.into_inner().upload_id)?;
        Ok(Response::new(self.upload(&upload)))
    }

    async fn finish_upload(&self, request: Request<v1::FinishUploadRequest>) -> Result<Response<v1::Volume>, Status> {
        let upload = self.0.upload(&request.into_inner().upload_id)?;
        let house = self.0.clone();
        let id = self
            .0
            .run(move || {
                let read = upload.finish(&house);
                if matches!(read, Err(ApiError::Intake(_) | ApiError::Damaged(_))) {
                    // It will not get better: the file can only be sent anew.
                    house.uploads.remove(&upload.id);
                }
                read
            })
            .await?;
        Ok(Response::new(volume(&self.0.volume(&id)?)))
    }

    async fn load_file(&self, request: Request<v1::LoadFileRequest>) -> Result<Response<v1::Volume>, Status> {
        let v1::LoadFileRequest { path, modality: scanner, series, allow_gaps, suv } = request.into_inner();
        if series.len() > self.0.limits.path_bytes {
            return Err(ApiError::field("series", "longer than any UID").into());
        }
        let (modality, suv) = (modality(scanner)?, crate::convert::suv(suv)?);
        let house = self.0.clone();
        let held = self
            .0
            .run(move || {
                let image = house.root(&path)?.image(&path)?;
                crate::outputs::note_file(&path);
                let options = ReadOptions {
                    modality,
                    series: Some(series).filter(|s| !s.is_empty()),
                    blank_gaps: allow_gaps,
                    suv,
                    limits: house.limits.file.clone(),
                };
                house.read(&[image], &options)
            })
            .await?;
        Ok(Response::new(volume(&held)))
    }

    async fn align_volume(&self, request: Request<v1::AlignVolumeRequest>) -> Result<Response<v1::Volume>, Status> {
        let v1::AlignVolumeRequest { volume_id, to_volume_id, by } = request.into_inner();
        let by = by.ok_or_else(|| ApiError::field("by", "missing; name registration_path, or say same_place"))?;
        let (moving, fixed) = (self.0.volume(&volume_id)?, self.0.volume(&to_volume_id)?);
        let house = self.0.clone();
        let held = self.0.run(move || house.align(&moving, &fixed, by)).await?;
        Ok(Response::new(volume(&held)))
    }

    async fn get_volume(&self, request: Request<v1::GetVolumeRequest>) -> Result<Response<v1::Volume>, Status> {
        Ok(Response::new(volume(&self.0.volume(&request.into_inner().volume_id)?)))
    }

    async fn list_volumes(
        &self,
        _: Request<v1::ListVolumesRequest>,
    ) -> Result<Response<v1::ListVolumesResponse>, Status> {
        let volumes = self.0.volumes.all().iter().map(volume).collect();
        Ok(Response::new(v1::ListVolumesResponse { volumes }))
    }

    async fn unload_volume(
        &self,
        request: Request<v1::UnloadVolumeRequest>,
    ) -> Result<Response<v1::UnloadVolumeResponse>, Status> {
        self.0.unload(&request.into_inner().volume_id)?;
        Ok(Response::new(v1::UnloadVolumeResponse {}))
    }
}
