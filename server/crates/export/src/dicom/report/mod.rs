//! Measurements as a structured report by template 1500, "Measurement Report" (PS3.16).

mod tree;

use super::item::Item;
use super::object::{Draft, Kind, MANUFACTURER};
use super::{Code, Object, Segment, Series};
use crate::ExportError;
use chrono::Local;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use isochrone_intake::suv::{SuvReport, SuvValue};
use isochrone_measure::{MeasureError, Measures};
use isochrone_volume::{Mask, Quantity, Volume};
use tree::{Relation, code, container, image, num, text, uidref};

/// One number with its meaning and unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// What is measured, such as volume or SUVbw.
    pub concept: Code,
    /// How many values became one: mean, maximum, …
    pub derivation: Option<Code>,
    /// Unit (UCUM).
    pub unit: Code,
    /// The number.
    pub value: f64,
}

/// The measurements of one segment, or of all lesions together.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub segment: Segment,
    /// Its number in the segmentation object; `None`: all segments together.
    pub number: Option<u16>,
    /// The numbers.
    pub measurements: Vec<Measurement>,
}

const VOLUME: Code = Code::sct("118565006", "Volume");
const MAXIMUM: Code = Code::sct("56851009", "Maximum");
const MINIMUM: Code = Code::sct("255605001", "Minimum");
const MEAN: Code = Code::sct("373098007", "Mean");
const DEVIATION: Code = Code::sct("386136009", "Standard Deviation");

impl Measurement {
    /// Everything that a mask measured, in the order in which readers expect it.
    #[must_use]
    pub fn of(found: &Measures) -> Vec<Self> {
        let one =
            |concept: Code, derivation: Option<Code>, unit: Code, value: f64| Self { concept, derivation, unit, value };
        let ml = Code::ucum("ml", "milliliter");
        let mut all = vec![one(VOLUME, None, ml.clone(), found.volume_ml)];
        let (value, unit) = match found.quantity {
            Quantity::SuvBw => {
                (Code::dcm("126401", "SUVbw"), Code::ucum("{SUVbw}g/ml", "Standardized Uptake Value body weight"))
            }
            Quantity::Hounsfield => {
                (Code::dcm("110850", "X-Ray Attenuation"), Code::ucum("[hnsf'U]", "Hounsfield unit"))
            }
            Quantity::Arbitrary => (Code::dcm("110852", "MR signal intensity"), Code::ucum("1", "no units")),
        };
        let values = [(MAXIMUM, found.max), (MEAN, found.mean), (MINIMUM, found.min), (DEVIATION, found.deviation)];
        all.extend(values.map(|(derivation, v)| one(value.clone(), Some(derivation), unit.clone(), v)));
        if let Some(peak) = found.peak {
            all.push(one(value, Some(Code::dcm("126031", "Peak Value Within ROI")), unit, peak));
        }
        if let Some(glycolysis) = found.glycolysis {
            all.push(one(Code::dcm("126032", "Metabolic Volume"), None, ml, found.volume_ml));
            all.push(one(Code::dcm("126033", "Total Lesion Glycolysis"), None, Code::ucum("g", "gram"), glycolysis));
        }
        all
    }
}

/// Measures every segment on its image, and all of them together where there is anything to measure. Segments are
/// numbered as [`segmentation`](super::segmentation) does.
///
/// # Errors
/// A mask on another grid than the image.
pub fn measured(volume: &Volume, segments: &[(Segment, &Mask)]) -> Result<Vec<Measured>, MeasureError> {
    let mut found = Vec::new();
    for (number, (segment, mask)) in (1u16..).zip(segments) {
        if let Some(measures) = isochrone_measure::measure(volume, mask)? {
            let measurements = Measurement::of(&measures);
            found.push(Measured { segment: segment.clone(), number: Some(number), measurements });
        }
    }
    let masks: Vec<&Mask> = segments.iter().map(|(_, mask)| *mask).collect();
    let algorithm = segments.first().map(|(segment, _)| segment.algorithm.clone()).unwrap_or_default();
    if let Some(measures) = isochrone_measure::total(volume, &masks)? {
        let segment = Segment::lesion(0, "All lesions", algorithm);
        found.push(Measured { segment, number: None, measurements: Measurement::of(&measures) });
    }
    Ok(found)
}

/// A Comprehensive 3D SR of measurements. `segmentation` is the object that holds the segments; it goes to the
/// same PACS. A comment says how SUV was worked out, and which values were set by hand.
///
/// # Errors
/// Nothing was measured.
pub fn report(series: &Series, segmentation: &Object, measured: &[Measured]) -> Result<Object, ExportError> {
    if measured.iter().all(|m| m.measurements.is_empty()) {
        return Err(ExportError::Empty);
    }
    let kind = Kind {
        sop_class_uid: uids::COMPREHENSIVE3_DSR_STORAGE,
        modality: "SR",
        description: "Measurements".to_owned(),
        series_number: 9300,
    };
    let now = Local::now();
    let mut content = vec![
        code(
            Relation::Modifier,
            &Code::dcm("121049", "Language of Content Item and Descendants"),
            &Code::of("en", "RFC5646", "English"),
        ),
        code(Relation::Context, &Code::dcm("121005", "Observer Type"), &Code::dcm("121007", "Device")),
        uidref(Relation::Context, &Code::dcm("121012", "Device Observer UID"), DEVICE_UID),
        text(Relation::Context, &Code::dcm("121013", "Device Observer Name"), "Isochrone"),
        text(Relation::Context, &Code::dcm("121014", "Device Observer Manufacturer"), MANUFACTURER),
        text(Relation::Context, &Code::dcm("121015", "Device Observer Model Name"), env!("CARGO_PKG_VERSION")),
        code(
            Relation::Modifier,
            &Code::dcm("121058", "Procedure reported"),
            &Code::sct("363679005", "Imaging procedure"),
        ),
        library(series),
        container(
            Relation::Contains,
            &Code::dcm("126010", "Imaging Measurements"),
            None,
            measured.iter().map(|m| group(series, segmentation, m)).collect(),
        ),
    ];
    if let Some(suv) = &series.info.suv {
        content.push(text(Relation::Contains, &Code::dcm("121106", "Comment"), &suv_note(suv)));
    }
    let root = container(Relation::Root, &Code::dcm("126000", "Imaging Measurement Report"), Some("1500"), content);
    Draft::new(series, kind)
        .with(|item| {
            item.text(tags::CONTENT_DATE, VR::DA, super::object::date(&now))
                .text(tags::CONTENT_TIME, VR::TM, super::object::time(&now))
                .cs(tags::COMPLETION_FLAG, "COMPLETE")
                .cs(tags::VERIFICATION_FLAG, "UNVERIFIED")
                .items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, [])
                .items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, [])
                .items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, [evidence(series, segmentation)])
                .with(root)
        })
        .finish()
}

/// Every value that SUV was worked out from, those set by hand first.
fn suv_note(suv: &SuvReport) -> String {
    let (by_hand, read): (Vec<_>, Vec<_>) = suv.values.iter().partition(|v| v.by_hand);
    let one = |v: &SuvValue| format!("{} {} ({})", v.name, v.value, v.from);
    let all: Vec<String> = by_hand.into_iter().chain(read).map(one).collect();
    format!("SUV: {}", all.join("; "))
}

/// This program, as an observer.
const DEVICE_UID: &str = "2.25.228013420186206405196174937187912411931";

/// Template 1600: the images that were looked at.
fn library(series: &Series) -> Item {
    let modality = match series.modality() {
        "" => Vec::new(),
        code_value => vec![code(
            Relation::Context,
            &Code::dcm("121139", "Modality"),
            &Code::of(code_value, "DCM", modality_meaning(code_value)),
        )],
    };
    let entries = series.images().map(|reference| image(Relation::Contains, None, reference, Vec::new()));
    let group = container(
        Relation::Contains,
        &Code::dcm("126200", "Image Library Group"),
        None,
        modality.into_iter().chain(entries).collect(),
    );
    container(Relation::Contains, &Code::dcm("111028", "Image Library"), Some("1600"), vec![group])
}

fn modality_meaning(code: &str) -> &'static str {
    match code {
        "CT" => "Computed Tomography",
        "MR" => "Magnetic Resonance",
        "PT" => "Positron emission tomography",
        _ => "Other Modality",
    }
}

/// Template 1411 for one segment, 1501 for all of them together.
fn group(series: &Series, segmentation: &Object, measured: &Measured) -> Item {
    let segment = &measured.segment;
    let mut content = vec![
        text(Relation::Context, &Code::dcm("112039", "Tracking Identifier"), &segment.label()),
        uidref(Relation::Context, &Code::dcm("112040", "Tracking Unique Identifier"), &segment.tracking_uid),
        code(Relation::Contains, &Code::sct("276214006", "Finding category"), &segment.category),
        code(Relation::Contains, &Code::dcm("121071", "Finding"), &segment.kind),
    ];
    if let Some(site) = &segment.anatomy {
        content.push(code(Relation::Contains, &Code::sct("363698007", "Finding Site"), site));
    }
    if let Some(number) = measured.number {
        let reference = Item::new()
            .uid(tags::REFERENCED_SOP_CLASS_UID, &*segmentation.sop_class_uid)
            .uid(tags::REFERENCED_SOP_INSTANCE_UID, &*segmentation.sop_instance_uid)
            .us(tags::REFERENCED_SEGMENT_NUMBER, number);
        content.push(image(
            Relation::Contains,
            Some(&Code::dcm("121191", "Referenced Segment")),
            reference,
            Vec::new(),
        ));
        content.push(uidref(
            Relation::Contains,
            &Code::dcm("121232", "Source series for segmentation"),
            &series.info.series_uid,
        ));
    }
    let algorithm = &segment.algorithm;
    content.extend(measured.measurements.iter().map(|m| {
        let mut about: Vec<Item> = m
            .derivation
            .iter()
            .map(|derivation| code(Relation::Modifier, &Code::dcm("121401", "Derivation"), derivation))
            .collect();
        about.push(text(Relation::Modifier, &Code::dcm("111001", "Algorithm Name"), &algorithm.name()));
        about.push(text(Relation::Modifier, &Code::dcm("111003", "Algorithm Version"), env!("CARGO_PKG_VERSION")));
        num(m, about)
    }));
    let template = if measured.number.is_some() { "1411" } else { "1501" };
    container(Relation::Contains, &Code::dcm("125007", "Measurement Group"), Some(template), content)
}

/// Everything that the report refers to, by study and series.
fn evidence(series: &Series, segmentation: &Object) -> Item {
    let of = |uid: &str, instances: Vec<Item>| {
        Item::new().uid(tags::SERIES_INSTANCE_UID, uid).items(tags::REFERENCED_SOP_SEQUENCE, instances)
    };
    let segments = Item::new()
        .uid(tags::REFERENCED_SOP_CLASS_UID, &*segmentation.sop_class_uid)
        .uid(tags::REFERENCED_SOP_INSTANCE_UID, &*segmentation.sop_instance_uid);
    let all = [of(&series.info.series_uid, series.instances()), of(&segmentation.series_uid, vec![segments])];
    Item::new().uid(tags::STUDY_INSTANCE_UID, &*series.info.study_uid).items(tags::REFERENCED_SERIES_SEQUENCE, all)
}
