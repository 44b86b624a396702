//! Prints what a reader would want to compare with another program, as JSON.
//!
//! `inspect IMAGE [--at x,y,z]… [--points FILE] [--dump FILE] [--modality CT|MR|PT] [--series CHOICE] [--gaps blank] [--suv off|required] [--isolated PROGRAM]`
//!
//! Points are LPS mm; a points file holds one `x y z` a line. For each, the voxel `(i, j, k)` that
//! holds it and its value, or null outside. `--dump` writes the stored voxels, little-endian, `i` fastest.

use isochrone_intake::suv::SuvUse;
use isochrone_intake::{Decoder, Image, ReadOptions, list_series};
use isochrone_volume::{DVec3, Modality, Volume, Voxels};
use serde_json::json;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|command| command == "decode") {
        return isochrone_intake::run_child();
    }
    match inspect() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn inspect() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let image =
        arguments.next().ok_or("usage: inspect IMAGE [--at x,y,z] [--points FILE] [--dump FILE] [--modality CODE]")?;
    let mut options = ReadOptions::default();
    let mut points = Vec::new();
    let mut dump = None;
    let mut decoder = Decoder::InProcess;
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or("an option needs a value")?;
        match flag.as_str() {
            "--at" => points.push(point(&value, ',')?),
            "--points" => {
                for line in fs::read_to_string(value)?.lines() {
                    points.push(point(line, ' ')?);
                }
            }
            "--dump" => dump = Some(value),
            "--series" if value == "list" => {
                println!("{}", serde_json::to_string(&list_series(&[image.into()], &options)?)?);
                return Ok(());
            }
            "--series" => options.series = Some(value),
            "--isolated" => decoder = Decoder::child(value.into()),
            "--gaps" => options.blank_gaps = value == "blank",
            "--suv" => options.suv.wanted = if value == "off" { SuvUse::Off } else { SuvUse::Required },
            "--modality" => options.modality = Modality::from_code(&value),
            _ => return Err("unknown option".into()),
        }
    }
    let started = std::time::Instant::now();
    let Image { volume, series } = decoder.read(&[Path::new(&image).to_owned()], &options)?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    if let Some(file) = dump {
        fs::write(file, stored_bytes(volume.voxels()))?;
    }
    let hits: Vec<_> = points.iter().map(|p| hit(&volume, *p)).collect();
    let report = json!({
        "size": volume.grid().size(),
        "world_from_voxel": volume.grid().world_from_voxel().to_cols_array(),
        "scalar": volume.voxels().scalar_name(),
        "rescale": [volume.rescale().slope, volume.rescale().intercept],
        "modality": volume.modality().code(),
        "quantity": format!("{:?}", volume.quantity()),
        "inferred": volume.origin().inferred,
        "warnings": volume.origin().warnings,
        "frame_of_reference": volume.frame_of_reference(),
        "series": series,
        "milliseconds": milliseconds,
        "points": hits,
    });
    println!("{report}");
    Ok(())
}

fn point(text: &str, separator: char) -> Result<DVec3, Box<dyn Error>> {
    let numbers: Vec<f64> = text.split(separator).map(|n| n.trim().parse()).collect::<Result<_, _>>()?;
    let [x, y, z] = numbers.as_slice() else { return Err("a point has three coordinates".into()) };
    Ok(DVec3::new(*x, *y, *z))
}

fn hit(volume: &Volume, point: DVec3) -> serde_json::Value {
    match volume.grid().voxel_at(point) {
        Some(voxel) => json!({ "voxel": voxel, "value": volume.value(voxel) }),
        None => json!(null),
    }
}

fn stored_bytes(voxels: &Voxels) -> Vec<u8> {
    match voxels {
        Voxels::U8(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Voxels::I8(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Voxels::U16(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Voxels::I16(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Voxels::U32(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Voxels::I32(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Voxels::U64(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Voxels::I64(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Voxels::F32(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Voxels::F64(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}
