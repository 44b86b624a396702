//! Values of a data set that nobody vouches for.

use dicom_core::Tag;
use dicom_object::InMemDicomObject;
use isochrone_volume::DVec3;

/// The value as text; empty if there is none.
pub(super) fn text(item: &InMemDicomObject, tag: Tag) -> String {
    let value = item.get(tag).and_then(|e| e.to_str().ok());
    value.map(|v| v.trim_matches(['\0', ' ']).to_owned()).unwrap_or_default()
}

/// A whole number.
pub(super) fn number(item: &InMemDicomObject, tag: Tag) -> Option<u32> {
    item.get(tag)?.to_int().ok()
}

/// Numbers, all finite.
pub(super) fn numbers(item: &InMemDicomObject, tag: Tag) -> Option<Vec<f64>> {
    let found = item.get(tag)?.to_multi_float64().ok()?;
    found.iter().all(|v| v.is_finite()).then_some(found)
}

/// The items of a sequence; none if it is not there.
pub(super) fn items(item: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    item.get(tag).and_then(|e| e.items()).unwrap_or_default()
}

/// The first item of a sequence.
pub(super) fn first(item: &InMemDicomObject, tag: Tag) -> Option<&InMemDicomObject> {
    items(item, tag).first()
}

/// Three numbers as a point or direction.
pub(super) fn point(values: &[f64]) -> Option<DVec3> {
    match values {
        &[x, y, z] => Some(DVec3::new(x, y, z)),
        _ => None,
    }
}
