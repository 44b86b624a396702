//! Which component a prompt is about.

use crate::RegionPolicy;
use crate::flood::Flood;
use isochrone_prompt::PlacedPrompt;
use isochrone_volume::{DVec3, Mask, VoxelBox};

/// Prompts that fit into one first region, in their order.
pub(super) fn groups<'a>(new: &[&'a PlacedPrompt], policy: &RegionPolicy) -> Vec<Vec<&'a PlacedPrompt>> {
    let side = policy.size.into_iter().min().unwrap_or_default() as f64;
    let reach_mm = side * policy.first_spacing_mm / 2.0;
    let mut groups: Vec<Vec<&PlacedPrompt>> = Vec::new();
    for &prompt in new {
        let fits = |group: &&mut Vec<&PlacedPrompt>| {
            group.iter().all(|p| p.position_lps_mm().distance(prompt.position_lps_mm()) <= reach_mm)
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(prompt),
            None => groups.push(vec![prompt]),
        }
    }
    groups
}

/// The active component(s): those that hold a new prompt; of a prompt in none, those within `reach_mm`.
pub(super) fn component(mask: &Mask, new: &[&PlacedPrompt], reach_mm: f64) -> (Mask, VoxelBox) {
    let mut flood = Flood::new(mask.voxels());
    for prompt in new {
        let mut inside = prompt.voxels().voxels().filter(|v| mask.contains(*v)).peekable();
        if inside.peek().is_none() {
            near(&mut flood, mask, prompt.voxel, reach_mm);
        }
        for voxel in inside {
            flood.reach(voxel);
        }
    }
    let mut active = Mask::empty(mask.grid().clone());
    std::mem::swap(active.voxels_mut(), &mut flood.reached);
    (active, flood.region)
}

fn near(flood: &mut Flood<'_>, mask: &Mask, [i, j, k]: [usize; 3], reach_mm: f64) {
    let matrix = mask.grid().world_from_voxel().matrix3;
    let [ri, rj, rk] = mask.grid().spacing_mm().map(|s| (reach_mm / s).ceil() as usize);
    let [ni, nj, nk] = mask.grid().size();
    let range = |centre: usize, reach: usize, n: usize| centre.saturating_sub(reach)..(centre + reach + 1).min(n);
    for kk in range(k, rk, nk) {
        for jj in range(j, rj, nj) {
            for ii in range(i, ri, ni) {
                if !mask.contains([ii, jj, kk]) {
                    continue;
                }
                let offset = DVec3::new(ii as f64 - i as f64, jj as f64 - j as f64, kk as f64 - k as f64);
                if (matrix * offset).length_squared() <= reach_mm * reach_mm {
                    flood.reach([ii, jj, kk]);
                }
            }
        }
    }
}
