//! What a mask measures on an image.
//!
//! | measure | of | definition |
//! |---|---|---|
//! | volume | any image | voxels set × volume of a voxel, mL; of SUV: metabolic tumour volume (MTV) |
//! | minimum, maximum, mean, standard deviation | any image | over the voxels set; the deviation is the population's |
//! | peak | SUV | the highest mean in a sphere of 1 mL centred on a voxel of the mask ([`SPHERE_RADIUS_MM`]) |
//! | lesion glycolysis (TLG) | SUV | SUVmean × MTV |
//! | lesions | any image | 26-connected components |
//!
//! The sphere of the peak may extend beyond the mask; a voxel counts by the share of it that lies in the
//! sphere, and what would lie outside of the image does not count. Values that are not finite are passed over.
//!
//! ```no_run
//! # fn example(pet: &isochrone_volume::Volume, mask: &isochrone_volume::Mask) -> Result<(), isochrone_measure::MeasureError> {
//! if let Some(found) = isochrone_measure::measure(pet, mask)? {
//!     println!("SUVmax {:.2}, MTV {:.1} mL, TLG {:.1} g", found.max, found.volume_ml, found.glycolysis.unwrap_or(0.0));
//! }
//! # Ok(()) }
//! ```

mod peak;

pub use peak::SPHERE_RADIUS_MM;

use isochrone_volume::{DVec3, Mask, Quantity, Volume, components};

/// Why nothing could be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// Mask and image are not on one grid.
    #[error(
        "The mask does not lie on the image's grid (size, spacing, origin or direction differ). Resample it onto the \
         image first, or name the image it was drawn on"
    )]
    Grid,
}

/// What a mask measures; values are in the image's unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Measures {
    /// What a value means.
    pub quantity: Quantity,
    /// Voxels set.
    pub voxels: usize,
    /// Their volume, mL.
    pub volume_ml: f64,
    /// 26-connected components.
    pub lesions: usize,
    /// Lowest value.
    pub min: f64,
    /// Highest value.
    pub max: f64,
    /// Where it is, LPS mm.
    pub max_lps_mm: DVec3,
    /// Mean value.
    pub mean: f64,
    /// Standard deviation, of the population.
    pub deviation: f64,
    /// Highest mean in a sphere of 1 mL, of SUV alone.
    pub peak: Option<f64>,
    /// Mean times volume, g, of SUV alone.
    pub glycolysis: Option<f64>,
}

/// Measures one mask; `None` if no voxel with a finite value is set.
///
/// # Errors
/// The mask lies on another grid than the image.
pub fn measure(volume: &Volume, mask: &Mask) -> Result<Option<Measures>, MeasureError> {
    if mask.grid() != volume.grid() {
        return Err(MeasureError::Grid);
    }
    let region = mask.bounding_box();
    if region.is_empty() {
        return Ok(None);
    }
    let values = volume.values(&region);
    let set = mask.voxels().slice(region.slice());
    let inside = || {
        let pairs = values.indexed_iter().zip(set.iter());
        pairs.filter(|((_, v), set)| **set && v.is_finite()).map(|((at, v), _)| (at, f64::from(*v)))
    };
    let (mut finite, mut sum) = (0usize, 0.0);
    let (mut min, mut max, mut max_at) = (f64::INFINITY, f64::NEG_INFINITY, (0, 0, 0));
    for (at, v) in inside() {
        finite += 1;
        sum += v;
        min = min.min(v);
        if v > max {
            (max, max_at) = (v, at);
        }
    }
    if finite == 0 {
        return Ok(None);
    }
    let mean = sum / finite as f64;
    let variance = inside().map(|(_, v)| (v - mean) * (v - mean)).sum::<f64>() / finite as f64;
    let [i0, j0, k0] = region.min;
    let (k, j, i) = max_at;
    let suv = volume.quantity() == Quantity::SuvBw;
    let volume_ml = mask.volume_ml();
    Ok(Some(Measures {
        quantity: volume.quantity(),
        voxels: mask.count(),
        volume_ml,
        lesions: components::label(set).1.len(),
        min,
        max,
        max_lps_mm: volume.grid().centre_mm([i0 + i, j0 + j, k0 + k]),
        mean,
        deviation: variance.sqrt(),
        peak: suv.then(|| peak::peak(volume, mask)).flatten(),
        glycolysis: suv.then_some(mean * volume_ml),
    }))
}

/// Measures all masks taken together: total volume, total glycolysis, the hottest voxel and sphere of all. A
/// voxel of two masks counts once.
///
/// # Errors
/// A mask that lies on another grid than the image.
pub fn total(volume: &Volume, masks: &[&Mask]) -> Result<Option<Measures>, MeasureError> {
    let mut all = Mask::empty(volume.grid().clone());
    for mask in masks {
        if mask.grid() != volume.grid() {
            return Err(MeasureError::Grid);
        }
        all.voxels_mut().zip_mut_with(mask.voxels(), |all, one| *all |= one);
    }
    measure(volume, &all)
}
