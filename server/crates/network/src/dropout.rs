use crate::DropoutInput;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::ops::Range;

/// Dropout masks `[T, channels]`, flat, one entry an input: all 1, the deterministic network.
pub(crate) fn ones(inputs: &[DropoutInput]) -> Vec<Vec<f32>> {
    inputs.iter().map(|input| vec![1.0; input.channels]).collect()
}

/// Dropout masks `[T, channels]` of samples `range`, flat: a channel is kept with probability 1 − `rate`
/// and then scaled by 1 / (1 − `rate`), else 0.
///
/// Sample `t` reads stream `t` of ChaCha8 seeded with `seed`, an input after the other: what it gets
/// does not depend on the batch it is drawn in.
pub(crate) fn sampled(inputs: &[DropoutInput], rate: f32, seed: u64, range: Range<usize>) -> Vec<Vec<f32>> {
    let mut masks: Vec<Vec<f32>> = inputs.iter().map(|i| Vec::with_capacity(i.channels * range.len())).collect();
    let keep = 1.0 - f64::from(rate);
    let scale = (1.0 / keep) as f32;
    for t in range {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(t as u64);
        for (input, mask) in inputs.iter().zip(&mut masks) {
            mask.extend((0..input.channels).map(|_| {
                let uniform = f64::from(random.next_u32()) / 4_294_967_296.0;
                if uniform < keep { scale } else { 0.0 }
            }));
        }
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs() -> Vec<DropoutInput> {
        [("a", 128), ("b", 37)].map(|(name, channels)| DropoutInput { name: name.to_owned(), channels }).to_vec()
    }

    #[test]
    fn batches_do_not_matter_and_seeds_do() {
        let all = sampled(&inputs(), 0.2, 7, 0..6);
        for t in 0..6 {
            let one = sampled(&inputs(), 0.2, 7, t..t + 1);
            assert_eq!(one[0], all[0][t * 128..(t + 1) * 128]);
            assert_eq!(one[1], all[1][t * 37..(t + 1) * 37]);
        }
        assert_ne!(all, sampled(&inputs(), 0.2, 8, 0..6));
        assert_ne!(all[0][..128], all[0][128..256]);
    }

    #[test]
    fn rate_and_scale() {
        let masks = sampled(&inputs(), 0.2, 1, 0..400);
        assert!(masks[0].iter().all(|v| *v == 0.0 || *v == 1.25));
        let mean = masks[0].iter().sum::<f32>() / masks[0].len() as f32;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
    }
}
