use super::fields::Fields;
use super::terms;
use crate::IntakeError;
use isochrone_volume::{DAffine3, DMat3, DVec3};

/// NRRD_DIM_MAX of the format.
const MAX_DIMENSIONS: usize = 16;

/// Size and place of the one 3-D frame.
pub(super) struct Frame {
    /// Voxels along `(i, j, k)`.
    pub(super) size: [u64; 3],
    /// Voxel `(i, j, k)` to LPS mm.
    pub(super) world_from_voxel: DAffine3,
}

/// One axis of the array.
struct AxisFields<'a> {
    size: u64,
    kind: Option<&'a str>,
    direction: Option<DVec3>,
    spacing: Option<f64>,
}

/// Size and geometry; axes that are not spatial must have one element.
pub(super) fn frame(fields: &Fields, warnings: &mut Vec<String>) -> Result<Frame, IntakeError> {
    let axes = axes(fields)?;
    let directed = axes.iter().any(|a| a.direction.is_some());
    let dimensions = axes.len();
    if axes.iter().any(|a| is_colour(a.kind) && a.size > 1) {
        return Err(IntakeError::unsupported("A colour or vector image", "save one channel, or a grey-scale image"));
    }
    let surplus = dimensions.saturating_sub(3);
    let mut frames = 1u64;
    let mut dropped = 0;
    let mut kept = Vec::new();
    for axis in axes.iter().rev() {
        let spatial = if directed {
            axis.direction.is_some()
        } else {
            !is_list(axis.kind) && (dropped >= surplus || axis.size > 1)
        };
        if spatial {
            kept.push(axis);
        } else {
            dropped += 1;
            frames = frames.saturating_mul(axis.size);
        }
    }
    kept.reverse();
    if frames > 1 {
        return Err(IntakeError::Frames { dimensions, frames });
    }
    let [x, y, z] = kept.as_slice() else {
        if kept.len() > 3 {
            let frames = kept.iter().skip(3).fold(1u64, |n, a| n.saturating_mul(a.size));
            return Err(IntakeError::Frames { dimensions, frames });
        }
        return Err(IntakeError::unsupported(
            format!("An image with {} spatial axes", kept.len()),
            "save it as a 3-D image",
        ));
    };
    let world_from_voxel = match (x.direction, y.direction, z.direction) {
        (Some(x), Some(y), Some(z)) => directed_affine(fields, DMat3::from_cols(x, y, z), warnings)?,
        _ => spaced_affine([x.spacing, y.spacing, z.spacing], warnings)?,
    };
    Ok(Frame { size: [x.size, y.size, z.size], world_from_voxel })
}

fn axes(fields: &Fields) -> Result<Vec<AxisFields<'_>>, IntakeError> {
    let dimension = fields.required("dimension")?.parse::<usize>().ok().filter(|n| (1..=MAX_DIMENSIONS).contains(n));
    let Some(dimension) = dimension else {
        return Err(IntakeError::header("dimension", format!("it is not a number from 1 to {MAX_DIMENSIONS}")));
    };
    let many = |field: &'static str, n: usize| {
        if n == dimension {
            return Ok(());
        }
        Err(IntakeError::header(field, format!("it has {n} entries for {dimension} dimensions")))
    };
    let sizes: Vec<&str> = fields.required("sizes")?.split_whitespace().collect();
    many("sizes", sizes.len())?;
    let spacings: Vec<&str> = fields.get("spacings").unwrap_or_default().split_whitespace().collect();
    let kinds: Vec<&str> = fields.get("kinds").unwrap_or_default().split_whitespace().collect();
    let directions = fields.get("space directions").map(vectors).transpose()?.unwrap_or_default();
    for (field, n) in [("spacings", spacings.len()), ("kinds", kinds.len()), ("space directions", directions.len())] {
        if n > 0 {
            many(field, n)?;
        }
    }
    let mut axes = Vec::with_capacity(dimension);
    for (n, size) in sizes.iter().enumerate() {
        let Some(size) = size.parse::<u64>().ok().filter(|&n| n > 0) else {
            return Err(IntakeError::header("sizes", format!("axis {} has no number of voxels", n + 1)));
        };
        axes.push(AxisFields {
            size,
            kind: kinds.get(n).copied(),
            direction: directions.get(n).copied().flatten(),
            spacing: spacings.get(n).and_then(|s| s.parse().ok()),
        });
    }
    Ok(axes)
}

/// Kinds whose elements belong to one sample.
fn is_colour(kind: Option<&str>) -> bool {
    let Some(kind) = kind else { return false };
    let kind = kind.to_ascii_lowercase();
    let samples = [
        "color",
        "colour",
        "rgb",
        "rgba",
        "hsv",
        "xyz",
        "vector",
        "covariant-vector",
        "normal",
        "complex",
        "quaternion",
        "point",
    ];
    samples.iter().any(|s| kind == *s)
        || kind.ends_with("-color")
        || kind.ends_with("-vector")
        || kind.contains("-matrix")
}

fn is_list(kind: Option<&str>) -> bool {
    let Some(kind) = kind else { return false };
    matches!(kind.to_ascii_lowercase().as_str(), "list" | "time" | "stub" | "scalar") || is_colour(Some(kind))
}

fn directed_affine(fields: &Fields, directions: DMat3, warnings: &mut Vec<String>) -> Result<DAffine3, IntakeError> {
    let signs = match fields.get("space") {
        Some(name) => {
            let (signs, settled) = terms::space(name)?;
            if !settled {
                warnings.push("The header's space is not a patient's: its axes were taken as left, posterior, superior. Check left and right before use".to_owned());
            }
            signs
        }
        None => {
            warnings.push(
                "The header names no space: its axes were taken as left, posterior, superior. Check left and right before use".to_owned(),
            );
            [1.0; 3]
        }
    };
    let origin = match fields.get("space origin").map(vectors).transpose()?.as_deref() {
        Some([Some(origin)]) => *origin,
        Some(_) => return Err(IntakeError::header("space origin", "it is not one vector of three numbers")),
        None => {
            warnings.push("The header has no space origin: the first voxel was put at 0, 0, 0".to_owned());
            DVec3::ZERO
        }
    };
    let lps = DMat3::from_diagonal(DVec3::from_array(signs));
    let mm = unit_mm(fields, warnings)?;
    Ok(DAffine3 { matrix3: lps * directions * mm, translation: lps * origin * mm })
}

fn spaced_affine(spacings: [Option<f64>; 3], warnings: &mut Vec<String>) -> Result<DAffine3, IntakeError> {
    let [Some(x), Some(y), Some(z)] = spacings.map(|s| s.filter(|s| s.is_finite() && *s > 0.0)) else {
        return Err(IntakeError::header(
            "space directions",
            "they are missing, and so is the voxel size (spacings), so a mask could not be placed",
        ));
    };
    warnings.push(
        "The header gives voxel sizes but no orientation: the axes were taken as left, posterior, superior from 0, 0, 0. \
         Check left and right before use"
            .to_owned(),
    );
    Ok(DAffine3::from_mat3(DMat3::from_diagonal(DVec3::new(x, y, z))))
}

fn unit_mm(fields: &Fields, warnings: &mut Vec<String>) -> Result<f64, IntakeError> {
    let Some(text) = fields.get("space units") else { return Ok(1.0) };
    let mut units = text.split('"').skip(1).step_by(2).map(|u| u.trim().to_ascii_lowercase());
    let first = units.next().unwrap_or_default();
    if units.any(|u| u != first) {
        return Err(IntakeError::unsupported("An image with different units along its axes", "save it in mm"));
    }
    Ok(terms::unit_mm(&first).unwrap_or_else(|| {
        warnings.push("The unit of length is not known; millimetres were assumed".to_owned());
        1.0
    }))
}

/// `(x,y,z)` vectors and `none` entries, separated by blanks.
fn vectors(text: &str) -> Result<Vec<Option<DVec3>>, IntakeError> {
    let wrong = || IntakeError::header("space directions, space origin", "a vector is not none or (x,y,z)");
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("none") {
            out.push(None);
            rest = after.trim_start();
            continue;
        }
        let (inside, after) = rest.strip_prefix('(').and_then(|r| r.split_once(')')).ok_or_else(wrong)?;
        let numbers: Vec<f64> =
            inside.split(',').map(|n| n.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let [x, y, z] = numbers.as_slice() else { return Err(wrong()) };
        out.push(Some(DVec3::new(*x, *y, *z)));
        rest = after.trim_start();
        if out.len() > MAX_DIMENSIONS {
            return Err(wrong());
        }
    }
    Ok(out)
}
