//! Every instruction set gives the same bits: the test runs itself once for each.

mod common;

use common::{Random, bits, points_in};
use isochrone_guidance::{
    Geodesic, GeodesicField, MaskSide, adaptive_gaussian, disk, euclidean_distance, gaussian,
    geodesic_distance_channels, instruction_set, mask_distance,
};
use ndarray::Array3;
use std::process::Command;

/// A number that depends on every bit of many maps.
fn digest() -> u64 {
    let mut random = Random(3);
    let mut sum = 0u64;
    let mut add = |map: &Array3<f32>| {
        for bits in bits(map) {
            sum = (sum.rotate_left(5) ^ u64::from(bits)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    };
    for (shape, spacing_mm) in
        [([9, 23, 131], [3.0, 2.04, 2.04]), ([1, 400, 77], [1.0, 0.7, 0.7]), ([5, 6, 3], [1.0; 3])]
    {
        let image = Array3::from_shape_simple_fn(shape, || random.below(5000) as f32 / 700.0);
        for count in [1, 12, 60] {
            let points = points_in(shape, count);
            add(&euclidean_distance(shape, &points, spacing_mm).unwrap());
            add(&gaussian(shape, &points, spacing_mm, 4.0).unwrap());
            add(&disk(shape, &points, spacing_mm, 6.5).unwrap());
        }
        add(&mask_distance(image.mapv(|v| v > 3.0).view(), spacing_mm, MaskSide::Signed).unwrap());
        let mut thick = Array3::from_elem(shape, true);
        thick[[0, 3, 2]] = false;
        add(&mask_distance(thick.view(), spacing_mm, MaskSide::Inside).unwrap());
        let two = [image.view(), image.view()];
        for lambda in [0.0, 0.3, 1.0] {
            let metric = Geodesic { spacing_mm, lambda, cutoff: None };
            for channels in [&two[..1], &two[..]] {
                add(&geodesic_distance_channels(channels, &points_in(shape, 3), &metric).unwrap());
            }
            add(&adaptive_gaussian(&two[..1], &points_in(shape, 2), &metric, &Default::default()).unwrap());
            let mut field = GeodesicField::new(&two, metric).unwrap();
            for point in points_in(shape, 4) {
                field.insert(&two, point).unwrap();
            }
            field.remove(&two, points_in(shape, 4)[1]).unwrap();
            add(&field.map().to_owned());
        }
    }
    sum
}

#[test]
#[ignore = "started by the other test, once for each instruction set"]
fn one_instruction_set() {
    println!("digest {:x} on {};", digest(), instruction_set());
}

#[test]
fn all_instruction_sets_give_the_same_bits() {
    let run = |name: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--nocapture", "one_instruction_set"]).env("ISOCHRONE_SIMD", name);
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let line = text.lines().find_map(|l| l.split_once("digest ")).expect("a digest").1.to_owned();
        let (digest, used) = line.trim_end_matches(';').split_once(" on ").unwrap();
        (digest.to_owned(), used.to_owned())
    };
    let (wanted, used) = run("scalar");
    assert_eq!(used, "scalar");
    for name in ["avx2", "best"] {
        let (digest, used) = run(name);
        println!("{name}: ran on {used}");
        assert_eq!(digest, wanted, "{used} differs from scalar");
    }
    if run("best").1 != "avx512" {
        println!("avx512 was not checked: this machine has none");
    }
}
