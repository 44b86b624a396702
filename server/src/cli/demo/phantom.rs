//! A body made of ellipsoids, with three lesions: what the demo plays on where no real image is to be had.
//!
//! Computed tomography in Hounsfield units, 400 × 320 × 880 mm; the same seed gives the same bits.

use isochrone_volume::{
    DAffine3, DMat3, DVec3, Grid, Mask, Modality, Quantity, Rescale, Volume, VolumeError, VolumeOrigin, Voxels,
};
use ndarray::Array3;
use ndarray::parallel::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

const SIZE: [usize; 3] = [160, 128, 220];
const SPACING_MM: DVec3 = DVec3::new(2.5, 2.5, 4.0);
const NOISE_HU: f64 = 18.0;
/// Width of the soft edge between two tissues.
const EDGE_MM: f64 = 1.5;

/// An image and the lesions drawn into it.
pub struct Phantom {
    /// The image.
    pub image: Volume,
    /// Name and truth of each lesion.
    pub lesions: Vec<(&'static str, Mask)>,
}

/// An organ: where (LPS mm from the middle of the body), how large, how dense.
struct Organ {
    centre: DVec3,
    radii: DVec3,
    hu: f64,
}

const fn organ(centre: [f64; 3], radii: [f64; 3], hu: f64) -> Organ {
    Organ { centre: DVec3::from_array(centre), radii: DVec3::from_array(radii), hu }
}

/// Later ones lie over earlier ones.
const ORGANS: &[Organ] = &[
    organ([0.0, 0.0, 390.0], [72.0, 92.0, 105.0], 40.0),      // head
    organ([0.0, 10.0, 300.0], [58.0, 60.0, 90.0], 40.0),      // neck
    organ([0.0, 0.0, 130.0], [175.0, 110.0, 200.0], -95.0),   // chest: fat
    organ([0.0, 0.0, 130.0], [160.0, 97.0, 188.0], 45.0),     // chest: muscle
    organ([0.0, 0.0, -110.0], [170.0, 112.0, 220.0], -100.0), // belly: fat
    organ([0.0, 0.0, -110.0], [150.0, 95.0, 205.0], 42.0),    // belly: muscle
    organ([-78.0, 5.0, -330.0], [72.0, 80.0, 190.0], 48.0),   // right thigh
    organ([78.0, 5.0, -330.0], [72.0, 80.0, 190.0], 48.0),    // left thigh
    organ([-80.0, 0.0, 150.0], [58.0, 75.0, 115.0], -840.0),  // right lung
    organ([85.0, 5.0, 150.0], [52.0, 75.0, 112.0], -840.0),   // left lung
    organ([18.0, -25.0, 110.0], [55.0, 48.0, 60.0], 48.0),    // heart
    organ([-65.0, -5.0, 0.0], [82.0, 75.0, 62.0], 108.0),     // liver
    organ([95.0, 35.0, 5.0], [34.0, 38.0, 48.0], 105.0),      // spleen
    organ([-62.0, 55.0, -75.0], [27.0, 25.0, 52.0], 150.0),   // right kidney
    organ([62.0, 55.0, -70.0], [27.0, 25.0, 52.0], 150.0),    // left kidney
    organ([0.0, -35.0, -210.0], [42.0, 36.0, 34.0], 8.0),     // bladder
    organ([0.0, 68.0, 40.0], [19.0, 19.0, 330.0], 320.0),     // spine
    organ([-78.0, 5.0, -340.0], [15.0, 15.0, 170.0], 700.0),  // right femur
    organ([78.0, 5.0, -340.0], [15.0, 15.0, 170.0], 700.0),   // left femur
];

/// A lesion: an ellipsoid whose surface waves, of another density than what it lies in.
struct Lesion {
    name: &'static str,
    shape: Organ,
    waves: f64,
}

const LESIONS: &[Lesion] = &[
    Lesion { name: "lung nodule", shape: organ([98.0, 10.0, 175.0], [17.0, 14.0, 16.0], 35.0), waves: 0.18 },
    Lesion { name: "liver metastasis", shape: organ([-88.0, -8.0, 8.0], [24.0, 28.0, 21.0], 45.0), waves: 0.14 },
    Lesion { name: "thigh sarcoma", shape: organ([98.0, -28.0, -300.0], [26.0, 22.0, 48.0], 100.0), waves: 0.16 },
];

/// Draws the phantom.
///
/// # Errors
/// Never in practice: the geometry is fixed.
pub fn draw(seed: u64) -> Result<Phantom, VolumeError> {
    draw_on(SIZE, SPACING_MM, seed)
}

/// Draws the phantom on a grid of its own, round its middle.
///
/// # Errors
/// A grid that cannot be.
pub fn draw_on(size: [usize; 3], spacing_mm: DVec3, seed: u64) -> Result<Phantom, VolumeError> {
    let middle = spacing_mm * DVec3::from_array(size.map(|n| (n as f64 - 1.0) / 2.0));
    let grid = Grid::new(size, DAffine3 { matrix3: DMat3::from_diagonal(spacing_mm), translation: -middle })?;
    let mut voxels = Array3::<i16>::zeros(grid.shape());
    voxels.outer_iter_mut().into_par_iter().enumerate().for_each(|(k, mut slice)| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(k as u64);
        for ((j, i), voxel) in slice.indexed_iter_mut() {
            // The sum of four uniform numbers is near enough to a normal one.
            let noise: f64 = (0..4).map(|_| rng.random_range(-0.5..0.5)).sum::<f64>() * 3.0_f64.sqrt();
            *voxel = (density(grid.centre_mm([i, j, k])) + NOISE_HU * noise).clamp(-1024.0, 3071.0).round() as i16;
        }
    });
    let truth = Arc::new(grid.clone());
    let lesions = LESIONS.iter().map(|lesion| {
        let inside = Array3::from_shape_fn(grid.shape(), |(k, j, i)| lesion.depth(grid.centre_mm([i, j, k])) > 0.0);
        Ok((lesion.name, Mask::new(truth.clone(), inside)?))
    });
    let lesions = lesions.collect::<Result<_, VolumeError>>()?;
    let origin = VolumeOrigin {
        modality: Modality::Ct,
        quantity: Quantity::Hounsfield,
        inferred: false,
        frame_of_reference: None,
        warnings: Vec::new(),
    };
    Ok(Phantom { image: Volume::new(grid, Voxels::I16(voxels), Rescale::IDENTITY, origin)?, lesions })
}

fn density(p: DVec3) -> f64 {
    let organs = ORGANS.iter().map(|o| (o.depth(p), o.hu));
    let lesions = LESIONS.iter().map(|l| (l.depth(p), l.shape.hu));
    let solid = organs.chain(lesions).fold(-1000.0, |below, (depth, hu)| {
        let cover = (depth / EDGE_MM + 0.5).clamp(0.0, 1.0);
        below + (hu - below) * cover
    });
    // Slow texture, as tissue has.
    let texture =
        (p.x * 0.11 + (p.y * 0.07).sin()).sin() * (p.y * 0.13 + (p.z * 0.05).sin()).sin() * (p.z * 0.09).sin();
    if solid > -300.0 { solid + 9.0 * texture } else { solid }
}

impl Organ {
    /// Roughly how many mm `p` lies inside the surface; below 0 outside.
    fn depth(&self, p: DVec3) -> f64 {
        (1.0 - ((p - self.centre) / self.radii).length()) * self.radii.min_element()
    }
}

impl Lesion {
    fn depth(&self, p: DVec3) -> f64 {
        let from = p - self.shape.centre;
        let d = from.normalize_or_zero();
        let wave = (3.0 * d.x + 2.0 * d.y).sin()
            + (4.0 * d.z - 2.5 * d.x + 1.0).sin() * 0.7
            + (5.0 * d.y + 3.0 * d.z).sin() * 0.5;
        self.shape.depth(p) + self.waves * wave * self.shape.radii.min_element()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lesions_that_do_not_touch_and_one_set_of_bits() {
        let (a, b) = (draw(1).unwrap(), draw(1).unwrap());
        assert_eq!(a.image.content_hash(), b.image.content_hash());
        assert_eq!(a.lesions.len(), 3);
        for (n, (name, mask)) in a.lesions.iter().enumerate() {
            assert!((5.0..300.0).contains(&mask.volume_ml()), "{name}: {} mL", mask.volume_ml());
            let (_, found) = isochrone_volume::components::label(mask.voxels().view());
            assert_eq!(found.len(), 1, "{name}");
            for (_, other) in a.lesions.iter().skip(n + 1) {
                assert!(mask.bounding_box().intersection(&other.bounding_box()).is_empty());
            }
        }
    }
}
