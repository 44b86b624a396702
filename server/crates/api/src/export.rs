//! The service `Export`.

use crate::maps::{Chunks, chunks_of};
use crate::objects::{companion_measures, objects, wire_measures};
use crate::outputs::Place;
use crate::sessions::Slot;
use crate::{ApiError, House, v1};
use isochrone_export::dicom::Object;
use isochrone_volume::{Grid, Mask};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Masks out.
pub struct ExportService(Arc<House>);

/// What a file is made of.
type Labels = (Arc<Grid>, Vec<(u16, Arc<Mask>)>);

impl ExportService {
    /// The service of a house.
    #[must_use]
    pub fn new(house: Arc<House>) -> Self {
        Self(house)
    }

    /// The chosen labels as they are now; none chosen means all.
    async fn labels(&self, slot: &Slot, chosen: Vec<u32>) -> Result<Labels, ApiError> {
        crate::convert::at_most("label_ids", &chosen, self.0.limits.session.labels)?;
        self.0
            .with(slot, move |session| {
                let chosen: BTreeSet<u32> = if chosen.is_empty() {
                    session.labels().iter().map(|l| l.label).collect()
                } else {
                    chosen.into_iter().collect()
                };
                let mut masks = Vec::with_capacity(chosen.len());
                for label in chosen {
                    masks.push((u16::try_from(label).unwrap_or_default(), session.mask(label)?.0));
                }
                Ok((session.volume().grid().clone(), masks))
            })
            .await
    }
}

#[tonic::async_trait]
impl v1::export_server::Export for ExportService {
    async fn save_nifti(
        &self,
        request: Request<v1::SaveNiftiRequest>,
    ) -> Result<Response<v1::SaveNiftiResponse>, Status> {
        let v1::SaveNiftiRequest { session_id, label_ids, path, overwrite } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        let labels = self.labels(&slot, label_ids).await?;
        let house = self.0.clone();
        let (size_bytes, sha256) = self
            .0
            .run(move || {
                if !(path.ends_with(".nii") || path.ends_with(".nii.gz")) {
                    return Err(ApiError::field("path", "the name must end in .nii or .nii.gz"));
                }
                let place = house.outputs.place(house.root(&path)?, &path, overwrite)?;
                house.outputs.write(&place, |file| write(file, &labels))?;
                digest(place.path()).map_err(|_| ApiError::Broken(UNREADABLE))
            })
            .await?;
        Ok(Response::new(v1::SaveNiftiResponse { size_bytes, sha256 }))
    }

    type DownloadNiftiStream = Chunks<v1::FileChunk>;

    async fn download_nifti(
        &self,
        request: Request<v1::DownloadNiftiRequest>,
    ) -> Result<Response<Self::DownloadNiftiStream>, Status> {
        let v1::DownloadNiftiRequest { session_id, label_ids } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        let labels = self.labels(&slot, label_ids).await?;
        let house = self.0.clone();
        let bytes = self
            .0
            .run(move || {
                let folder = tempfile::tempdir_in(house.private.path())
                    .map_err(|_| ApiError::Broken("its disk could not be written"))?;
                let place = folder.path().join("labels.nii.gz");
                write(&place, &labels)?;
                std::fs::read(&place).map_err(|_| ApiError::Broken(UNREADABLE))
            })
            .await?;
        let chunks = chunks_of(bytes, self.0.limits.chunk_bytes, |data| v1::FileChunk { data: data.to_vec() });
        Ok(Response::new(chunks))
    }

    async fn export(&self, request: Request<v1::ExportRequest>) -> Result<Response<v1::ExportResponse>, Status> {
        let v1::ExportRequest { session_id, label_ids, format, path, overwrite } = request.into_inner();
        let format = export_format(format, &path)?;
        let slot = self.0.session(&session_id).await?;
        let series = if is_dicom(format) { Some(self.0.series(&slot)?) } else { None };
        let chosen = self.0.chosen_for(&slot, label_ids, &[format]).await?;
        if format == v1::ExportFormat::DicomSegFractional && chosen.labels.len() != 1 {
            let problem = format!("{} labels; a file of probabilities holds one", chosen.labels.len());
            return Err(ApiError::field("label_ids", problem).into());
        }
        let house = self.0.clone();
        let objects = self
            .0
            .run(move || {
                let root = house.root(&path)?;
                let outputs = &house.outputs;
                let placed = |path: String| -> Result<(String, Place), ApiError> {
                    let place = outputs.place(root, &path, overwrite)?;
                    Ok((path, place))
                };
                let Some(series) = series else {
                    let (path, place) = placed(path)?;
                    let (grid, numbered) = (chosen.volume.grid(), chosen.numbered());
                    outputs.write(&place, |file| isochrone_export::write_segments(file, grid, &numbered))?;
                    return Ok(vec![written(format, path, place.path(), None)?]);
                };
                let made = objects(&series, &chosen, &[format])?;
                // All places are good before the first file is written.
                let several = made.len() > 1;
                let mut todo = Vec::with_capacity(made.len());
                for (kind, object) in made {
                    let beside = several && kind != format;
                    todo.push((placed(if beside { seg_beside(&path) } else { path.clone() })?, kind, object));
                }
                todo.into_iter()
                    .map(|((path, place), kind, object)| {
                        outputs.write(&place, |file| object.write(file))?;
                        written(kind, path, place.path(), Some(&object))
                    })
                    .collect()
            })
            .await?;
        Ok(Response::new(v1::ExportResponse { objects }))
    }

    async fn measure(&self, request: Request<v1::MeasureRequest>) -> Result<Response<v1::MeasureResponse>, Status> {
        let v1::MeasureRequest { session_id, label_ids } = request.into_inner();
        let slot = self.0.session(&session_id).await?;
        let chosen = self.0.chosen(&slot, label_ids).await?;
        let companions = self.0.companions(&slot);
        let answer = self
            .0
            .run(move || {
                let mut labels = Vec::new();
                for (id, _, mask) in &chosen.labels {
                    let found = isochrone_measure::measure(&chosen.volume, mask)?;
                    labels.extend(found.map(|found| wire_measures(u32::from(*id), &found)));
                }
                let masks: Vec<&Mask> = chosen.labels.iter().map(|(_, _, mask)| mask.as_ref()).collect();
                let total = isochrone_measure::total(&chosen.volume, &masks)?.map(|found| wire_measures(0, &found));
                let pairs: Vec<_> = chosen.labels.iter().map(|(id, _, mask)| (u32::from(*id), mask.clone())).collect();
                let all: Vec<_> = pairs.iter().map(|(_, mask)| mask.clone()).collect();
                let companions = companion_measures(&pairs, &all, &companions);
                Ok(v1::MeasureResponse { labels, total, companions })
            })
            .await?;
        Ok(Response::new(answer))
    }
}

fn is_dicom(format: v1::ExportFormat) -> bool {
    use v1::ExportFormat::{DicomRtstruct, DicomSeg, DicomSegFractional, DicomSr};
    matches!(format, DicomSeg | DicomSegFractional | DicomRtstruct | DicomSr)
}

/// The format, if the file's name suits it.
fn export_format(number: i32, path: &str) -> Result<v1::ExportFormat, ApiError> {
    use v1::ExportFormat::{Nifti, Nrrd, Unspecified};
    let format = v1::ExportFormat::try_from(number).ok().filter(|f| *f != Unspecified);
    let format = format.ok_or_else(|| {
        ApiError::field("format", format!("{number} is not a format; send one of EXPORT_FORMAT_DICOM_SEG and its like"))
    })?;
    let endings: &[&str] = match format {
        Nifti => &[".nii", ".nii.gz"],
        Nrrd => &[".nrrd"],
        _ => &[".dcm"],
    };
    if endings.iter().any(|ending| path.ends_with(ending)) {
        Ok(format)
    } else {
        Err(ApiError::field("path", format!("the name must end in {}", endings.join(" or "))))
    }
}

/// `report.dcm` → `report.seg.dcm`.
fn seg_beside(path: &str) -> String {
    format!("{}.seg.dcm", path.strip_suffix(".dcm").unwrap_or(path))
}

fn written(
    format: v1::ExportFormat,
    path: String,
    place: &Path,
    object: Option<&Object>,
) -> Result<v1::ExportedObject, ApiError> {
    let (size_bytes, sha256) = digest(place).map_err(|_| ApiError::Broken(UNREADABLE))?;
    Ok(v1::ExportedObject {
        format: format.into(),
        path,
        size_bytes,
        sha256,
        sop_instance_uid: object.map(|o| o.sop_instance_uid.clone()).unwrap_or_default(),
        series_uid: object.map(|o| o.series_uid.clone()).unwrap_or_default(),
    })
}

fn write(place: &Path, (grid, masks): &Labels) -> Result<(), ApiError> {
    let masks: Vec<(u16, &Mask)> = masks.iter().map(|(label, mask)| (*label, mask.as_ref())).collect();
    Ok(isochrone_export::write_labels(place, grid, &masks)?)
}

const UNREADABLE: &str = "the file that was just written could not be read";

/// Bytes and SHA-256 of a file.
fn digest(place: &Path) -> std::io::Result<(u64, Vec<u8>)> {
    let mut file = std::fs::File::open(place)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let n = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..n).filter(|b| !b.is_empty()) else { break };
        hasher.update(bytes);
        size += bytes.len() as u64;
    }
    Ok((size, hasher.finalize().to_vec()))
}
