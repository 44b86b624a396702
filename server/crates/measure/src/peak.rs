//! The highest mean in a sphere of 1 mL.

use isochrone_volume::{DAffine3, DVec3, Mask, Volume, VoxelBox};
use rayon::prelude::*;

/// Radius of a sphere of 1 mL, mm: the cube root of 3·1000/(4π).
pub const SPHERE_RADIUS_MM: f64 = 6.203_504_908_994;

/// Length of the steps, mm, in which a voxel on the sphere's surface is sampled.
const STEP_MM: f64 = 0.15;

/// A voxel of the sphere, relative to its centre, and the share of it that lies inside.
struct Part {
    offset: [isize; 3],
    weight: f64,
}

/// The highest mean over all spheres centred on voxels of the mask.
pub(crate) fn peak(volume: &Volume, mask: &Mask) -> Option<f64> {
    let grid = volume.grid();
    let parts = sphere(grid.world_from_voxel());
    let reach = |axis: usize| {
        parts.iter().filter_map(|p| p.offset.get(axis)).map(|o| o.unsigned_abs()).max().unwrap_or_default()
    };
    let reach = [reach(0), reach(1), reach(2)];
    let found = mask.bounding_box();
    let wide = VoxelBox {
        min: std::array::from_fn(|a| at(&found.min, a).saturating_sub(at(&reach, a))),
        max: std::array::from_fn(|a| at(&found.max, a) + at(&reach, a)),
    };
    let wide = wide.intersection(&VoxelBox::whole(grid.size()));
    let values = volume.values(&wide);
    let values_at = |i: isize, j: isize, k: isize| {
        let index = usize::try_from(k).ok().zip(usize::try_from(j).ok()).zip(usize::try_from(i).ok());
        let value = index.and_then(|((k, j), i)| values.get([k, j, i]))?;
        value.is_finite().then_some(f64::from(*value))
    };
    let mean_at = |[i, j, k]: [usize; 3]| {
        let [i0, j0, k0] = wide.min;
        let (i, j, k) = ((i - i0) as isize, (j - j0) as isize, (k - k0) as isize);
        let (mut sum, mut weight) = (0.0, 0.0);
        for part in &parts {
            let [di, dj, dk] = part.offset;
            if let Some(value) = values_at(i + di, j + dj, k + dk) {
                sum += part.weight * value;
                weight += part.weight;
            }
        }
        (weight > 0.0).then(|| sum / weight)
    };
    let [i0, j0, k0] = found.min;
    let set = mask.voxels().slice(found.slice());
    let centres: Vec<[usize; 3]> =
        set.indexed_iter().filter(|(_, set)| **set).map(|((k, j, i), _)| [i0 + i, j0 + j, k0 + k]).collect();
    centres.into_par_iter().filter_map(mean_at).reduce_with(f64::max)
}

fn at(voxel: &[usize; 3], axis: usize) -> usize {
    voxel.get(axis).copied().unwrap_or_default()
}

/// Every voxel that the sphere touches, with its share.
fn sphere(world_from_voxel: DAffine3) -> Vec<Part> {
    let m = world_from_voxel.matrix3;
    let voxel_from_mm = m.inverse();
    // How many voxels the sphere reaches along each axis: the radius times the length of the axis' row.
    let rows = voxel_from_mm.transpose();
    let reach = [rows.x_axis, rows.y_axis, rows.z_axis].map(|r| (SPHERE_RADIUS_MM * r.length() + 0.5).ceil() as isize);
    let [ri, rj, rk] = reach;
    let mut parts = Vec::new();
    for k in -rk..=rk {
        for j in -rj..=rj {
            for i in -ri..=ri {
                let weight = share(m, DVec3::new(i as f64, j as f64, k as f64));
                if weight > 0.0 {
                    parts.push(Part { offset: [i, j, k], weight });
                }
            }
        }
    }
    parts
}

/// The share of the voxel at `centre` (in voxels) that lies in the sphere about the origin.
fn share(m: isochrone_volume::DMat3, centre: DVec3) -> f64 {
    let sides = [m.x_axis, m.y_axis, m.z_axis];
    let half_diagonal = sides.iter().map(|s| s.length()).sum::<f64>() / 2.0;
    let distance = (m * centre).length();
    if distance + half_diagonal <= SPHERE_RADIUS_MM {
        return 1.0;
    }
    if distance - half_diagonal >= SPHERE_RADIUS_MM {
        return 0.0;
    }
    let [ni, nj, nk] = sides.map(|s| ((s.length() / STEP_MM).ceil() as usize).clamp(4, 48));
    let place = |n: usize, of: usize| (n as f64 + 0.5) / of as f64 - 0.5;
    let mut inside = 0usize;
    for k in 0..nk {
        for j in 0..nj {
            let row = centre + DVec3::new(0.0, place(j, nj), place(k, nk));
            for i in 0..ni {
                let p = m * (row + DVec3::new(place(i, ni), 0.0, 0.0));
                inside += usize::from(p.length_squared() <= SPHERE_RADIUS_MM * SPHERE_RADIUS_MM);
            }
        }
    }
    inside as f64 / (ni * nj * nk) as f64
}
