use crate::ProposalError;
use crate::score::Weighted;
use crate::spot::{plane, spot};
use isochrone_volume::{Axis, DVec3, Grid, Mask};
use ndarray::Array3;

/// One slice of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SliceRef {
    /// The axis that it lies across.
    pub axis: Axis,
    /// Its index along that axis.
    pub index: usize,
}

/// What slices are ranked by.
#[derive(Debug, Clone, Copy)]
pub struct RankInput<'a> {
    /// Uncertainty `[k, j, i]`, on a grid along the volume's axes; may be coarser or finer than the volume.
    pub uncertainty: &'a Array3<f32>,
    /// Where it is.
    pub uncertainty_grid: &'a Grid,
    /// The label's present mask, on the volume's grid.
    pub mask: &'a Mask,
    /// Slices on which the reader has placed prompts.
    pub corrected: &'a [SliceRef],
    /// Slices that the reader has called right.
    pub accepted: &'a [SliceRef],
}

/// How slices are ranked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankOptions {
    /// Voxel side of the working region, mm: the unit of `band_voxels`.
    pub working_spacing_mm: f64,
    /// Half-width of the band round the mask's boundary in which uncertainty counts fully, working voxels.
    pub band_voxels: f64,
    /// Weight outside the band.
    pub elsewhere: f32,
    /// A corrected slice and its neighbours up to this many slices away count less …
    pub corrected_reach: usize,
    /// … by this share at the slice itself, falling linearly to nothing just beyond the reach.
    pub corrected_discount: f64,
    /// Alternatives of one orientation are at least this far apart, mm.
    pub separation_mm: f64,
    /// Slices to return.
    pub limit: usize,
}

impl RankOptions {
    /// The usual options, for a working region of this spacing.
    #[must_use]
    pub fn new(working_spacing_mm: f64) -> Self {
        Self {
            working_spacing_mm,
            band_voxels: 3.0,
            elsewhere: 0.2,
            corrected_reach: 2,
            corrected_discount: 0.8,
            separation_mm: 8.0,
            limit: 6,
        }
    }

    fn check(&self) -> Result<(), ProposalError> {
        let values = [
            ("The working spacing", self.working_spacing_mm),
            ("The band", self.band_voxels),
            ("The weight outside the band", f64::from(self.elsewhere)),
            ("The discount", self.corrected_discount),
            ("The separation", self.separation_mm),
        ];
        match values.iter().find(|(_, v)| !(v.is_finite() && *v >= 0.0)) {
            Some((name, _)) => Err(ProposalError::Option(name)),
            None if self.working_spacing_mm == 0.0 => Err(ProposalError::Option("The working spacing")),
            None => Ok(()),
        }
    }
}

/// A slice worth looking at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// The axis of the volume that the slice lies across.
    pub axis: Axis,
    /// Its index along that axis.
    pub index: usize,
    /// How many times the average slice of its orientation (in the region) it holds, after discounts.
    pub score: f64,
    /// Weighted uncertainty summed over the slice, nats · mm², before normalisation and discounts.
    pub uncertainty_mm2: f64,
    /// Where on the slice to look first, LPS mm.
    pub spot_lps_mm: DVec3,
    /// Centre of the slice's first voxel, LPS mm.
    pub origin_lps_mm: DVec3,
    /// Unit normal towards higher indices, LPS.
    pub normal_lps: DVec3,
}

/// Ranks the volume's slices in all three orientations, best first.
///
/// A slice's raw score is Σ w·U × in-plane voxel area. w is 1 within `band_voxels` of the mask's boundary and
/// `elsewhere` outside that band; where the region holds nothing of the mask, w is 1 throughout. Slices
/// between two planes of the map are interpolated; slices thicker than its planes average over them.
///
/// **Orientations compete** by dividing each raw score by the mean raw score of its orientation's slices in the
/// region. As every orientation shares out the same total, this depends neither on how thick the slices
/// are nor on how many there are: 3 means "three times as much to gain as on an average slice that way".
///
/// Slices near a corrected one are discounted, accepted ones left out, and alternatives of one orientation
/// kept apart. Of a tilted volume, `i` and `j` slices are taken as they run through the region's middle.
/// Nothing is proposed where there is no uncertainty.
///
/// # Errors
/// A map whose shape is not its grid's, or an option outside its range.
pub fn rank_slices(input: &RankInput<'_>, options: &RankOptions) -> Result<Vec<Proposal>, ProposalError> {
    options.check()?;
    if input.uncertainty.shape() != input.uncertainty_grid.shape() {
        let got = input.uncertainty.shape().to_vec();
        return Err(ProposalError::Shape { expected: input.uncertainty_grid.shape(), got });
    }
    let weighted = Weighted::new(input, options)?;
    let mut found = Vec::new();
    for axis in Axis::ALL {
        found.extend(orientation(input, options, &weighted, axis));
    }
    // Best first; among equals axial slices first, then the lower index.
    found.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then(b.axis.cmp(&a.axis)).then(a.index.cmp(&b.index)));
    found.truncate(options.limit);
    let volume = input.mask.grid();
    for (proposal, position) in &mut found {
        proposal.spot_lps_mm = spot(&weighted, volume, proposal.axis, proposal.index, *position);
    }
    Ok(found.into_iter().map(|(proposal, _)| proposal).collect())
}

/// The best slices across one axis, with their positions in planes of the weighted map; spots not filled in yet.
fn orientation(input: &RankInput<'_>, options: &RankOptions, weighted: &Weighted, axis: Axis) -> Vec<(Proposal, f64)> {
    let volume = input.mask.grid();
    let slices = raw_scores(weighted, volume, axis);
    let mean = slices.iter().map(|s| s.2).sum::<f64>() / slices.len().max(1) as f64;
    if mean <= 0.0 {
        return Vec::new();
    }
    let mut ranked: Vec<(Proposal, f64)> = slices
        .into_iter()
        .filter(|(index, _, raw)| *raw > 0.0 && !input.accepted.contains(&SliceRef { axis, index: *index }))
        .map(|(index, position, raw)| {
            let (origin_lps_mm, normal_lps) = plane(volume, axis, index);
            let score = raw / mean * discount(input.corrected, options, axis, index);
            let proposal = Proposal {
                axis,
                index,
                score,
                uncertainty_mm2: raw,
                spot_lps_mm: origin_lps_mm,
                origin_lps_mm,
                normal_lps,
            };
            (proposal, position)
        })
        .filter(|(p, _)| p.score > 0.0)
        .collect();
    ranked.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    let mut kept: Vec<(Proposal, f64)> = Vec::new();
    for candidate in ranked {
        let apart = |other: &(Proposal, f64)| {
            let between = other.0.origin_lps_mm - candidate.0.origin_lps_mm;
            between.dot(candidate.0.normal_lps).abs() >= options.separation_mm
        };
        if kept.len() < options.limit && kept.iter().all(apart) {
            kept.push(candidate);
        }
    }
    kept
}

/// Index, position in planes of the map, and Σ w·U × area of every slice that runs through the map.
fn raw_scores(weighted: &Weighted, volume: &Grid, axis: Axis) -> Vec<(usize, f64, f64)> {
    let profile = weighted.profile(axis);
    let [ni, nj, nk] = weighted.grid.size().map(|n| (n as f64 - 1.0) / 2.0);
    let volume_from_map = volume.voxel_from_world() * weighted.grid.world_from_voxel();
    let middle = volume_from_map.transform_point3(DVec3::new(ni, nj, nk));
    // Slices per plane of the map (negative where the axes run against each other), and the middle's slice.
    let m = volume_from_map.matrix3;
    let (step, middle_slice, middle_plane) = match axis {
        Axis::I => (m.x_axis.x, middle.x, ni),
        Axis::J => (m.y_axis.y, middle.y, nj),
        Axis::K => (m.z_axis.z, middle.z, nk),
    };
    let reach = (1.0 / step.abs()).max(1.0);
    (0..axis.of(volume.size()))
        .filter_map(|index| {
            let position = middle_plane + (index as f64 - middle_slice) / step;
            let inside = position > -0.5 && position < profile.len() as f64 - 0.5;
            inside.then(|| (index, position, interpolated(&profile, position, reach)))
        })
        .collect()
}

/// The mean of a profile round a position, weighted by a triangle of half-width `reach`.
fn interpolated(profile: &[f64], position: f64, reach: f64) -> f64 {
    let position = position.clamp(0.0, profile.len() as f64 - 1.0);
    let (mut sum, mut weights) = (0.0, 0.0);
    let first = (position - reach).ceil().max(0.0) as usize;
    for (n, v) in profile.iter().enumerate().skip(first).take(2 * reach.ceil() as usize + 1) {
        let weight = (1.0 - (n as f64 - position).abs() / reach).max(0.0);
        sum += weight * v;
        weights += weight;
    }
    if weights > 0.0 { sum / weights } else { 0.0 }
}

/// What remains of a slice's score beside corrected ones.
fn discount(corrected: &[SliceRef], options: &RankOptions, axis: Axis, index: usize) -> f64 {
    let near = corrected
        .iter()
        .filter(|s| s.axis == axis)
        .map(|s| s.index.abs_diff(index))
        .filter(|d| *d <= options.corrected_reach);
    near.map(|d| {
        let share = 1.0 - d as f64 / (options.corrected_reach as f64 + 1.0);
        (1.0 - options.corrected_discount * share).max(0.0)
    })
    .fold(1.0, f64::min)
}
