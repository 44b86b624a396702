//! Labels of a session as DICOM objects and files.

use crate::sessions::Slot;
use crate::{ApiError, House, v1};
use isochrone_export::dicom::{
    Algorithm, Code, Object, Segment, Series, measured, probability, report, segmentation, structure_set,
};
use isochrone_intake::suv::SuvReport;
use isochrone_measure::Measures;
use isochrone_segment::mask_on_grid;
use isochrone_session::{About, Action, Session};
use isochrone_volume::{Grid, Mask, Quantity, Volume};
use ndarray::Array3;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The chosen labels as they were at one moment.
pub(crate) struct Chosen {
    pub volume: Arc<Volume>,
    /// Id, what the label is, and its mask.
    pub labels: Vec<(u16, Segment, Arc<Mask>)>,
    /// Probabilities of each, where they were asked for.
    pub maps: Vec<(Grid, Array3<f32>)>,
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
                Ok(Chosen { volume: session.volume().clone(), labels, maps: Vec::new() })
            })
            .await?;
        Ok(chosen)
    }

    /// The same with what the formats need besides masks.
    ///
    /// # Errors
    /// Probabilities of a label that no engine was asked about.
    pub(crate) async fn chosen_for(
        &self,
        slot: &Slot,
        ids: Vec<u32>,
        formats: &[v1::ExportFormat],
    ) -> Result<Chosen, ApiError> {
        let mut chosen = self.chosen(slot, ids).await?;
        if formats.contains(&v1::ExportFormat::DicomSegFractional) {
            for (id, ..) in &chosen.labels {
                chosen.maps.push(self.map(slot, u32::from(*id), v1::MapKind::Probability.into()).await?);
            }
        }
        Ok(chosen)
    }

    /// The other volumes of a session whose values are SUV, with their ids.
    pub(crate) fn companions(&self, slot: &Slot) -> Vec<(String, Arc<Volume>)> {
        let others = slot.volume_ids.iter().skip(1);
        let held = others.filter_map(|id| Some((id.clone(), self.volume(id).ok()?.volume)));
        held.filter(|(_, volume)| volume.quantity() == Quantity::SuvBw).collect()
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
    segment.anatomy = about.anatomy.as_ref().and_then(code);
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
    use v1::ExportFormat::{DicomRtstruct, DicomSeg, DicomSegFractional, DicomSr};
    let mut pairs = chosen.pairs();
    if let Some(note) = series.info.suv.as_ref().and_then(SuvReport::by_hand_note) {
        for (segment, _) in &mut pairs {
            segment.algorithm.add(&note);
        }
    }
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
    if formats.contains(&DicomSegFractional) {
        for ((segment, _), (grid, map)) in pairs.iter().zip(&chosen.maps) {
            made.push((DicomSegFractional, probability(series, segment, grid, map.view())?));
        }
    }
    Ok(made)
}

fn measurements(series: &Series, seg: &Object, chosen: &Chosen) -> Result<Object, ApiError> {
    let measured = measured(&chosen.volume, &chosen.pairs())?;
    Ok(report(series, seg, &measured)?)
}

/// Of PET in SUV: what the changed labels measure now, and all labels together, on the session's volume and on the
/// other ones that it was opened with.
pub(crate) fn live_measures(
    session: &Session,
    update: &v1::MaskUpdate,
    companions: &[(String, Arc<Volume>)],
) -> Vec<v1::Measures> {
    let volume = session.volume();
    let own = volume.quantity() == Quantity::SuvBw;
    if !own && companions.is_empty() {
        return Vec::new();
    }
    let mask = |label: u32| session.mask(label).ok().map(|(mask, _)| mask);
    let changed: Vec<(u32, Arc<Mask>)> =
        update.deltas.iter().filter_map(|d| Some((d.label_id, mask(d.label_id)?))).collect();
    let all: Vec<Arc<Mask>> = update.labels.iter().filter_map(|l| mask(l.label_id)).collect();
    let mut measures = Vec::new();
    if own {
        let one = |(label, mask): &(u32, Arc<Mask>)| {
            Some(wire_measures(*label, &isochrone_measure::measure(volume, mask).ok()??))
        };
        measures.extend(changed.iter().filter_map(one));
        let all: Vec<&Mask> = all.iter().map(Arc::as_ref).collect();
        let total = isochrone_measure::total(volume, &all).ok().flatten();
        measures.extend(total.map(|found| wire_measures(0, &found)));
    }
    measures.extend(companion_measures(&changed, &all, companions));
    measures
}

/// What labels, and all of them together, measure on other volumes than the one that they were drawn on: a voxel of
/// these counts if at least half of it is the mask's.
pub(crate) fn companion_measures(
    labels: &[(u32, Arc<Mask>)],
    all: &[Arc<Mask>],
    companions: &[(String, Arc<Volume>)],
) -> Vec<v1::Measures> {
    let mut measures = Vec::new();
    for (id, volume) in companions {
        let on_it = |mask: &Mask| {
            Mask::new(volume.grid().clone(), mask_on_grid(mask, &mask.bounding_box(), volume.grid())).ok()
        };
        let wire = |label: u32, found: &Measures| v1::Measures { volume_id: id.clone(), ..wire_measures(label, found) };
        let one = |(label, mask): &(u32, Arc<Mask>)| {
            Some(wire(*label, &isochrone_measure::measure(volume, &on_it(mask)?).ok()??))
        };
        measures.extend(labels.iter().filter_map(one));
        let moved: Vec<Mask> = all.iter().filter_map(|mask| on_it(mask)).collect();
        let total = isochrone_measure::total(volume, &moved.iter().collect::<Vec<_>>()).ok().flatten();
        measures.extend(total.map(|found| wire(0, &found)));
    }
    measures
}

/// What one mask measures, for the wire.
pub(crate) fn wire_measures(label_id: u32, found: &Measures) -> v1::Measures {
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
        volume_id: String::new(),
    }
}
