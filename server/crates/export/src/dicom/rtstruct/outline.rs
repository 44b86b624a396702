//! Marching squares on one binary slice.

use ndarray::ArrayView2;
use std::collections::BTreeMap;

/// A point in half voxels: `[2i, 2j]` is the centre of the voxel `(i, j)`.
pub(super) type Vertex = [i32; 2];

/// All closed outlines of a slice `[j, i]`, midway between set and unset voxels. The set voxels lie on the same
/// hand along every outline, so outer ones have a positive [`area`], holes a negative one. No three vertices in
/// a row lie on one line.
pub(super) fn outlines(slice: ArrayView2<'_, bool>) -> Vec<Vec<Vertex>> {
    let mut next = steps(slice);
    let mut found = Vec::new();
    while let Some((&start, _)) = next.first_key_value() {
        let mut outline = Vec::new();
        let mut at = start;
        while let Some(to) = next.remove(&at) {
            outline.push(at);
            at = to;
        }
        found.push(corners(&outline));
    }
    found
}

/// Twice the signed area, in quarter voxels.
pub(super) fn area(outline: &[Vertex]) -> i64 {
    let following = outline.iter().cycle().skip(1);
    outline.iter().zip(following).map(|(&p, &q)| cross(p, q)).sum()
}

fn cross([a, b]: Vertex, [c, d]: Vertex) -> i64 {
    i64::from(a) * i64::from(d) - i64::from(b) * i64::from(c)
}

/// From every point of an outline to the next one.
fn steps(slice: ArrayView2<'_, bool>) -> BTreeMap<Vertex, Vertex> {
    let (nj, ni) = slice.dim();
    let set = |i: i32, j: i32| {
        let index = usize::try_from(j).ok().zip(usize::try_from(i).ok());
        index.and_then(|(j, i)| slice.get([j, i]).copied()).unwrap_or(false)
    };
    let mut next = BTreeMap::new();
    // Cells between four voxel centres, with a border of unset voxels round the slice.
    for j in -1..nj as i32 {
        for i in -1..ni as i32 {
            let (low, right) = ([2 * i + 1, 2 * j], [2 * i + 2, 2 * j + 1]);
            let (high, left) = ([2 * i + 1, 2 * j + 2], [2 * i, 2 * j + 1]);
            let pattern = u8::from(set(i, j))
                | u8::from(set(i + 1, j)) << 1
                | u8::from(set(i + 1, j + 1)) << 2
                | u8::from(set(i, j + 1)) << 3;
            let steps: &[(Vertex, Vertex)] = match pattern {
                1 => &[(low, left)],
                2 => &[(right, low)],
                3 => &[(right, left)],
                4 => &[(high, right)],
                // Two voxels that touch at a corner are apart.
                5 => &[(low, left), (high, right)],
                6 => &[(high, low)],
                7 => &[(high, left)],
                8 => &[(left, high)],
                9 => &[(low, high)],
                10 => &[(right, low), (left, high)],
                11 => &[(right, high)],
                12 => &[(left, right)],
                13 => &[(low, right)],
                14 => &[(left, low)],
                _ => &[],
            };
            next.extend(steps.iter().copied());
        }
    }
    next
}

/// Leaves out what lies on a straight line between its neighbours.
fn corners(outline: &[Vertex]) -> Vec<Vertex> {
    let n = outline.len();
    let before = outline.iter().cycle().skip(n.saturating_sub(1));
    let after = outline.iter().cycle().skip(1);
    let turns = |([a, b], [c, d], [e, f]): (Vertex, Vertex, Vertex)| cross([c - a, d - b], [e - c, f - d]) != 0;
    outline
        .iter()
        .zip(before.zip(after))
        .filter(|(at, (before, after))| turns((**before, **at, **after)))
        .map(|(at, _)| *at)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn one_voxel_is_a_diamond_round_its_centre() {
        let found = outlines(arr2(&[[false, false], [false, true]]).view());
        assert_eq!(found.len(), 1);
        let mut vertices = found[0].clone();
        vertices.sort_unstable();
        assert_eq!(vertices, [[1, 2], [2, 1], [2, 3], [3, 2]]);
        assert_eq!(area(&found[0]), 4);
    }

    #[test]
    fn a_ring_has_an_outside_and_a_hole() {
        let ring = arr2(&[[true, true, true], [true, false, true], [true, true, true]]);
        let mut areas: Vec<i64> = outlines(ring.view()).iter().map(|o| area(o)).collect();
        areas.sort_unstable();
        // Nine voxels less four half corners of an eighth each, and a diamond of half a voxel.
        assert_eq!(areas, [-4, 68]);
    }

    #[test]
    fn voxels_that_touch_at_a_corner_are_apart() {
        assert_eq!(outlines(arr2(&[[true, false], [false, true]]).view()).len(), 2);
    }
}
