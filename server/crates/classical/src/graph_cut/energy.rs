use super::links::{Links, Neighbours, directions, slice_weights};
use crate::ClassicalError;
use crate::error::same_shape;
use ndarray::ArrayView3;

/// What a segmentation costs: the n-links it cuts, and the `unary` gain of every voxel that is not
/// on the side it would like. Hard seeds on the wrong side cost infinity. `[k, j, i]`, units of [`Links::scale`].
///
/// # Errors
/// Shapes that differ, or an unusable parameter.
pub fn energy(
    object: ArrayView3<'_, bool>,
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    links: &Links,
) -> Result<f64, ClassicalError> {
    same_shape("The segmentation", object.dim(), image.dim())?;
    same_shape("The unary term", unary.dim(), image.dim())?;
    links.check()?;
    let side = |&gain: &f32, &object: &bool| {
        if (gain > 0.0) == object || gain == 0.0 || gain.is_nan() { 0.0 } else { f64::from(gain.abs()) }
    };
    let region: f64 = unary.iter().zip(object).map(|(g, o)| side(g, o)).sum();
    let forward: Vec<[isize; 3]> = match links.neighbours {
        Neighbours::Six => directions::<6>().into_iter().step_by(2).collect(),
        Neighbours::TwentySix => directions::<26>().into_iter().step_by(2).collect(),
    };
    let mut boundary = 0.0;
    for k in 0..image.dim().0 {
        for &offset in &forward {
            let [dk, dj, di] = offset;
            slice_weights(image, links, k, offset, |j, i, w| {
                let other = (k.wrapping_add_signed(dk), j.wrapping_add_signed(dj), i.wrapping_add_signed(di));
                if object.get((k, j, i)) != object.get(other) {
                    boundary += f64::from(w);
                }
            });
        }
    }
    Ok(region + boundary)
}
