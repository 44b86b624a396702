//! Labels of a session as DICOM objects and files.

use crate::sessions::Slot;
use crate::{ApiError, House, v1};
use isochrone_export::dicom::{
    Algorithm, Code, Object, Segment, Series, measured, report, segmentation, structure_set,
};
use isochrone_session::{About, Action, Session};
use isochrone_volume::{Mask, Quantity, Volume};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The chosen labels as they were at one moment.
pub(crate) struct Chosen {
    pub volume: Arc<Volume>,
    /// Id, what the label is, and its mask.
    pub labels: Vec<(u16, Segment, Arc<Mask>)>,
}

impl Chosen {
    pub fn pairs(&self) -> Vec<(Segment, &Mask)> {
        self.labels.iter().map(|(_, segment, mask)| (segment.clone(), mask.as_ref())).collect()
    }

    pub fn numbered(&self) -> Vec<(u16, Segment, &Mask)> {
        self.labels.iter().map(|(id, segment, mask)| (*id, segment.clone(), mask.as_ref())).collect()
    }
}

impl House {
    /// The labels that a request names; none named means all.
    pub(crate) async fn chosen(&self, slot: &Slot, ids: Vec<u32>) -> Result<Chosen, ApiError> {
        crate::convert::at_most("label_ids", &ids, self.limits.session.labels)?;
        let (engine, seed) = (slot.engine.clone(), slot.seed);
        let chosen = self
            .with(slot, move |session| {
                let known = session.labels();
                let ids: BTreeSet<u32> =
                    if ids.is_empty() { known.iter().map(|l| l.label).collect() } else { ids.into_iter().collect() };
                let mut labels = Vec::with_capacity(ids.len());
                for (n, id) in ids.into_iter().enumerate() {
                    let mask = session.mask(id)?.0;
                    let about = known.iter().find(|l| l.label == id).map(|l| l.about.clone());
                    let algorithm = algorithm(session, id, &engine, seed);
                    let segment = segment(n, &about.unwrap_or_else(|| About::new("", id)), algorithm);
                    labels.push((u16::try_from(id).unwrap_or_default(), segment, mask));
                }
                Ok(Chosen { volume: session.volume().clone(), labels })
            })
            .await?;
        Ok(chosen)
    }

    /// The DICOM series under a session's masks.
    pub(crate) fn series(&self, slot: &Slot) -> Result<Series, ApiError> {
        let first = slot.volume_ids.first().map(String::as_str).unwrap_or_default();
        let held = self.volume(first)?;
        let info = held.series.clone().ok_or_else(|| {
            ApiError::State(
                "The image did not come from DICOM, so there is no patient and no study to attach the masks to. Load \
                 the DICOM series, or export NIfTI or NRRD"
                    .to_owned(),
            )
        })?;
        Ok(Series { info, grid: held.volume.grid().clone() })
    }
}

/// A label as a segment; what the reader did not say is a lesion's.
fn segment(n: usize, about: &About, algorithm: Algorithm) -> Segment {
    let mut segment = Segment::lesion(n, &about.name, algorithm);
    segment.colour = about.colour;
    // Codes of a label were checked when they were given.
    let code = |c: &isochrone_session::Code| Code::new(&c.value, &c.scheme, &c.meaning).ok();
    if let Some(category) = about.category.as_ref().and_then(code) {
        segment.category = category;
    }
    if let Some(kind) = about.kind.as_ref().and_then(code) {
        segment.kind = kind;
    }
    segment
}

/// Who drew a label: the engine, if any prompt of the label asked it.
fn algorithm(session: &Session, label: u32, engine: &v1::Engine, seed: u64) -> Algorithm {
    let asked = session.steps().iter().any(|s| s.label == label && matches!(s.action, Action::Prompts(_)));
    if !asked {
        return Algorithm::default();
    }
    Algorithm {
        engine: engine.name.clone(),
        model: engine.model.clone(),
        model_digest: engine.model_digest.clone(),
        parameters: format!("seed {seed}; {}", engine.device),
    }
}

/// The objects of the formats asked for, each once; a report brings its segmentation along, before it.
pub(crate) fn objects(
    series: &Series,
    chosen: &Chosen,
    formats: &[v1::ExportFormat],
) -> Result<Vec<(v1::ExportFormat, Object)>, ApiError> {
    use v1::ExportFormat::{DicomRtstruct, DicomSeg, DicomSr};
    let pairs = chosen.pairs();
    let mut made = Vec::new();
    if formats.contains(&DicomSeg) || formats.contains(&DicomSr) {
        let seg = segmentation(series, &pairs)?;
        let sr = formats.contains(&DicomSr).then(|| measurements(series, &seg, chosen)).transpose()?;
        made.push((DicomSeg, seg));
        made.extend(sr.map(|sr| (DicomSr, sr)));
    }
    if formats.contains(&DicomRtstruct) {
        made.push((DicomRtstruct, structure_set(series, &pairs)?));
    }
    Ok(made)
}

fn measurements(series: &Series, seg: &Object, chosen: &Chosen) -> Result<Object, ApiError> {
    let measured = measured(&chosen.volume, &chosen.pairs())?;
    Ok(report(series, seg, &measured)?)
}

/// Of PET in SUV: what the changed labels measure now, and all labels together.
pub(crate) fn live_measures(session: &Session, update: &v1::MaskUpdate) -> Vec<v1::Measures> {
    let volume = session.volume();
    if volume.quantity() != Quantity::SuvBw {
        return Vec::new();
    }
    let mask = |label: u32| session.mask(label).ok().map(|(mask, _)| mask);
    let changed = update.deltas.iter().filter_map(|d| {
        let found = isochrone_measure::measure(volume, mask(d.label_id)?.as_ref()).ok()??;
        Some(wire_measures(d.label_id, &found))
    });
    let masks: Vec<Arc<Mask>> = update.labels.iter().filter_map(|l| mask(l.label_id)).collect();
    let all: Vec<&Mask> = masks.iter().map(Arc::as_ref).collect();
    let total = isochrone_measure::total(volume, &all).ok().flatten().map(|found| wire_measures(0, &found));
    changed.chain(total).collect()
}

/// What one mask measures, for the wire.
pub(crate) fn wire_measures(label_id: u32, found: &isochrone_measure::Measures) -> v1::Measures {
    v1::Measures {
        label_id,
        voxels: found.voxels as u64,
        volume_ml: found.volume_ml,
        lesions: crate::convert::u32_of(found.lesions),
        minimum: found.min,
        maximum: found.max,
        mean: found.mean,
        standard_deviation: found.deviation,
        peak: found.peak,
        lesion_glycolysis: found.glycolysis,
        maximum_position: Some(crate::convert::point(found.max_lps_mm)),
    }
}
