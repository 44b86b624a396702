//! The iso-contour as an engine.

mod local;

use crate::parameters::{self, Parameter};
use crate::refine::Enclosing;
use crate::{
    Cancel, Candidate, Channel, Chosen, EngineDescription, Prepared, RegionPolicy, SegmentError, Segmenter, Task,
    border, classical, drawn,
};
use isochrone_classical::iso_contour::{IsoContour, Rule, Values, iso_contour};
use isochrone_prompt::Polarity;
use isochrone_volume::{Mask, Modality, Volume, VoxelBox, resample};
use local::Local;
use ndarray::Array3;
use std::sync::Arc;

/// A contour at a threshold, connected to the positive prompts; made for PET, works on any image.
///
/// It is drawn on the voxels of the first PET among the session's images, else of the first image. The
/// rule sets the threshold for the lesion. Prompts correct it in their own surroundings, that is where no other
/// prompt is nearer: a positive one below the threshold lowers it to its own value, a negative one raises it
/// above its own. Where a negative prompt points at a hot neighbour, lesion and neighbour part along the
/// valley between them.
#[derive(Debug, Clone, PartialEq)]
pub struct IsoContourEngine {
    /// Where the threshold lies.
    pub rule: Rule,
    /// The lesion's maximum is looked for this far round a prompt, then uphill, mm.
    pub search_mm: f32,
    /// Where it works.
    pub region: RegionPolicy,
}

impl Default for IsoContourEngine {
    fn default() -> Self {
        let region = RegionPolicy {
            size: [64; 3],
            first_spacing_mm: 2.0,
            min_spacing_mm: 1.0,
            max_spacing_mm: 6.0,
            zoom_out: 1.5,
            context: 1.5,
            ..RegionPolicy::default()
        };
        Self { rule: Rule::default(), search_mm: 10.0, region }
    }
}

impl IsoContourEngine {
    fn table(&mut self) -> Vec<Parameter<'_>> {
        let about = "how far round a prompt the lesion's maximum is looked for, mm";
        vec![
            Parameter::rule(&mut self.rule),
            Parameter::real("search", [0.0, 100.0], &mut self.search_mm, about),
            Parameter::local_from(&mut self.region.local_from),
            Parameter::within(&mut self.region.within_mm),
        ]
    }
}

/// A volume as the kernel reads it: without what belongs to finished labels.
struct Read<'a> {
    volume: &'a Volume,
    others: &'a [&'a Mask],
    enclosing: Enclosing<'a>,
}

impl Values for Read<'_> {
    fn shape(&self) -> [usize; 3] {
        self.volume.grid().shape()
    }

    fn read(&self, region: &VoxelBox) -> Array3<f32> {
        let mut values = self.volume.values(region);
        let [i0, j0, k0] = region.min;
        if self.enclosing.prompts().next().is_some() {
            for ((k, j, i), value) in values.indexed_iter_mut() {
                if self.enclosing.leaves_out([i + i0, j + j0, k + k0]) {
                    *value = f32::NAN;
                }
            }
        }
        if let Ok(grid) = self.volume.grid().crop(region)
            && !self.others.is_empty()
        {
            // Neither a maximum, nor a way, nor background.
            let others = classical::others_on_grid(self.others, &grid);
            values.zip_mut_with(&others, |v, &other| *v = if other { f32::NAN } else { *v });
        }
        values
    }
}

impl Segmenter for IsoContourEngine {
    fn describe(&self) -> EngineDescription {
        classical::description("iso-contour", self.region)
    }

    fn parameters(&self) -> Chosen {
        parameters::values(&self.clone().table())
    }

    fn for_session(&self, chosen: &Chosen) -> Result<Option<Arc<dyn Segmenter>>, SegmentError> {
        let mut engine = self.clone();
        parameters::set(&mut engine.table(), chosen)?;
        Ok(Some(Arc::new(engine)))
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        classical::prepared(channels)
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        cancel.check()?;
        let hot = prepared.channels.iter().find(|c| c.volume.modality() == Modality::Pt);
        let volume = &hot.or(prepared.channels.first()).ok_or(SegmentError::NoPositivePrompt)?.volume;
        let positive = own_prompts(volume, task);
        if positive.is_empty() {
            return Err(SegmentError::NoPositivePrompt);
        }
        let [si, sj, sk] = volume.grid().spacing_mm().map(|s| s as f32);
        let options = IsoContour { rule: self.rule, search_mm: self.search_mm, spacing_mm: [sk, sj, si] };
        // Boxes are known on the grid of the masks.
        let same = prepared.channels.first().is_some_and(|first| Arc::ptr_eq(&first.volume, volume));
        let enclosing = if same { Enclosing::in_force(task, cancel)? } else { Enclosing::none() };
        let found = classical::answer(
            iso_contour(&Read { volume, others: task.other_labels, enclosing }, &positive, &options).map(Some),
        )?;
        let grid = volume.grid().crop(&found.region)?;
        let local = Local::new(found, &positive, &points(volume, task, Polarity::Negative), options.spacing_mm);
        cancel.check()?;
        let mut probability = resample::to_grid(local.probability().view(), &grid, task.region, 0.0);
        for [i, j, k] in border::left_out(task.prompts, task.region, drawn::outline, cancel)? {
            probability.get_mut([k, j, i]).into_iter().for_each(|p| *p = 0.0);
        }
        Ok(vec![Candidate { probability, threshold: 0.5, score: 1.0 }])
    }
}

/// Voxels `[k, j, i]` of the volume at prompts inside the region, oldest first.
fn points(volume: &Volume, task: &Task<'_>, polarity: Polarity) -> Vec<[usize; 3]> {
    let own = task.prompts.iter().filter(|p| p.polarity() == polarity);
    let near = own.filter(|p| task.region.voxel_at(p.position_lps_mm()).is_some());
    near.filter_map(|p| volume.grid().voxel_at(p.position_lps_mm())).map(|[i, j, k]| [k, j, i]).collect()
}

/// Positive prompts of this lesion: inside the active component, or the newest one. Without any, the
/// component's brightest voxel stands in.
fn own_prompts(volume: &Volume, task: &Task<'_>) -> Vec<[usize; 3]> {
    let newest = task.prompts.len().saturating_sub(1);
    let ours = task.prompts.iter().enumerate().filter(|(n, p)| {
        let here = task.region.voxel_at(p.position_lps_mm()).is_some();
        p.polarity() == Polarity::Positive && here && (*n == newest || task.previous.contains(p.voxel))
    });
    let at: Vec<_> =
        ours.filter_map(|(_, p)| volume.grid().voxel_at(p.position_lps_mm())).map(|[i, j, k]| [k, j, i]).collect();
    if !at.is_empty() {
        return at;
    }
    let all = points(volume, task, Polarity::Positive);
    if task.previous_box.is_empty() {
        return all;
    }
    let [i0, j0, k0] = task.previous_box.min;
    let inside = task.previous.voxels().slice(task.previous_box.slice());
    let set = inside.indexed_iter().filter(|(_, v)| **v);
    let place = set
        .filter_map(|((k, j, i), _)| volume.grid().voxel_at(task.previous.grid().centre_mm([i + i0, j + j0, k + k0])));
    let brightest = place.filter_map(|v| Some((volume.value(v)?, v))).max_by(|a, b| a.0.total_cmp(&b.0));
    brightest.map_or(all, |(_, [i, j, k])| vec![[k, j, i]])
}
