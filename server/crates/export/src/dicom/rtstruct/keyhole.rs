//! Holes, joined to the outline round them.

use super::outline::{Vertex, area};

/// One polygon for every outer outline, with its holes joined in.
pub(super) fn joined(outlines: Vec<Vec<Vertex>>) -> Vec<Vec<Vertex>> {
    let (outer, holes): (Vec<_>, Vec<_>) = outlines.into_iter().partition(|o| area(o) > 0);
    let mut polygons: Vec<(Vec<Vertex>, Vec<Vec<Vertex>>)> = outer.into_iter().map(|o| (o, Vec::new())).collect();
    for hole in holes {
        let round = |o: &[Vertex]| hole.first().is_some_and(|&v| inside(o, v));
        let home = polygons.iter_mut().filter(|(o, _)| round(o)).min_by_key(|(o, _)| area(o));
        if let Some((_, holes)) = home {
            holes.push(hole);
        }
    }
    polygons.into_iter().map(|(outline, holes)| holes.into_iter().fold(outline, |p, hole| join(p, &hole))).collect()
}

/// Goes from the polygon's vertex that is nearest to the hole into the hole, round it, and back again.
fn join(polygon: Vec<Vertex>, hole: &[Vertex]) -> Vec<Vertex> {
    let pairs = polygon.iter().enumerate().flat_map(|(n, p)| hole.iter().enumerate().map(move |(m, h)| (n, p, m, h)));
    let nearest = pairs.min_by_key(|(_, [a, b], _, [c, d])| {
        let (x, y) = (i64::from(a - c), i64::from(b - d));
        x * x + y * y
    });
    let Some((n, _, m, _)) = nearest else { return polygon };
    let before = polygon.iter().take(n + 1);
    let round = hole.iter().cycle().skip(m).take(hole.len() + 1);
    let after = polygon.iter().skip(n);
    before.chain(round).chain(after).copied().collect()
}

/// Even-odd. Never asked of a point on the outline: two outlines have no vertex in common.
fn inside(outline: &[Vertex], [x, y]: Vertex) -> bool {
    let following = outline.iter().cycle().skip(1);
    let crossings = outline.iter().zip(following).filter(|&(&[x0, y0], &[x1, y1])| {
        if (y0 > y) == (y1 > y) {
            return false;
        }
        let (dx, dy) = (i64::from(x1 - x0), i64::from(y1 - y0));
        let side = i64::from(x - x0) * dy - i64::from(y - y0) * dx;
        if dy > 0 { side < 0 } else { side > 0 }
    });
    crossings.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::super::outline::outlines;
    use super::*;
    use ndarray::Array2;

    #[test]
    fn two_holes_and_an_island_come_back_by_the_even_odd_rule() {
        let mut slice = Array2::from_elem([14, 20], false);
        slice.slice_mut(ndarray::s![1..13, 1..19]).fill(true);
        slice.slice_mut(ndarray::s![3..11, 3..11]).fill(false);
        slice.slice_mut(ndarray::s![5..8, 5..8]).fill(true);
        slice[[6, 15]] = false;
        let polygons = joined(outlines(slice.view()));
        assert_eq!(polygons.len(), 2);
        for ((j, i), &set) in slice.indexed_iter() {
            let at = [2 * i as i32, 2 * j as i32];
            let filled = polygons.iter().filter(|p| inside(p, at)).count();
            assert_eq!(filled, usize::from(set), "{i} {j}");
        }
    }
}
