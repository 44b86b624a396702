use isochrone_segment::{Samples, SegmentError};
use isochrone_volume::{Axis, DVec3, Grid};
use ndarray::Array3;
#[derive(Debug, Clone)]
pub struct Measures { pub grid: Grid, pub mutual_information: Array3<f32> }
pub fn measure(s: &Samples) -> Result<Measures, SegmentError> {
    let mean = s.probability.mean_axis(ndarray::Axis(0)).unwrap_or_default();
    Ok(Measures { grid: s.grid.clone(), mutual_information: mean })
}
#[derive(Debug, Clone)]
pub struct Proposal { pub axis: Axis, pub index: usize, pub score: f64, pub origin: DVec3, pub normal: DVec3, pub spot: DVec3 }
