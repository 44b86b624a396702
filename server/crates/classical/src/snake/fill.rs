use ndarray::Array2;

/// Voxels `[j, i]` whose centre lies inside a closed curve of points `(j, i)` in fractional voxels,
/// by the even-odd rule. Points that are no numbers are left out.
#[must_use]
pub fn inside(curve: &[[f64; 2]], shape: [usize; 2]) -> Array2<bool> {
    let points: Vec<[f64; 2]> = curve.iter().copied().filter(|p| p.iter().all(|v| v.is_finite())).collect();
    let mut mask = Array2::from_elem(shape, false);
    let sides: Vec<([f64; 2], [f64; 2])> = points.iter().copied().zip(points.iter().copied().cycle().skip(1)).collect();
    for (j, mut row) in mask.rows_mut().into_iter().enumerate() {
        let y = j as f64;
        let crossings = sides.iter().filter(|([ay, _], [by, _])| (*ay <= y) != (*by <= y));
        let mut at: Vec<f64> = crossings.map(|([ay, ax], [by, bx])| ax + (y - ay) / (by - ay) * (bx - ax)).collect();
        at.sort_by(f64::total_cmp);
        for pair in at.chunks_exact(2) {
            let [first, end] = [pair.first(), pair.last()]
                .map(|x| x.copied().unwrap_or_default().ceil().clamp(0.0, row.len() as f64) as usize);
            row.slice_mut(ndarray::s![first..end.max(first)]).fill(true);
        }
    }
    mask
}
