//! The service `Pacs`.

use crate::gate::call::{Call, spawn};
use crate::objects::objects;
use crate::spool::Spool;
use crate::{ApiError, House, v1};
use isochrone_intake::ReadOptions;
use isochrone_intake::dicomweb::{FoundSeries, LoadLimits, Pacs, Progress, SeriesQuery};
use isochrone_intake::masks::ReadMasks;
use isochrone_session::Session;
use isochrone_volume::MaskDelta;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

/// A hospital's image archive.
pub struct PacsService(Arc<House>);

impl PacsService {
    /// The service of a house.
    #[must_use]
    pub fn new(house: Arc<House>) -> Self {
        Self(house)
    }
}

impl House {
    /// A PACS that the site allows, by its name; an empty name means the only one.
    pub(crate) fn pacs(&self, name: &str) -> Result<Arc<Pacs>, ApiError> {
        match self.pacs.as_slice() {
            [] => {
                Err(ApiError::State("This server knows no PACS. Have it started with --pacs NAME=https://…".to_owned()))
            }
            [only] if name.is_empty() => Ok(only.clone()),
            all => all.iter().find(|p| p.name() == name).cloned().ok_or(ApiError::NoPacs),
        }
    }

    fn load_limits(&self) -> LoadLimits {
        LoadLimits {
            bytes: self.limits.upload_bytes,
            voxel_bytes: self.limits.file.max_voxel_bytes,
            ..LoadLimits::default()
        }
    }
}

#[tonic::async_trait]
impl v1::pacs_server::Pacs for PacsService {
    async fn list_pacs(&self, _: Request<v1::ListPacsRequest>) -> Result<Response<v1::ListPacsResponse>, Status> {
        let names = self.0.pacs.iter().map(|p| p.name().to_owned()).collect();
        Ok(Response::new(v1::ListPacsResponse { names }))
    }

    async fn find_series(
        &self,
        request: Request<v1::FindSeriesRequest>,
    ) -> Result<Response<v1::FindSeriesResponse>, Status> {
        let request = request.into_inner();
        let pacs = self.0.pacs(&request.pacs)?;
        let query = SeriesQuery {
            patient_id: request.patient_id,
            patient_name: request.patient_name,
            study_date: request.study_date,
            accession_number: request.accession_number,
            modality: request.modality,
            study_uid: request.study_uid,
            series_uid: request.series_uid,
            limit: request.limit as usize,
        };
        let found = self.0.run(move || Ok(pacs.find_series(&query)?)).await?;
        Ok(Response::new(v1::FindSeriesResponse { series: found.into_iter().map(wire_series).collect() }))
    }

    type LoadFromPacsStream = ReceiverStream<Result<v1::LoadEvent, Status>>;

    async fn load_from_pacs(
        &self,
        request: Request<v1::LoadFromPacsRequest>,
    ) -> Result<Response<Self::LoadFromPacsStream>, Status> {
        let v1::LoadFromPacsRequest { pacs, study_uid, series_uid, suv } = request.into_inner();
        let suv = crate::convert::suv(suv)?;
        let pacs = self.0.pacs(&pacs)?;
        let (say, events) = mpsc::channel(8);
        let (house, ending) = (self.0.clone(), Call::current().outlasts());
        spawn(async move {
            let (told, working) = (say.clone(), house.clone());
            let loaded = house
                .run(move || {
                    let spool = Spool::begin(&working, pacs.name(), &study_uid, &series_uid)?;
                    // A progress that nobody waits for is dropped; a client that has gone stops the load.
                    let progress = |p: Progress| {
                        let _ = told.try_send(Ok(progress_event(p)));
                        !told.is_closed()
                    };
                    pacs.load_series(&study_uid, &series_uid, spool.folder(), &working.load_limits(), &progress)?;
                    let options = ReadOptions { suv, limits: working.limits.file.clone(), ..ReadOptions::default() };
                    let held = working.read(&[spool.folder().to_owned()], &options)?;
                    spool.done();
                    Ok(held)
                })
                .await;
            let last = loaded.map(|held| v1::LoadEvent {
                event: Some(v1::load_event::Event::Volume(crate::convert::volume(&held))),
            });
            let last = last.map_err(Status::from);
            ending.with(last.as_ref().map_or_else(Status::code, |_| Code::Ok));
            // Nobody listens if the client has gone.
            let _ = say.send(last).await;
        });
        Ok(Response::new(ReceiverStream::new(events)))
    }

    async fn load_masks_from_pacs(
        &self,
        request: Request<v1::LoadMasksFromPacsRequest>,
    ) -> Result<Response<v1::LoadMasksFromPacsResponse>, Status> {
        let v1::LoadMasksFromPacsRequest { session_id, pacs, study_uid, series_uid } = request.into_inner();
        let pacs = self.0.pacs(&pacs)?;
        let slot = self.0.session(&session_id).await?;
        let first = slot.volume_ids.first().map(String::as_str).unwrap_or_default();
        let volume = self.0.volume(first)?.volume;
        let house = self.0.clone();
        let found = self
            .0
            .run(move || {
                let spool = Spool::begin(&house, pacs.name(), &study_uid, &series_uid)?;
                pacs.load_series(&study_uid, &series_uid, spool.folder(), &house.load_limits(), &|_| true)?;
                let found = house.read_masks(spool.folder(), &volume)?;
                spool.done();
                Ok(found)
            })
            .await?;
        let name_limit = self.0.limits.label_name;
        let (labels, warnings) = self.0.with(&slot, move |session| take_masks(session, found, name_limit)).await?;
        Ok(Response::new(v1::LoadMasksFromPacsResponse { labels, warnings }))
    }

    async fn store_to_pacs(
        &self,
        request: Request<v1::StoreToPacsRequest>,
    ) -> Result<Response<v1::StoreToPacsResponse>, Status> {
        let v1::StoreToPacsRequest { session_id, pacs, label_ids, formats } = request.into_inner();
        let pacs = self.0.pacs(&pacs)?;
        let formats = dicom_formats(&formats)?;
        let slot = self.0.session(&session_id).await?;
        let series = self.0.series(&slot)?;
        let chosen = self.0.chosen_for(&slot, label_ids, &formats).await?;
        let stored = self
            .0
            .run(move || {
                let made = objects(&series, &chosen, &formats)?;
                let files: Vec<&[u8]> = made.iter().map(|(_, object)| object.bytes.as_slice()).collect();
                pacs.store(&files)?;
                Ok(made)
            })
            .await?;
        let objects = stored
            .into_iter()
            .map(|(format, object)| v1::ExportedObject {
                format: format.into(),
                path: String::new(),
                size_bytes: object.bytes.len() as u64,
                sha256: Sha256::digest(&object.bytes).to_vec(),
                sop_instance_uid: object.sop_instance_uid,
                series_uid: object.series_uid,
            })
            .collect();
        Ok(Response::new(v1::StoreToPacsResponse { objects }))
    }
}

fn dicom_formats(numbers: &[i32]) -> Result<Vec<v1::ExportFormat>, ApiError> {
    use v1::ExportFormat::{DicomRtstruct, DicomSeg, DicomSegFractional, DicomSr};
    crate::convert::at_most("formats", numbers, 8)?;
    if numbers.is_empty() {
        return Ok(vec![DicomSeg]);
    }
    let one = |(n, number): (usize, &i32)| match v1::ExportFormat::try_from(*number) {
        Ok(format @ (DicomSeg | DicomSegFractional | DicomRtstruct | DicomSr)) => Ok(format),
        _ => Err(ApiError::field(
            format!("formats[{n}]"),
            format!(
                "{number} is not a DICOM format; a PACS takes EXPORT_FORMAT_DICOM_SEG, _SEG_FRACTIONAL, _RTSTRUCT and _SR"
            ),
        )),
    };
    numbers.iter().enumerate().map(one).collect()
}

/// Makes a label of every mask that is not empty; each starts with its mask.
fn take_masks(
    session: &mut Session,
    found: ReadMasks,
    name_limit: usize,
) -> Result<(Vec<v1::Label>, Vec<String>), isochrone_session::SessionError> {
    let ReadMasks { masks, mut warnings } = found;
    let mut added = Vec::new();
    for read in masks {
        let name: String = read.name.chars().filter(|c| !c.is_control()).take(name_limit).collect();
        let name = if name.trim().is_empty() { format!("segment {}", read.number) } else { name.trim().to_owned() };
        let region = read.mask.bounding_box();
        if region.is_empty() {
            warnings.push(format!("Segment {} is empty on this image and was left out", read.number));
            continue;
        }
        let Some(label) = session.add_label(&name)?.label else { continue };
        let delta = MaskDelta::of_box(&read.mask, region);
        session.edit(label, delta, None)?;
        added.push(label);
    }
    let revision = session.revision();
    let labels = session
        .labels()
        .iter()
        .filter(|l| added.contains(&l.label))
        .map(|l| crate::convert::label(l, revision))
        .collect();
    Ok((labels, warnings))
}

fn progress_event(p: Progress) -> v1::LoadEvent {
    let progress = v1::LoadProgress {
        instances: crate::convert::u32_of(p.done),
        of_instances: crate::convert::u32_of(p.total),
        bytes: p.bytes,
    };
    v1::LoadEvent { event: Some(v1::load_event::Event::Progress(progress)) }
}

fn wire_series(s: FoundSeries) -> v1::FoundSeries {
    v1::FoundSeries {
        study_uid: s.study_uid,
        series_uid: s.series_uid,
        modality: s.modality,
        series_description: s.series_description,
        series_number: s.series_number,
        instances: crate::convert::u32_of(s.instances),
        study_date: s.study_date,
        study_description: s.study_description,
        accession_number: s.accession_number,
        patient_id: s.patient_id,
        patient_name: s.patient_name,
    }
}
