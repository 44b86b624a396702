use isochrone_network::Normalisation;
use isochrone_volume::{Grid, Volume, resample};
use ndarray::Array3;

/// A volume's values on a region `[k, j, i]`, normalised over the voxels inside the volume; 0 outside it.
pub(crate) fn normalised_image(volume: &Volume, region: &Grid, normalisation: &Normalisation) -> Array3<f32> {
    let mut image = resample::volume_to_grid(volume, region, f32::NAN);
    normalisation.apply(&mut image);
    image
}
