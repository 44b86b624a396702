//! What the subcommands share: reading an image, checking where results go, printing.

use super::Usage;
use indicatif::{ProgressBar, ProgressStyle};
use isochrone_volume::{Axis, DVec3, Grid, Modality};
use std::io::Write;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// A sign of life on a terminal; nothing elsewhere.
pub fn spinner(text: String) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(text);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A bar of `steps` on a terminal; nothing elsewhere.
pub fn bar(steps: u64, text: String) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps).with_style(style).with_message(text)
}

/// Reads a modality for clap: `CT`, `MR` (or `MRI`), `PT` (or `PET`), `OT`.
///
/// # Errors
/// Any other word.
pub fn modality(text: &str) -> Result<Modality, String> {
    Modality::from_code(text).ok_or_else(|| format!("{text:?} is not a modality: write CT, MR, PT or OT"))
}

/// A place in LPS mm, written `x,y,z`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point(pub DVec3);

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<f64>> =
            text.split(',').map(|p| p.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect();
        match numbers.as_deref() {
            Some(&[x, y, z]) => Ok(Self(DVec3::new(x, y, z))),
            _ => Err(format!("{text:?} is not a place: write x,y,z in mm (LPS), such as 12.5,-30,88")),
        }
    }
}

/// Refuses an output path before hours of work go into it: a wrong ending, or a file that is there.
///
/// # Errors
/// As said.
pub fn check_output(path: &Path, force: bool) -> Result<(), Usage> {
    let wrong = |why| Err(Usage(why));
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    if !(name.ends_with(".nii") || name.ends_with(".nii.gz")) {
        return wrong(format!("{} cannot be written: name a file that ends in .nii or .nii.gz", path.display()));
    }
    if !force && path.exists() {
        return wrong(format!("{} is there already: name another file, or add --force to replace it", path.display()));
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            wrong(format!("{} is not a folder: make it first, or name another file", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Prints a report. That nobody reads on (`isochrone info … | head`) is no error.
///
/// # Errors
/// The output cannot be written.
pub fn print(report: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(report.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// `a × b × c` with as many decimals as it takes.
pub fn times(values: [f64; 3], decimals: usize) -> String {
    values.map(|v| format!("{v:.decimals$}")).join(" × ")
}

/// `(x, y, z)` with two decimals.
pub fn place(p: DVec3) -> String {
    format!("({:.2}, {:.2}, {:.2})", p.x, p.y, p.z)
}

/// What a reader calls the slices along an axis: axial, coronal or sagittal, whichever is nearest.
pub fn plane(grid: &Grid, axis: Axis) -> &'static str {
    let d = grid.direction();
    let along = match axis {
        Axis::I => d.x_axis,
        Axis::J => d.y_axis,
        Axis::K => d.z_axis,
    };
    let a = along.abs();
    if a.z >= a.x && a.z >= a.y {
        "axial"
    } else if a.y >= a.x {
        "coronal"
    } else {
        "sagittal"
    }
}

/// The middle value (the mean of the middle two); 0 if there is none. Sorts.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let upper = values.len() / 2;
    let lower = values.len().saturating_sub(1) / 2;
    let at = |n: usize| values.get(n).copied().unwrap_or_default();
    f64::midpoint(at(lower), at(upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_three_finite_numbers() {
        assert_eq!("-1, -2.5,3".parse::<Point>(), Ok(Point(DVec3::new(-1.0, -2.5, 3.0))));
        for wrong in ["", "1,2", "1,2,3,4", "1,2,x", "1,2,NaN", "1,2,inf"] {
            assert!(wrong.parse::<Point>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_median_of_few() {
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn an_output_is_refused_before_the_work() {
        let there = std::env::current_exe().unwrap();
        assert!(check_output(Path::new("mask.nrrd"), false).is_err());
        assert!(check_output(&there.with_file_name("none").join("mask.nii"), false).is_err());
        assert!(check_output(&there.with_file_name("not-there.nii.gz"), false).is_ok());
        assert!(check_output(Path::new("mask.nii.gz"), false).is_ok());
    }
}
