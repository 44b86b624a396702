//! `isochrone info`: what the server would make of an image.

use super::series::ImageArgs;
use super::shared::{self, Point};
use clap::Args;
use isochrone_volume::{DVec3, Grid, Quantity, Volume, VoxelBox};
use serde_json::{Value, json};

/// Says what an image is and where it lies: size, spacing, orientation, modality, range, warnings.
#[derive(Debug, Args)]
pub struct InfoArgs {
    #[command(flatten)]
    image: ImageArgs,
    /// Voxel and value at a place in LPS mm; can be repeated.
    #[arg(long, value_name = "X,Y,Z", allow_hyphen_values = true)]
    at: Vec<Point>,
    /// Machine-readable.
    #[arg(long)]
    json: bool,
}

/// Prints the report.
///
/// # Errors
/// The image cannot be read.
pub fn run(args: &InfoArgs) -> anyhow::Result<()> {
    let volume = args.image.load()?;
    let mut report =
        if args.json { serde_json::to_string_pretty(&as_json(&volume, &args.at))? } else { as_text(&volume, args) };
    report.push('\n');
    Ok(shared::print(&report)?)
}

fn as_json(volume: &Volume, at: &[Point]) -> Value {
    let grid = volume.grid();
    let m = grid.world_from_voxel();
    let rows = [0, 1, 2].map(|r| {
        let row = m.matrix3.row(r);
        [row.x, row.y, row.z, m.translation.to_array().get(r).copied().unwrap_or_default()]
    });
    let (low, high) = grid.bounds_mm();
    let places: Vec<Value> = at
        .iter()
        .map(|&Point(p)| {
            let voxel = grid.voxel_at(p);
            json!({"lps_mm": p.to_array(), "voxel": voxel, "value": voxel.and_then(|v| volume.value(v))})
        })
        .collect();
    json!({
        "size": grid.size(),
        "spacing_mm": grid.spacing_mm(),
        "orientation": orientation(grid),
        "oblique": is_oblique(grid),
        "orthogonal": grid.is_orthogonal(),
        "world_from_voxel_lps_mm": rows,
        "bounds_lps_mm": [low.to_array(), high.to_array()],
        "scalar_type": volume.voxels().scalar_name(),
        "slope": volume.rescale().slope,
        "intercept": volume.rescale().intercept,
        "modality": volume.modality().code(),
        "quantity": quantity(volume.quantity()),
        "inferred": volume.origin().inferred,
        "range": range(volume),
        "frame_of_reference_uid": volume.frame_of_reference(),
        "content_blake3": hex(&volume.content_hash()),
        "warnings": volume.origin().warnings,
        "at": places,
    })
}

fn as_text(volume: &Volume, args: &InfoArgs) -> String {
    let grid = volume.grid();
    let mut lines = Vec::new();
    let mut line = |name: &str, text: String| lines.push(format!("{name:<20} {text}"));
    line("image", args.image.image.display().to_string());
    line("size", format!("{} voxels (i, j, k)", grid.size().map(|n| n.to_string()).join(" × ")));
    line("spacing", format!("{} mm", shared::times(grid.spacing_mm(), 4)));
    let kind = match (grid.is_orthogonal(), is_oblique(grid)) {
        (false, _) => ", tilted gantry",
        (true, true) => ", oblique",
        (true, false) => "",
    };
    line("orientation", format!("{} (where i, j and k go){kind}", orientation(grid)));
    let m = grid.world_from_voxel();
    for (n, name) in ["world from voxel", "", ""].into_iter().enumerate() {
        let row = m.matrix3.row(n);
        let shift = m.translation.to_array().get(n).copied().unwrap_or_default();
        line(
            name,
            format!(
                "{:10.5} {:10.5} {:10.5} {shift:12.5}{}",
                row.x,
                row.y,
                row.z,
                if n == 0 { "   LPS mm" } else { "" }
            ),
        );
    }
    let (low, high) = grid.bounds_mm();
    line("bounds", format!("{} to {} LPS mm", shared::place(low), shared::place(high)));
    line("stored as", format!("{}{}", volume.voxels().scalar_name(), rescale(volume)));
    let inferred = if volume.origin().inferred { " (inferred from the values; --modality says better)" } else { "" };
    line("modality", format!("{}, {}{inferred}", volume.modality().code(), quantity(volume.quantity())));
    if let Some([low, high]) = range(volume) {
        line("range", format!("{low} to {high}"));
    }
    line("frame of reference", volume.frame_of_reference().to_owned());
    line("content", format!("blake3 {}", hex(&volume.content_hash())));
    for warning in &volume.origin().warnings {
        line("warning", warning.clone());
    }
    for &Point(p) in &args.at {
        line("at", format!("{}: {}", shared::place(p), value_at(volume, p)));
    }
    lines.join("\n")
}

fn value_at(volume: &Volume, p: DVec3) -> String {
    match volume.grid().voxel_at(p).and_then(|v| Some((v, volume.value(v)?))) {
        Some(([i, j, k], value)) => format!("voxel ({i}, {j}, {k}), value {value}"),
        None => "outside the image".to_owned(),
    }
}

fn rescale(volume: &Volume) -> String {
    let r = volume.rescale();
    if r == isochrone_volume::Rescale::IDENTITY {
        String::new()
    } else {
        format!(", value = {} · stored + {}", r.slope, r.intercept)
    }
}

/// Patient directions (nearest ones) in which `i`, `j` and `k` grow: `LPS` for a plain axial series.
fn orientation(grid: &Grid) -> String {
    let d = grid.direction();
    [d.x_axis, d.y_axis, d.z_axis].map(letter).iter().collect()
}

fn letter(direction: DVec3) -> char {
    let a = direction.abs();
    let pick = |v: f64, up, down| if v > 0.0 { up } else { down };
    if a.x >= a.y && a.x >= a.z {
        pick(direction.x, 'L', 'R')
    } else if a.y >= a.z {
        pick(direction.y, 'P', 'A')
    } else {
        pick(direction.z, 'S', 'I')
    }
}

fn is_oblique(grid: &Grid) -> bool {
    let d = grid.direction();
    // The sine of about 0.06 degrees.
    [d.x_axis, d.y_axis, d.z_axis].iter().any(|axis| axis.abs().max_element() < 1.0 - 5e-7)
}

fn quantity(q: Quantity) -> &'static str {
    match q {
        Quantity::Hounsfield => "Hounsfield units",
        Quantity::SuvBw => "SUV by body weight (g/mL)",
        Quantity::Arbitrary => "arbitrary units",
    }
}

/// Smallest and largest finite value; slice by slice, so that no float copy of the image is made.
fn range(volume: &Volume) -> Option<[f32; 2]> {
    let [ni, nj, nk] = volume.grid().size();
    let mut found: Option<[f32; 2]> = None;
    for k in 0..nk {
        let slice = volume.values(&VoxelBox { min: [0, 0, k], max: [ni, nj, k + 1] });
        for &v in slice.iter().filter(|v| v.is_finite()) {
            found = Some(found.map_or([v, v], |[low, high]| [low.min(v), high.max(v)]));
        }
    }
    found
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use isochrone_volume::{DAffine3, DMat3};

    #[test]
    fn orientation_names_where_the_axes_go() {
        let grid = |m: DMat3| Grid::new([4, 5, 6], DAffine3 { matrix3: m, translation: DVec3::ZERO }).unwrap();
        assert_eq!(orientation(&grid(DMat3::IDENTITY)), "LPS");
        assert_eq!(orientation(&grid(DMat3::from_diagonal(DVec3::new(-1.0, -1.0, 1.0)))), "RAS");
        let sagittal = DMat3::from_cols(DVec3::Y, -DVec3::Z, DVec3::X);
        assert_eq!(orientation(&grid(sagittal)), "PIL");
        let turned = grid(DMat3::from_rotation_z(0.2));
        assert!(is_oblique(&turned) && turned.is_orthogonal());
        assert_eq!(orientation(&turned), "LPS");
    }
}
