//! Iso-contours: what is brighter than a threshold, and connected to a click.
//!
//! Made for hot spots in PET, where readers expect a contour at a share of the lesion's maximum;
//! works on any image. Only the smallest region that serves is read: it grows until the
//! component no longer meets its border.

mod flood;
mod rule;
mod split;

pub use flood::{Flooded, flood};
pub use rule::Rule;
pub use split::split;

use crate::ClassicalError;
use crate::error::positive;
use isochrone_volume::VoxelBox;
use ndarray::{Array3, ArrayView3};

/// An image that is read a box at a time.
pub trait Values {
    /// Shape `[k, j, i]`.
    fn shape(&self) -> [usize; 3];
    /// The values of a box `[k, j, i]` that lies inside.
    fn read(&self, region: &VoxelBox) -> Array3<f32>;
}

impl Values for ArrayView3<'_, f32> {
    fn shape(&self) -> [usize; 3] {
        let (k, j, i) = self.dim();
        [k, j, i]
    }

    fn read(&self, region: &VoxelBox) -> Array3<f32> {
        self.slice(region.slice()).to_owned()
    }
}

/// How a contour is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IsoContour {
    /// Where the threshold lies.
    pub rule: Rule,
    /// The maximum is looked for this far round the click, then uphill, mm.
    pub search_mm: f32,
    /// Spacing in mm, `[k, j, i]`.
    pub spacing_mm: [f32; 3],
}

/// A component at its threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Contoured {
    /// The box that was looked at, in voxels of the image.
    pub region: VoxelBox,
    /// Values in it `[k, j, i]`.
    pub values: Array3<f32>,
    /// The component in it `[k, j, i]`; empty if the click's spot lies below the threshold.
    pub mask: Array3<bool>,
    /// The threshold.
    pub threshold: f32,
    /// The maximum that it was taken from; of the component, where the rule needs none.
    pub maximum: f32,
    /// The background that it was adapted for; 0 for other rules.
    pub background: f32,
}

/// First margin round the clicks, mm.
const FIRST_MARGIN_MM: f32 = 30.0;
/// The background's shell, mm from the contour.
const SHELL_MM: [f32; 2] = [6.0, 15.0];
const MAX_ITERATIONS: usize = 20;

/// Draws the contour round clicks `[k, j, i]` that point at one lesion.
///
/// The **lesion's maximum** is the highest value within the search radius of a click, followed
/// uphill to its summit; if the component at that threshold holds a higher value, that one is taken
/// instead, as long as the first summit stays inside (so a hot neighbour does not swallow the lesion).
/// The component is what is connected, over 26 neighbours, to a click or to the summit.
///
/// # Errors
/// No click, a click outside the image, or an unusable parameter.
pub fn iso_contour(
    image: &dyn Values,
    clicks: &[[usize; 3]],
    options: &IsoContour,
) -> Result<Contoured, ClassicalError> {
    options.rule.check()?;
    options.spacing_mm.iter().try_for_each(|&s| positive("spacing", s).map(|_| ()))?;
    let shape = image.shape();
    let inside = |c: &[usize; 3]| c.iter().zip(shape).all(|(&c, n)| c < n);
    if let Some(&outside) = clicks.iter().find(|c| !inside(c)) {
        return Err(ClassicalError::Outside(outside, shape));
    }
    let mut margin_mm = FIRST_MARGIN_MM.max(2.0 * options.search_mm);
    loop {
        let region = around(clicks, shape, options.voxels(margin_mm));
        let work = Work { values: image.read(&region), options, shell: SHELL_MM.map(|mm| options.voxels(mm)) };
        let found = work.contour(&local(clicks, &region));
        // The shell of an adaptive rule has to fit as well.
        let spare = if matches!(options.rule, Rule::Adaptive(_)) {
            options.voxels(SHELL_MM.into_iter().fold(0.0, f32::max))
        } else {
            [1; 3]
        };
        if region == VoxelBox::whole(reversed(shape)) || !meets_border(&found.1.region, &region, shape, spare) {
            let (level, Flooded { mask, .. }) = found;
            return Ok(Contoured {
                region,
                values: work.values,
                mask,
                threshold: level.threshold,
                maximum: level.maximum,
                background: level.background,
            });
        }
        margin_mm *= 2.0;
    }
}

impl IsoContour {
    /// Millimetres in voxels `[k, j, i]`, rounded up.
    fn voxels(&self, mm: f32) -> [usize; 3] {
        self.spacing_mm.map(|s| (mm / s).ceil() as usize)
    }
}

#[derive(Clone, Copy)]
struct Level {
    threshold: f32,
    maximum: f32,
    background: f32,
}

struct Work<'a> {
    values: Array3<f32>,
    options: &'a IsoContour,
    /// Voxels `[k, j, i]` from the contour to the shell's inner and outer border.
    shell: [[usize; 3]; 2],
}

impl Work<'_> {
    fn contour(&self, clicks: &[[usize; 3]]) -> (Level, Flooded) {
        let rule = self.options.rule;
        let summit = self.summit(clicks);
        let maximum = summit.map_or(f32::NEG_INFINITY, |s| self.at(s));
        let mut seeds = clicks.to_vec();
        if rule.needs_maximum() {
            seeds.extend(summit);
        }
        let (mut level, mut flooded) = self.adapted(maximum, &seeds);
        if !rule.needs_maximum() {
            level.maximum = self.highest(&flooded);
            return (level, flooded);
        }
        for _ in 0..MAX_ITERATIONS {
            let higher = self.highest(&flooded);
            if higher <= level.maximum {
                break;
            }
            let (next, smaller) = self.adapted(higher, &seeds);
            let holds = summit.is_some_and(|s| smaller.mask.get(s).copied().unwrap_or(false));
            if !holds || self.highest(&smaller) < higher {
                break;
            }
            (level, flooded) = (next, smaller);
        }
        (level, flooded)
    }

    /// The component for one maximum; its background, where the rule wants one, until it rests.
    fn adapted(&self, maximum: f32, seeds: &[[usize; 3]]) -> (Level, Flooded) {
        let rule = self.options.rule;
        let mut level = Level { threshold: rule.threshold(maximum, 0.0), maximum, background: 0.0 };
        let mut flooded = flood(self.values.view(), seeds, level.threshold);
        if !matches!(rule, Rule::Adaptive(_)) {
            return (level, flooded);
        }
        let [near, far] = self.shell;
        for _ in 0..MAX_ITERATIONS {
            let Some(background) =
                rule::background(self.values.view(), flooded.mask.view(), level.threshold, near, far)
            else {
                break;
            };
            let next = rule.threshold(maximum, background);
            let rests = (next - level.threshold).abs() <= 0.005 * maximum.abs();
            level = Level { threshold: next, maximum, background };
            flooded = flood(self.values.view(), seeds, next);
            if rests {
                break;
            }
        }
        (level, flooded)
    }

    /// Uphill from the highest voxel near the clicks.
    fn summit(&self, clicks: &[[usize; 3]]) -> Option<[usize; 3]> {
        let reach = self.options.voxels(self.options.search_mm);
        let within = |c: &[usize; 3], v: [usize; 3]| {
            let square =
                c.iter().zip(v).zip(self.options.spacing_mm).map(|((&c, v), s)| (c.abs_diff(v) as f32 * s).powi(2));
            square.sum::<f32>() <= self.options.search_mm.powi(2)
        };
        let near = clicks.iter().flat_map(|c| self.box_round(*c, reach).filter(|v| within(c, *v)));
        let mut here = self.highest_of(near)?;
        loop {
            let next = self.highest_of(self.box_round(here, [1; 3]))?;
            // NaN is never higher, so that this ends.
            if self.at(next) > self.at(here) {
                here = next;
            } else {
                return Some(here);
            }
        }
    }

    fn highest_of(&self, voxels: impl Iterator<Item = [usize; 3]>) -> Option<[usize; 3]> {
        // The first of equals.
        voxels.fold(None, |best, v| match best {
            Some(b) if self.at(b) >= self.at(v) || self.at(v).is_nan() => best,
            _ => Some(v),
        })
    }

    fn box_round(&self, voxel: [usize; 3], reach: [usize; 3]) -> impl Iterator<Item = [usize; 3]> + use<> {
        let ([k, j, i], [rk, rj, ri], (nk, nj, ni)) = (voxel, reach, self.values.dim());
        let span = |n: usize, r: usize, len: usize| n.saturating_sub(r)..(n + r + 1).min(len);
        let (ks, js, is) = (span(k, rk, nk), span(j, rj, nj), span(i, ri, ni));
        ks.flat_map(move |k| {
            let is = is.clone();
            js.clone().flat_map(move |j| is.clone().map(move |i| [k, j, i]))
        })
    }

    fn at(&self, voxel: [usize; 3]) -> f32 {
        self.values.get(voxel).copied().unwrap_or(f32::NAN)
    }

    fn highest(&self, flooded: &Flooded) -> f32 {
        let part = flooded.region.slice();
        let values = self.values.slice(part);
        values
            .iter()
            .zip(flooded.mask.slice(part))
            .filter(|(_, m)| **m)
            .map(|(v, _)| *v)
            .fold(f32::NEG_INFINITY, f32::max)
    }
}

fn reversed([a, b, c]: [usize; 3]) -> [usize; 3] {
    [c, b, a]
}

/// The box of voxels within a margin `[k, j, i]` of the clicks, inside the image.
fn around(clicks: &[[usize; 3]], shape: [usize; 3], [mk, mj, mi]: [usize; 3]) -> VoxelBox {
    let whole = VoxelBox::whole(reversed(shape));
    let boxes = clicks.iter().map(|&[k, j, i]| VoxelBox {
        min: [i.saturating_sub(mi), j.saturating_sub(mj), k.saturating_sub(mk)],
        max: [i + mi + 1, j + mj + 1, k + mk + 1],
    });
    boxes.fold(VoxelBox { min: [0; 3], max: [0; 3] }, |all, one| all.union(&one)).intersection(&whole)
}

fn local(clicks: &[[usize; 3]], region: &VoxelBox) -> Vec<[usize; 3]> {
    let [i0, j0, k0] = region.min;
    clicks.iter().map(|&[k, j, i]| [k - k0, j - j0, i - i0]).collect()
}

/// True if a box in voxels of the region comes within `spare` of a face beyond which the image goes on.
fn meets_border(part: &VoxelBox, region: &VoxelBox, shape: [usize; 3], spare: [usize; 3]) -> bool {
    if part.is_empty() {
        return false;
    }
    let sides =
        part.min.into_iter().zip(part.max).zip(region.min).zip(region.size()).zip(reversed(shape)).zip(reversed(spare));
    sides.into_iter().any(|(((((min, max), first), n), whole), spare)| {
        (min < spare && first > 0) || (max + spare > n && first + n < whole)
    })
}
