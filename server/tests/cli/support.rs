//! Running the program, and an image to run it on.

use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels};
use ndarray::Array3;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a run ended.
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// What it printed, if all went well.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// What it complained of, with the exit code expected.
    #[track_caller]
    pub fn bad(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isochrone"));
    command.args(args).env("RUST_LOG", "warn").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn isochrone(args: &[&str]) -> Outcome {
    isochrone_at(Path::new("."), args)
}

/// Runs the program to its end in a folder.
pub fn isochrone_at(folder: &Path, args: &[&str]) -> Outcome {
    let output = command(args).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs the program with nobody at the other end of its output.
pub fn with_closed_stdout(args: &[&str]) -> Outcome {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Outcome { code: output.status.code(), stdout: String::new(), stderr }
}

/// A ball of 12 mm radius and 60 HU in lung of −800 HU, round (−8, −12, 20) mm; 2 mm voxels from (−40, −40, 0).
pub fn ball(folder: &Path) -> String {
    let affine =
        DAffine3 { matrix3: DMat3::from_diagonal(DVec3::splat(2.0)), translation: DVec3::new(-40.0, -40.0, 0.0) };
    let grid = Grid::new([32, 28, 20], affine).unwrap();
    let voxels = Array3::from_shape_fn(grid.shape(), |(k, j, i)| {
        let inside = (grid.centre_mm([i, j, k]) - DVec3::new(-8.0, -12.0, 20.0)).length() <= 12.0;
        if inside { 60i16 } else { -800 }
    });
    let origin = VolumeOrigin {
        modality: Modality::Ct,
        quantity: Quantity::Hounsfield,
        inferred: false,
        frame_of_reference: None,
        warnings: Vec::new(),
    };
    let volume = Volume::new(grid, Voxels::I16(voxels), Rescale::IDENTITY, origin).unwrap();
    let path = folder.join("ball.nii.gz");
    isochrone_export::write_volume(&path, &volume).unwrap();
    path.display().to_string()
}
