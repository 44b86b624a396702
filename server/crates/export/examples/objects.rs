//! Writes every DICOM object from an image, a label map on its grid, and a series in JSON; for the tests.
//!
//!     objects IMAGE LABELS SERIES.json OUT
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use isochrone_export::dicom::{
    Algorithm, Code, Segment, Series, measured, probability, report, segmentation, structure_set,
};
use isochrone_intake::dicom::SeriesInfo;
use isochrone_intake::{ReadOptions, read};
use isochrone_volume::{Mask, Modality, VoxelBox};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [image, labels, series, out] = arguments.as_slice() else { panic!("objects IMAGE LABELS SERIES.json OUT") };
    let json: Value = serde_json::from_slice(&std::fs::read(series).unwrap()).unwrap();
    let modality = Modality::from_code(json["modality"].as_str().unwrap());
    let image = read(Path::new(image), &ReadOptions { modality, ..ReadOptions::default() }).unwrap();
    let labels = read(Path::new(labels), &ReadOptions::default()).unwrap();
    let info: SeriesInfo = serde_json::from_value(json).unwrap();
    let series = Series { info: Arc::new(info), grid: image.grid().clone() };
    let values = labels.values(&VoxelBox::whole(labels.grid().size()));
    let algorithm = Algorithm {
        engine: "network".to_owned(),
        model: "lesion-3 3.0.0".to_owned(),
        model_digest: "sha256:0123456789abcdef".to_owned(),
        parameters: "seed 7".to_owned(),
    };
    let most = values.iter().fold(0.0f32, |a, &b| a.max(b)) as u16;
    let masks: Vec<(Segment, Mask)> = (1..=most)
        .map(|n| {
            let mut segment = Segment::lesion(n as usize, &format!("lesion {n}"), algorithm.clone());
            segment.anatomy = Some("lung".parse::<Code>().unwrap());
            (segment, Mask::new(image.grid().clone(), values.mapv(|v| v == f32::from(n))).unwrap())
        })
        .collect();
    let pairs: Vec<(Segment, &Mask)> = masks.iter().map(|(s, m)| (s.clone(), m)).collect();
    let out = Path::new(out);
    let seg = segmentation(&series, &pairs).unwrap();
    seg.write(&out.join("seg.dcm")).unwrap();
    structure_set(&series, &pairs).unwrap().write(&out.join("rtstruct.dcm")).unwrap();
    let labelled: Vec<(u16, Segment, &Mask)> =
        (1u16..).zip(&masks).map(|(n, (segment, mask))| (n, segment.clone(), mask)).collect();
    isochrone_export::write_segments(&out.join("labels.seg.nrrd"), image.grid(), &labelled).unwrap();
    let soft = values.mapv(|v| (v * 0.4).min(1.0));
    probability(&series, &masks[0].0, image.grid(), soft.view()).unwrap().write(&out.join("probability.dcm")).unwrap();
    let numbers: Vec<Value> = pairs
        .iter()
        .map(|(_, mask)| {
            let found = isochrone_measure::measure(&image, mask).unwrap().unwrap();
            json!({"volume": found.volume_ml, "max": found.max, "mean": found.mean, "min": found.min,
                "deviation": found.deviation, "peak": found.peak, "glycolysis": found.glycolysis, "lesions": found.lesions})
        })
        .collect();
    let all = measured(&image, &pairs).unwrap();
    report(&series, &seg, &all).unwrap().write(&out.join("sr.dcm")).unwrap();
    println!("{}", json!(numbers));
}
