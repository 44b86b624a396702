//! Reads the masks of a DICOM object onto an image's grid and writes them as a label map; for the tests.
//!
//!     masks IMAGE OBJECT FRAME_OF_REFERENCE OUT.nrrd
#![allow(clippy::unwrap_used, clippy::panic)]

use isochrone_intake::{Limits, ReadOptions, masks, read};
use isochrone_volume::Mask;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [image, object, frame, out] = arguments.as_slice() else { panic!("masks IMAGE OBJECT FRAME_OF_REFERENCE OUT") };
    let grid = read(Path::new(image), &ReadOptions::default()).unwrap().grid().clone();
    match masks::read(&[object.into()], &grid, frame, &Limits::default()) {
        Ok(found) => {
            let numbered: Vec<(u16, &Mask)> = found.masks.iter().map(|m| (m.number as u16, &m.mask)).collect();
            isochrone_export::write_labels(Path::new(out), &grid, &numbered).unwrap();
            let names: Vec<&str> = found.masks.iter().map(|m| m.name.as_str()).collect();
            println!("{}", serde_json::json!({"names": names, "warnings": found.warnings}));
        }
        Err(error) => println!("{}", serde_json::json!({"error": error.to_string()})),
    }
}
