//! Exact distances in a slice.
//!
//! After Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions" (Theory of Computing 8,
//! 2012): along one axis by two sweeps, along the other by the lower envelope of parabolas.

use ndarray::{Array2, ArrayView2, ArrayViewMut1};

/// Signed distance in mm, `[slow, fast]`: of a set pixel to the nearest unset one (positive), of an unset
/// pixel to the nearest set one (negative); centre to centre. Beyond the array nothing is set. Without a set
/// pixel, −∞. `spacing_mm` is in the array's order.
pub(super) fn signed(set: ArrayView2<'_, bool>, spacing_mm: [f64; 2]) -> Array2<f64> {
    let (slow, fast) = set.dim();
    // One pixel of border all round, where nothing is set.
    let mut padded = Array2::from_elem((slow + 2, fast + 2), false);
    padded.slice_mut(ndarray::s![1..=slow, 1..=fast]).assign(&set);
    let inside = squares_to(padded.view(), false, spacing_mm);
    let outside = squares_to(padded.view(), true, spacing_mm);
    Array2::from_shape_fn((slow, fast), |(a, b)| {
        let of = |squares: &Array2<f64>| squares.get((a + 1, b + 1)).map_or(0.0, |v| v.sqrt());
        if set.get((a, b)) == Some(&true) { of(&inside) } else { -of(&outside) }
    })
}

/// Squares of the distance in mm² to the nearest pixel that equals `value`; +∞ without one.
fn squares_to(array: ArrayView2<'_, bool>, value: bool, [slow_mm, fast_mm]: [f64; 2]) -> Array2<f64> {
    let mut squares = array.mapv(|v| if v == value { 0.0 } else { f64::INFINITY });
    for mut row in squares.rows_mut() {
        sweep(row.iter_mut(), fast_mm);
        sweep(row.iter_mut().rev(), fast_mm);
        row.mapv_inplace(|mm| mm * mm);
    }
    let mut envelope = Envelope::default();
    for column in squares.columns_mut() {
        envelope.run(column, slow_mm);
    }
    squares
}

fn sweep<'a>(row: impl Iterator<Item = &'a mut f64>, step_mm: f64) {
    let mut nearest = f64::INFINITY;
    for mm in row {
        nearest = (nearest + step_mm).min(*mm);
        *mm = nearest;
    }
}

/// The lower envelope of one column's parabolas: where each is lowest from.
#[derive(Default)]
struct Envelope {
    parts: Vec<Part>,
}

struct Part {
    /// Place of the parabola's lowest point, mm.
    at: f64,
    /// Its value there, mm².
    height: f64,
    /// From where on it is the lowest, mm.
    from: f64,
}

impl Envelope {
    fn run(&mut self, mut column: ArrayViewMut1<'_, f64>, step_mm: f64) {
        self.parts.clear();
        for (n, &height) in column.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let at = n as f64 * step_mm;
            let mut from = f64::NEG_INFINITY;
            while let Some(last) = self.parts.last() {
                let crossing = f64::midpoint(at, last.at) + (height - last.height) / (2.0 * (at - last.at));
                if crossing > last.from {
                    from = crossing;
                    break;
                }
                self.parts.pop();
            }
            self.parts.push(Part { at, height, from });
        }
        let mut parts = self.parts.iter().peekable();
        let Some(mut part) = parts.next() else { return };
        for (n, square) in column.iter_mut().enumerate() {
            let place = n as f64 * step_mm;
            while let Some(next) = parts.next_if(|next| next.from <= place) {
                part = next;
            }
            *square = part.height + (place - part.at).powi(2);
        }
    }
}
