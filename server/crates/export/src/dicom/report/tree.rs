//! Content items of a structured report (PS3.3 C.17.3).

use super::Measurement;
use crate::dicom::Code;
use crate::dicom::item::{Item, decimal, limited};
use dicom_core::VR;
use dicom_dictionary_std::tags;

/// How an item relates to the one it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Root,
    Contains,
    Context,
    Modifier,
}

fn item(relation: Relation, kind: &str, name: Option<&Code>) -> Item {
    let item = match relation {
        Relation::Root => Item::new(),
        Relation::Contains => Item::new().cs(tags::RELATIONSHIP_TYPE, "CONTAINS"),
        Relation::Context => Item::new().cs(tags::RELATIONSHIP_TYPE, "HAS OBS CONTEXT"),
        Relation::Modifier => Item::new().cs(tags::RELATIONSHIP_TYPE, "HAS CONCEPT MOD"),
    };
    let item = item.cs(tags::VALUE_TYPE, kind);
    match name {
        Some(name) => item.code(tags::CONCEPT_NAME_CODE_SEQUENCE, name),
        None => item,
    }
}

fn holding(item: Item, content: Vec<Item>) -> Item {
    if content.is_empty() { item } else { item.items(tags::CONTENT_SEQUENCE, content) }
}

pub(super) fn container(relation: Relation, name: &Code, template: Option<&str>, content: Vec<Item>) -> Item {
    let mut new = item(relation, "CONTAINER", Some(name)).cs(tags::CONTINUITY_OF_CONTENT, "SEPARATE");
    if let Some(template) = template {
        let named = Item::new().cs(tags::MAPPING_RESOURCE, "DCMR").cs(tags::TEMPLATE_IDENTIFIER, template);
        new = new.items(tags::CONTENT_TEMPLATE_SEQUENCE, [named]);
    }
    holding(new, content)
}

pub(super) fn text(relation: Relation, name: &Code, value: &str) -> Item {
    item(relation, "TEXT", Some(name)).text(tags::TEXT_VALUE, VR::UT, limited(value, 4096))
}

pub(super) fn uidref(relation: Relation, name: &Code, value: &str) -> Item {
    item(relation, "UIDREF", Some(name)).uid(tags::UID, value)
}

pub(super) fn code(relation: Relation, name: &Code, value: &Code) -> Item {
    item(relation, "CODE", Some(name)).code(tags::CONCEPT_CODE_SEQUENCE, value)
}

/// An image or one segment of it.
pub(super) fn image(relation: Relation, name: Option<&Code>, reference: Item, content: Vec<Item>) -> Item {
    holding(item(relation, "IMAGE", name).items(tags::REFERENCED_SOP_SEQUENCE, [reference]), content)
}

/// A number; the decimal string is short, so the value goes along in full too.
pub(super) fn num(measurement: &Measurement, content: Vec<Item>) -> Item {
    let value = Item::new()
        .text(tags::NUMERIC_VALUE, VR::DS, decimal(measurement.value))
        .put(tags::FLOATING_POINT_VALUE, VR::FD, measurement.value)
        .code(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, &measurement.unit);
    let new = item(Relation::Contains, "NUM", Some(&measurement.concept)).items(tags::MEASURED_VALUE_SEQUENCE, [value]);
    holding(new, content)
}
