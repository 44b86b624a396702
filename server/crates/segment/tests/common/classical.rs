//! What every engine has to do with two balls.

use crate::common::{balls, click, grid};
use isochrone_prompt::Polarity::{Negative, Positive};
use isochrone_segment::{Cancel, Channel, RefineInput, SegmentError, Segmenter, refine};
use isochrone_volume::Mask;

/// One click takes the ball (5580 mm³) and not its neighbour; a negative click takes its surroundings
/// back; the same again gives the same; what cannot be done is said.
pub fn fills_the_ball_and_obeys(engine: &dyn Segmenter) {
    let volume = balls(grid([70, 70, 50], [1.0, 1.0, 1.5]), &[([30, 35, 25], 11.0), ([52, 35, 25], 8.0)]);
    let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
    let go = |prompts: &[_], mask: &Mask| {
        let input = RefineInput { prompts, newest: 1, mask, other_labels: &[] };
        refine(engine, &prepared, &input, &Cancel::new()).unwrap()
    };
    let empty = Mask::empty(volume.grid().clone());
    let mut prompts = vec![click(&volume, [30, 35, 25], Positive)];
    let first = go(&prompts, &empty);
    let ml = first.mask.volume_ml();
    assert!((4.5..7.0).contains(&ml), "{ml}");
    assert!(!first.mask.contains([52, 35, 25]));
    prompts.push(click(&volume, [37, 35, 25], Negative));
    let second = go(&prompts, &first.mask);
    assert!(second.mask.contains([28, 35, 25]));
    // The region is placed anew, so borders elsewhere may move by a working voxel.
    let near = |mask: &Mask| mask.voxels().slice(ndarray::s![23..28, 33..38, 35..40]).iter().filter(|v| **v).count();
    assert!(near(&second.mask) + 10 < near(&first.mask), "{} {}", near(&second.mask), near(&first.mask));
    assert!(!second.mask.contains([38, 35, 25]));
    assert_eq!(second.mask, go(&prompts, &first.mask).mask);

    assert!(matches!(engine.prepare(&[]), Err(SegmentError::Unsupported(_))));
    let stopped = Cancel::new();
    stopped.cancel();
    let input = RefineInput { prompts: &prompts, newest: 1, mask: &empty, other_labels: &[] };
    assert!(matches!(refine(engine, &prepared, &input, &stopped), Err(SegmentError::Cancelled)));
}
