//! What the values mean: modality and quantity, told or inferred.

use crate::scalar::{ScalarType, Stats};
use isochrone_volume::{Modality, Quantity, Rescale, VolumeOrigin};

/// Air of a CT, with padding down to −10,000 HU, lies in here.
const AIR_HU: std::ops::RangeInclusive<f64> = -10_000.0..=-500.0;
/// The densest thing in a CT: at least soft tissue, at most metal on an extended scale.
const DENSEST_HU: std::ops::RangeInclusive<f64> = 50.0..=32_767.0;
/// No tissue takes up more (g/mL); larger numbers are activity concentrations.
const MAX_SUV: f64 = 1_000.0;

/// Modality and quantity of a file that has no field for them.
///
/// * Told CT: Hounsfield units. Told PT and float or scaled data: SUV by body weight, the
///   convention of PET in NIfTI, with a warning. Anything else told: arbitrary units.
/// * Not told: CT in Hounsfield units if the smallest value is like air (−10,000 to −500) and the
///   largest like a CT's (50 to 32,767). PET and MR cannot be told apart by their values,
///   so everything else is "other" in arbitrary units. Either is marked as inferred.
pub(crate) fn origin(
    told: Option<Modality>,
    scalar: ScalarType,
    rescale: Rescale,
    stats: Stats,
    mut warnings: Vec<String>,
) -> VolumeOrigin {
    let ends = [stats.min, stats.max].map(|v| v * rescale.slope + rescale.intercept);
    let min = ends.iter().copied().fold(f64::INFINITY, f64::min);
    let max = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if stats.not_finite > 0 {
        warnings.push(format!("{} voxels are NaN or infinite; they were kept as they are", stats.not_finite));
    }
    let modality =
        told.unwrap_or(if AIR_HU.contains(&min) && DENSEST_HU.contains(&max) { Modality::Ct } else { Modality::Other });
    let scaled = scalar.is_float() || rescale != Rescale::IDENTITY;
    let quantity = match modality {
        Modality::Ct => {
            if min >= 0.0 && max > 1_000.0 {
                warnings.push("No value lies below 0, so this CT may not be in Hounsfield units".to_owned());
            }
            Quantity::Hounsfield
        }
        Modality::Pt if scaled && max <= MAX_SUV => {
            warnings
                .push("PET values were taken as SUV by body weight (SUVbw, g/mL): the file does not say".to_owned());
            Quantity::SuvBw
        }
        Modality::Pt => {
            warnings.push("PET values are counts or activity, not SUV: they were taken as arbitrary units".to_owned());
            Quantity::Arbitrary
        }
        _ => Quantity::Arbitrary,
    };
    VolumeOrigin { modality, quantity, inferred: told.is_none(), frame_of_reference: None, warnings }
}
