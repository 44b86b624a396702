use crate::ProposalError;
use crate::score::{Expected, Weighted};
use crate::spot::{plane, spot};
use isochrone_volume::{Axis, DVec3, Grid, Mask};
use ndarray::Array3;
use serde::{Deserialize, Serialize};

/// One slice of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SliceRef {
    /// The axis that it lies across.
    pub axis: Axis,
    /// Its index along that axis.
    pub index: usize,
}

/// What slices are ranked by.
#[derive(Debug, Clone, Copy)]
pub struct RankInput<'a> {
    /// Probability that a voxel is wrong `[k, j, i]`, on a grid along the volume's axes; may be coarser or finer
    /// than the volume.
    pub wrong: &'a Array3<f32>,
    /// Where it is.
    pub wrong_grid: &'a Grid,
    /// The label's present mask, on the volume's grid.
    pub mask: &'a Mask,
    /// Where the reader has placed prompts, LPS mm.
    pub prompts: &'a [DVec3],
    /// Slices on which the reader has placed prompts.
    pub corrected: &'a [SliceRef],
    /// Slices that the reader has called right.
    pub accepted: &'a [SliceRef],
}

/// How slices are ranked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankOptions {
    /// Voxel side of the working region, mm: coarser maps are refined to it.
    pub working_spacing_mm: f64,
    /// Half-width of the triangle in which a slice answers for its neighbours, mm: what a correction on it mends.
    pub reach_mm: f64,
    /// Standard deviation of the Gaussian round a prompt in which errors count less, mm …
    pub prompt_reach_mm: f64,
    /// … by this share at the prompt itself: the network has had its chance there.
    pub prompt_discount: f64,
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
            reach_mm: 10.0,
            prompt_reach_mm: 20.0,
            prompt_discount: 0.9,
            corrected_reach: 2,
            corrected_discount: 0.8,
            separation_mm: 8.0,
            limit: 6,
        }
    }

    fn check(&self) -> Result<(), ProposalError> {
        let values = [
            ("The working spacing", self.working_spacing_mm),
            ("The reach of a slice", self.reach_mm),
            ("The reach of a prompt", self.prompt_reach_mm),
            ("The discount at a prompt", self.prompt_discount),
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
    /// How many times the average slice (in the region, of all orientations) it holds, after discounts.
    pub score: f64,
    /// Expected wrong area of the slice and its neighbours on average, mm², less at prompts; before other discounts.
    pub wrong_mm2: f64,
    /// Where on the slice to look first, LPS mm.
    pub spot_lps_mm: DVec3,
    /// Centre of the slice's first voxel, LPS mm.
    pub origin_lps_mm: DVec3,
    /// Unit normal towards higher indices, LPS.
    pub normal_lps: DVec3,
}

/// What the slices of a volume hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranking {
    /// Best first.
    pub proposals: Vec<Proposal>,
    /// Every slice's score, after discounts, for each orientation that holds anything.
    pub profiles: Vec<Profile>,
    /// How good the mask is thought to be, and what looking further promises.
    pub expected: Expected,
}

/// Scores of successive slices, as [`Proposal::score`].
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The axis that they lie across.
    pub axis: Axis,
    /// Index of the first one.
    pub first: usize,
    /// Score of each; 0 of an accepted one.
    pub scores: Vec<f64>,
}

/// Ranks the volume's slices in all three orientations, best first.
///
/// A slice's raw score is the area that is expected to be wrong on it: Σ of the probabilities × in-plane voxel
/// area, with errors near earlier prompts counted less, averaged over the slices within `reach_mm` by a triangle:
/// a correction mends more than one slice. Millimetres squared compare across orientations as they are,
/// however thick the slices: where a lesion is missed along its length, the slices along it hold more of it.
///
/// The form was chosen on training patients: expected errors found the slice with the largest error more
/// often than mutual information, entropy or variance did, and dividing by an orientation's mean made it worse.
///
/// Slices near a corrected one are discounted, accepted ones left out, and alternatives of one orientation
/// kept apart. Of a tilted volume, `i` and `j` slices are taken as they run through the region's middle.
/// Nothing is proposed where nothing is expected to be wrong.
///
/// # Errors
/// A map whose shape is not its grid's, or an option outside its range.
pub fn rank_slices(input: &RankInput<'_>, options: &RankOptions) -> Result<Ranking, ProposalError> {
    options.check()?;
    if input.wrong.shape() != input.wrong_grid.shape() {
        let got = input.wrong.shape().to_vec();
        return Err(ProposalError::Shape { expected: input.wrong_grid.shape(), got });
    }
    let weighted = Weighted::new(input, options)?;
    let slices = Axis::ALL.map(|axis| raw_scores(&weighted, input.mask.grid(), axis, options.reach_mm));
    let count = slices.iter().map(Vec::len).sum::<usize>();
    let mean = slices.iter().flatten().map(|s| s.2).sum::<f64>() / count.max(1) as f64;
    if mean <= 0.0 {
        return Ok(Ranking { expected: weighted.expected(0.0), ..Ranking::default() });
    }
    let (mut found, mut profiles) = (Vec::new(), Vec::new());
    for (axis, slices) in Axis::ALL.into_iter().zip(slices) {
        let scored = scored(input, options, mean, axis, &slices);
        if let Some(&(first, ..)) = slices.first() {
            let scores = scored.iter().map(|(p, _)| p.score).collect();
            profiles.push(Profile { axis, first, scores });
        }
        found.extend(apart(scored, options));
    }
    // Best first; among equals axial slices first, then the lower index.
    found.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then(b.axis.cmp(&a.axis)).then(a.index.cmp(&b.index)));
    found.truncate(options.limit);
    let volume = input.mask.grid();
    for (proposal, position) in &mut found {
        proposal.spot_lps_mm = spot(&weighted, volume, proposal.axis, proposal.index, *position);
    }
    // The triangle's weights sum up to its half-width.
    let best_mm3 = found.first().map_or(0.0, |(p, _)| p.wrong_mm2 * options.reach_mm.max(options.working_spacing_mm));
    let expected = weighted.expected(best_mm3);
    Ok(Ranking { proposals: found.into_iter().map(|(proposal, _)| proposal).collect(), profiles, expected })
}

/// The slices across one axis, with their positions in planes of the map; spots not filled in yet.
fn scored(
    input: &RankInput<'_>,
    options: &RankOptions,
    mean: f64,
    axis: Axis,
    slices: &[(usize, f64, f64)],
) -> Vec<(Proposal, f64)> {
    let volume = input.mask.grid();
    let one = |&(index, position, wrong_mm2): &(usize, f64, f64)| {
        let (origin_lps_mm, normal_lps) = plane(volume, axis, index);
        let accepted = input.accepted.contains(&SliceRef { axis, index });
        let score = if accepted { 0.0 } else { wrong_mm2 / mean * discount(input.corrected, options, axis, index) };
        let spot_lps_mm = origin_lps_mm;
        (Proposal { axis, index, score, wrong_mm2, spot_lps_mm, origin_lps_mm, normal_lps }, position)
    };
    slices.iter().map(one).collect()
}

/// The best of them that lie apart.
fn apart(mut ranked: Vec<(Proposal, f64)>, options: &RankOptions) -> Vec<(Proposal, f64)> {
    ranked.retain(|(p, _)| p.score > 0.0);
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

/// Index, position in planes of the map, and expected wrong area of every slice that runs through the map.
fn raw_scores(weighted: &Weighted, volume: &Grid, axis: Axis, reach_mm: f64) -> Vec<(usize, f64, f64)> {
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
    let reach = (1.0 / step.abs()).max(1.0).max(reach_mm / axis.of(weighted.grid.spacing_mm()));
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
