//! A drawn border that slides to an edge before anything else is done with it.

use isochrone_classical::ClassicalError;
use isochrone_classical::snake::{MAX_POINTS, Pin, Snake, evolve};
use isochrone_prompt::{Plane, Polygon};
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, Volume, resample};
use ndarray::Axis;

/// A plane through a volume: its pixels lie along the volume's own axes, as far as the plane allows.
struct Slice {
    grid: Grid,
    /// In-plane spacing, mm.
    spacing_mm: f64,
}

/// Lets a polygon slide to an edge of the volume on its plane; vertices that were dragged are pins. σ is at
/// least the volume's voxel in the plane. `None` if stopped, or if nothing is left of it.
pub(super) fn slid(
    volume: &Volume,
    polygon: &Polygon,
    snake: &Snake,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Polygon>, ClassicalError> {
    let [finest, coarsest] = in_plane_mm(volume.grid(), &polygon.plane);
    let snake = Snake { sigma_mm: snake.sigma_mm.max(coarsest as f32), ..*snake };
    let margin_mm = f64::from(snake.reach_mm + 4.0 * snake.sigma_mm);
    let Some(slice) = Slice::round(volume.grid(), polygon, finest, margin_mm) else { return Ok(None) };
    let image = resample::volume_to_grid(volume, &slice.grid, f32::NAN);
    let image = beyond(image.index_axis_move(Axis(0), 0));
    let flat = |p: DVec3| {
        let voxel = slice.grid.voxel_from_world().transform_point3(p);
        [voxel.y, voxel.x]
    };
    let curve: Vec<[f64; 2]> = polygon.vertices_lps_mm.iter().map(|p| flat(*p)).collect();
    let pins = polygon.pinned.iter().filter_map(|&point| Some(Pin { point, target: *curve.get(point)? }));
    let pins: Vec<Pin> = pins.collect();
    let spacing = [slice.spacing_mm as f32; 2];
    let Some(found) = evolve(image.view(), spacing, &curve, &pins, &snake, stop)? else { return Ok(None) };
    let place = |&[j, i]: &[f64; 2]| slice.grid.world_from_voxel().transform_point3(DVec3::new(i, j, 0.0));
    let vertices_lps_mm: Vec<DVec3> = found.curve.iter().take(MAX_POINTS).map(place).collect();
    Ok(Some(Polygon { vertices_lps_mm, pinned: Vec::new(), ..polygon.clone() }))
}

impl Slice {
    fn round(volume: &Grid, polygon: &Polygon, spacing_mm: f64, margin_mm: f64) -> Option<Self> {
        let plane = &polygon.plane;
        let (normal, axes) = (plane.normal(), volume.direction());
        let along = [axes.x_axis, axes.y_axis, axes.z_axis].into_iter().map(|a| a - a.dot(normal) * normal);
        let u = along.max_by(|a, b| a.length().total_cmp(&b.length()))?.try_normalize()?;
        let v = normal.cross(u);
        let flat = polygon.vertices_lps_mm.iter().map(|p| *p - plane.origin()).map(|p| [p.dot(u), p.dot(v)]);
        let nothing = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        let ([u0, v0], [u1, v1]) =
            flat.fold(nothing, |([a, b], [c, d]), [x, y]| ([a.min(x), b.min(y)], [c.max(x), d.max(y)]));
        // A huge polygon is looked at coarsely.
        let longest = (u1 - u0).max(v1 - v0) + 2.0 * margin_mm;
        let spacing_mm = spacing_mm.max(longest / 1024.0);
        let count = |low: f64, high: f64| ((high - low + 2.0 * margin_mm) / spacing_mm).ceil() as usize + 1;
        let origin = plane.origin() + (u0 - margin_mm) * u + (v0 - margin_mm) * v;
        // As thin as it gets: the slice that the reader sees.
        let matrix3 = DMat3::from_cols(u * spacing_mm, v * spacing_mm, normal * spacing_mm.min(1.0));
        let size = [count(u0, u1), count(v0, v1), 1];
        let grid = Grid::new(size, DAffine3 { matrix3, translation: origin }).ok()?;
        Some(Self { grid, spacing_mm })
    }
}

/// Finest and coarsest spacing of a grid within a plane, mm: of the axes that lie rather in it than across.
fn in_plane_mm(grid: &Grid, plane: &Plane) -> [f64; 2] {
    let d = grid.direction();
    let axes = [d.x_axis, d.y_axis, d.z_axis].into_iter().zip(grid.spacing_mm());
    let inside = axes.filter(|(a, _)| a.dot(plane.normal()).abs() < 0.8).map(|(_, s)| s);
    let [low, high] = inside.fold([f64::INFINITY, 0.0], |[l, h], s| [f64::min(l, s), f64::max(h, s)]);
    if low.is_finite() { [low, high] } else { [grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min); 2] }
}

/// What lies outside of the volume takes the value of the nearest pixel of its row, else of a row beside it:
/// no edge is to be seen there.
fn beyond(mut image: ndarray::Array2<f32>) -> ndarray::Array2<f32> {
    for axis in [Axis(1), Axis(0)] {
        for mut lane in image.lanes_mut(axis) {
            for forward in [true, false] {
                let mut last = f32::NAN;
                let n = lane.len();
                for at in 0..n {
                    if let Some(v) = lane.get_mut(if forward { at } else { n - 1 - at }) {
                        if v.is_nan() {
                            *v = last;
                        }
                        last = *v;
                    }
                }
            }
        }
    }
    image
}
