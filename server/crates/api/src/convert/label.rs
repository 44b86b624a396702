//! Labels: what is said of them, how they meet, and what is done to them.

use super::geometry::{finite, real, slice_axis, voxel_box};
use super::{at_most, label_name};
use crate::{ApiError, Limits, v1};
use isochrone_session::{AboutChange, Code, LabelInfo, Operation, Overlap, Session, SessionError, SetOperation};
use isochrone_volume::operations::Holes;
use isochrone_volume::{Axis, DVec3, VoxelBox};
use v1::apply_operation_request::Operation as Wire;

pub(crate) fn label(info: &LabelInfo, revision: u64) -> v1::Label {
    let [red, green, blue] = info.about.colour.map(u32::from);
    v1::Label {
        label_id: info.label,
        name: info.about.name.clone(),
        voxels: info.voxels as u64,
        volume_ml: info.volume_ml,
        revision,
        colour: Some(v1::Colour { red, green, blue }),
        category: info.about.category.as_ref().map(wire_code),
        r#type: info.about.kind.as_ref().map(wire_code),
        locked: info.about.locked,
        anatomy: info.about.anatomy.as_ref().map(wire_code),
    }
}

fn wire_code(code: &Code) -> v1::Code {
    v1::Code { value: code.value.clone(), scheme: code.scheme.clone(), meaning: code.meaning.clone() }
}

/// What a new label is called and stands for.
pub(crate) fn new_label(request: &v1::AddLabelRequest, limits: &Limits) -> Result<AboutChange, ApiError> {
    Ok(AboutChange {
        name: Some(label_name(&request.name, limits.label_name)?.to_owned()),
        colour: request.colour.as_ref().map(colour).transpose()?,
        category: request.category.as_ref().map(|c| code("category", c)).transpose()?,
        kind: request.r#type.as_ref().map(|c| code("type", c)).transpose()?,
        anatomy: request.anatomy.as_ref().map(|c| code("anatomy", c)).transpose()?,
        locked: None,
    })
}

/// What is to be said otherwise of a label.
pub(crate) fn label_change(request: &v1::UpdateLabelRequest, limits: &Limits) -> Result<AboutChange, ApiError> {
    let name = request.name.as_ref().map(|name| label_name(name, limits.label_name).map(str::to_owned));
    let change = AboutChange {
        name: name.transpose()?,
        colour: request.colour.as_ref().map(colour).transpose()?,
        category: request.category.as_ref().map(|c| code("category", c)).transpose()?,
        kind: request.r#type.as_ref().map(|c| code("type", c)).transpose()?,
        anatomy: request.anatomy.as_ref().map(|c| code("anatomy", c)).transpose()?,
        locked: request.locked,
    };
    if change == AboutChange::default() {
        return Err(ApiError::field(
            "name",
            "nothing is to be changed; set name, colour, category, type, anatomy or locked",
        ));
    }
    Ok(change)
}

fn colour(wire: &v1::Colour) -> Result<[u8; 3], ApiError> {
    let part = |name: &str, value: u32| {
        u8::try_from(value).map_err(|_| ApiError::field(format!("colour.{name}"), format!("{value}; send 0 to 255")))
    };
    Ok([part("red", wire.red)?, part("green", wire.green)?, part("blue", wire.blue)?])
}

/// A coded concept; one without a value takes the code away.
fn code(field: &str, wire: &v1::Code) -> Result<Option<Code>, ApiError> {
    let part = |name: &str, text: &str, most: usize| {
        let text = text.trim();
        // A backslash parts values in DICOM.
        let fits = (1..=most).contains(&text.chars().count()) && !text.contains(|c: char| c.is_control() || c == '\\');
        let problem = || format!("give 1 to {most} printable characters without a backslash");
        if fits { Ok(text.to_owned()) } else { Err(ApiError::field(format!("{field}.{name}"), problem())) }
    };
    if wire.value.is_empty() {
        return Ok(None);
    }
    let (value, scheme) = (part("value", &wire.value, 64)?, part("scheme", &wire.scheme, 16)?);
    Ok(Some(Code { value, scheme, meaning: part("meaning", &wire.meaning, 64)? }))
}

/// `None` leaves it to the session.
pub(crate) fn overlap(number: i32) -> Result<Option<Overlap>, ApiError> {
    match v1::Overlap::try_from(number) {
        Ok(v1::Overlap::Unspecified) => Ok(None),
        Ok(v1::Overlap::Never) => Ok(Some(Overlap::Never)),
        Ok(v1::Overlap::ReplaceUnlocked) => Ok(Some(Overlap::ReplaceUnlocked)),
        Ok(v1::Overlap::Allow) => Ok(Some(Overlap::Allow)),
        Err(_) => Err(ApiError::field(
            "overlap",
            format!("{number} is not known; send OVERLAP_NEVER, OVERLAP_REPLACE_UNLOCKED or OVERLAP_ALLOW"),
        )),
    }
}

pub(crate) fn wire_overlap(overlap: Overlap) -> v1::Overlap {
    match overlap {
        Overlap::Never => v1::Overlap::Never,
        Overlap::ReplaceUnlocked => v1::Overlap::ReplaceUnlocked,
        Overlap::Allow => v1::Overlap::Allow,
    }
}

/// An operation as it was asked for; some follow from the session's present state.
pub(crate) enum Asked {
    Island { position: DVec3, keep: bool },
    Interpolate { axis: Axis, slices: Vec<usize>, within: Option<VoxelBox> },
    Ready(Operation),
}

impl Asked {
    pub fn operation(self, session: &Session, label: u32) -> Result<Operation, SessionError> {
        match self {
            Self::Island { position, keep } => session.island(position, keep),
            Self::Interpolate { axis, slices, within } => session.interpolation(label, axis, slices, within),
            Self::Ready(operation) => Ok(operation),
        }
    }
}

pub(crate) fn operation(wire: Option<Wire>, limits: &Limits) -> Result<Asked, ApiError> {
    Ok(match wire {
        Some(Wire::Island(island)) => {
            Asked::Island { position: finite("island.position", island.position.as_ref())?, keep: island.keep }
        }
        Some(Wire::FillHoles(fill)) => Asked::Ready(Operation::FillHoles(if fill.axis == 0 {
            Holes::InVolume
        } else {
            Holes::InSlices(slice_axis("fill_holes.axis", fill.axis)?)
        })),
        Some(Wire::Smooth(smooth)) => {
            Asked::Ready(Operation::Smooth { radius_mm: real("smooth.radius_mm", smooth.radius_mm)? })
        }
        Some(Wire::Interpolate(wire)) => {
            at_most("interpolate.slices", &wire.slices, limits.slices)?;
            let within = wire.r#box.as_ref().map(|region| voxel_box("interpolate.box", Some(region))).transpose()?;
            let slices = wire.slices.iter().map(|n| *n as usize).collect();
            Asked::Interpolate { axis: slice_axis("interpolate.axis", wire.axis)?, slices, within }
        }
        Some(Wire::Combine(combine)) => {
            let how = match v1::SetOperation::try_from(combine.operation) {
                Ok(v1::SetOperation::Union) => SetOperation::Union,
                Ok(v1::SetOperation::Intersection) => SetOperation::Intersection,
                Ok(v1::SetOperation::Difference) => SetOperation::Difference,
                _ => {
                    let problem = format!(
                        "{} is not one; send SET_OPERATION_UNION, _INTERSECTION or _DIFFERENCE",
                        combine.operation
                    );
                    return Err(ApiError::field("combine.operation", problem));
                }
            };
            Asked::Ready(Operation::Combine { other: combine.other_label_id, how })
        }
        None => {
            return Err(ApiError::field(
                "operation",
                "missing, or of a kind that this server does not know; send island, fill_holes, smooth, interpolate or combine",
            ));
        }
    })
}
