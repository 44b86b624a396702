//! Reads the masks of a DICOM object onto an image's grid and writes them as a label map; for the tests.
//!
//!     masks IMAGE OBJECT FRAME_OF_REFERENCE OUT.nrrd
#![allow(clippy::unwrap_used, clippy::panic)]

use isochrone_intake::masks::from_object;
use isochrone_intake::{ReadOptions, read};
use isochrone_volume::Mask;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [image, object, frame, out] = arguments.as_slice() else { panic!("masks IMAGE OBJECT FRAME_OF_REFERENCE OUT") };
    let grid = read(Path::new(image), &ReadOptions::default()).unwrap().grid().clone();
    let object = dicom_object::open_file(object).unwrap();
    let pixels = object.get(dicom_dictionary_std::tags::PIXEL_DATA).map(|e| e.to_bytes().unwrap().into_owned());
    match from_object(&object, &pixels.unwrap_or_default(), &grid, frame) {
        Ok(found) => {
            let masks: Vec<(u16, &Mask)> = found.masks.iter().map(|m| (m.number as u16, &m.mask)).collect();
            isochrone_export::write_labels(Path::new(out), &grid, &masks).unwrap();
            let names: Vec<&str> = found.masks.iter().map(|m| m.name.as_str()).collect();
            println!("{}", serde_json::json!({"names": names, "warnings": found.warnings}));
        }
        Err(error) => println!("{}", serde_json::json!({"error": error.to_string()})),
    }
}
