use crate::IntakeError;
use crate::dicom::{Fields, Instance};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use dicom_dictionary_std::tags;
use serde::{Deserialize, Serialize};

const ENHANCED_PET: &str = "1.2.840.10008.5.1.4.1.1.130";

/// What a PET series says about itself, as far as SUV needs it. Absent and empty are the same.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PetFacts {
    /// Units (0054,1001).
    pub units: String,
    /// Corrected Image (0028,0051).
    pub corrections: Vec<String>,
    /// Decay Correction (0054,1102).
    pub decay_correction: String,
    /// SUV Type (0054,1006).
    pub suv_type: String,
    /// Patient's Weight (0010,1030), kg.
    pub weight_kg: Option<f64>,
    /// Patient's Size (0010,1020), m.
    pub height_m: Option<f64>,
    /// Patient's Sex (0010,0040).
    pub sex: String,
    /// Radionuclide Total Dose (0018,1074), Bq.
    pub dose_bq: Option<f64>,
    /// Radionuclide Half Life (0018,1075), s.
    pub half_life_s: Option<f64>,
    /// Radiopharmaceutical Start DateTime (0018,1078).
    pub injected_at: String,
    /// Radiopharmaceutical Start Time (0018,1072).
    pub injected_time: String,
    /// Series Date (0008,0021) and Time (0008,0031).
    pub series: Option<NaiveDateTime>,
    /// GE's private scan date and time (0009,100D).
    pub ge_scan: Option<NaiveDateTime>,
    /// Decay Correction DateTime (0018,9701) of an enhanced image: the time that its voxels refer to.
    pub corrected_to: Option<NaiveDateTime>,
    /// Philips' private SUV factor (7053,1000).
    pub philips_suv: Option<f64>,
    /// Philips' private activity factor (7053,1009), Bq/mL for one count.
    pub philips_bqml: Option<f64>,
    /// When each slice was taken.
    pub slices: Vec<SliceTiming>,
}

/// When a slice was taken.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SliceTiming {
    /// Acquisition Date (0008,0022) and Time (0008,0032).
    pub acquired: Option<NaiveDateTime>,
    /// Frame Reference Time (0054,1300), ms.
    pub frame_reference_ms: Option<f64>,
    /// Actual Frame Duration (0018,1242), ms.
    pub duration_ms: Option<f64>,
}

/// Takes the facts of a series from its images.
pub(crate) fn gather<'a>(instances: impl Iterator<Item = &'a Instance>) -> Result<PetFacts, IntakeError> {
    let mut facts: Option<PetFacts> = None;
    for instance in instances {
        let fields = instance.fields();
        let timing = SliceTiming {
            acquired: both(&fields.string(tags::ACQUISITION_DATE), &fields.string(tags::ACQUISITION_TIME))
                .or_else(|| date_time(&fields.string(tags::ACQUISITION_DATE_TIME))),
            frame_reference_ms: fields.number(tags::FRAME_REFERENCE_TIME)?,
            duration_ms: fields.number(tags::ACTUAL_FRAME_DURATION)?,
        };
        match &mut facts {
            Some(facts) => facts.slices.push(timing),
            None if instance.sop_class_uid == ENHANCED_PET => {
                facts = Some(PetFacts { slices: vec![timing], ..enhanced(fields, of_series(fields)?) });
            }
            None => facts = Some(PetFacts { slices: vec![timing], ..of_series(fields)? }),
        }
    }
    Ok(facts.unwrap_or_default())
}

fn of_series(fields: Fields<'_>) -> Result<PetFacts, IntakeError> {
    let dose = fields.item(tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE);
    let number = |tag| dose.map_or(Ok(None), |d: Fields<'_>| d.number(tag));
    let text = |tag| dose.map_or_else(String::new, |d| d.string(tag));
    let philips = |element| {
        let text = fields.private(0x7053, "Philips PET Private Group", element)?;
        text.parse::<f64>().ok().filter(|v| v.is_finite())
    };
    Ok(PetFacts {
        units: fields.string(tags::UNITS),
        corrections: fields.string(tags::CORRECTED_IMAGE).split('\\').map(|c| c.trim().to_owned()).collect(),
        decay_correction: fields.string(tags::DECAY_CORRECTION),
        suv_type: fields.string(tags::SUV_TYPE),
        weight_kg: fields.number(tags::PATIENT_WEIGHT)?,
        height_m: fields.number(tags::PATIENT_SIZE)?,
        sex: fields.string(tags::PATIENT_SEX),
        dose_bq: number(tags::RADIONUCLIDE_TOTAL_DOSE)?,
        half_life_s: number(tags::RADIONUCLIDE_HALF_LIFE)?,
        injected_at: text(tags::RADIOPHARMACEUTICAL_START_DATE_TIME),
        injected_time: text(tags::RADIOPHARMACEUTICAL_START_TIME),
        series: both(&fields.string(tags::SERIES_DATE), &fields.string(tags::SERIES_TIME)),
        corrected_to: None,
        ge_scan: fields.private(0x0009, "GEMS_PETD_01", 0x0D).and_then(|t| date_time(&t)),
        philips_suv: philips(0x00),
        philips_bqml: philips(0x09),
        slices: Vec::new(),
    })
}

/// Enhanced PET (PS3.3 A.56) has no Units, Corrected Image and Decay Correction: what they say stands elsewhere.
fn enhanced(fields: Fields<'_>, facts: PetFacts) -> PetFacts {
    let flag = |tag, name: &str| (fields.string(tag) == "YES").then(|| name.to_owned());
    let flags = [flag(tags::ATTENUATION_CORRECTED, "ATTN"), flag(tags::DECAY_CORRECTED, "DECY")];
    let corrected_to = date_time(&fields.string(tags::DECAY_CORRECTION_DATE_TIME));
    let shared = fields.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let own = fields.item(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let mapping = |group: Fields<'_>| -> Option<String> {
        let unit = group.item(tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE)?.item(tags::MEASUREMENT_UNITS_CODE_SEQUENCE)?;
        unit.text(tags::CODE_VALUE)
    };
    let transform = |group: Fields<'_>| group.item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE)?.text(tags::RESCALE_TYPE);
    let named =
        [own, shared].into_iter().flatten().find_map(|g| transform(g).filter(|t| t != "US").or_else(|| mapping(g)));
    let units = match named.as_deref() {
        // As the Unified Code for Units of Measure writes them.
        Some("Bq/ml" | "Bq/mL" | "BQML") => "BQML".to_owned(),
        Some("{counts}" | "CNTS") => "CNTS".to_owned(),
        Some("g/ml{SUVbw}" | "{SUVbw}g/ml" | "GML") => "GML".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    let decay = if corrected_to.is_some() { "START" } else { "" };
    PetFacts {
        units: if facts.units.is_empty() { units } else { facts.units },
        corrections: flags
            .into_iter()
            .flatten()
            .chain(facts.corrections.into_iter().filter(|c| !c.is_empty()))
            .collect(),
        decay_correction: if facts.decay_correction.is_empty() { decay.to_owned() } else { facts.decay_correction },
        corrected_to,
        ..facts
    }
}

/// A date and a time of day (DA and TM, PS3.5 6.2).
fn both(date: &str, time_of_day: &str) -> Option<NaiveDateTime> {
    Some(day(date)?.and_time(time(time_of_day)?))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn day(text: &str) -> Option<NaiveDate> {
    // `2010.01.31` is the form of ACR-NEMA.
    NaiveDate::parse_from_str(&digits(text), "%Y%m%d").ok()
}

/// A time of day: `HHMMSS.FFFFFF`, with minutes, seconds and fraction left out at will.
pub(crate) fn time(text: &str) -> Option<NaiveTime> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let whole = digits(whole);
    let two = |at: usize| -> Option<u32> {
        match whole.get(at..at + 2) {
            Some(two) => two.parse().ok(),
            None => (at > 0 && at >= whole.len()).then_some(0),
        }
    };
    // A leap second is the last of its minute.
    let time = NaiveTime::from_hms_opt(two(0)?, two(2)?, two(4)?.min(59))?;
    let nano: String = digits(fraction).chars().chain("000000000".chars()).take(9).collect();
    time.with_nanosecond(nano.parse().ok()?)
}

/// A date with time (DT): `YYYYMMDDHHMMSS.FFFFFF&ZZXX`; the zone is left out, as the other times have none.
pub(crate) fn date_time(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    let zone = text.find(['+', '-']).filter(|&at| at >= 8).unwrap_or(text.len());
    let local = text.get(..zone)?;
    both(local.get(..8)?, local.get(8..)?)
}

/// The day before.
pub(super) fn day_before(moment: NaiveDateTime) -> Option<NaiveDateTime> {
    moment.checked_sub_days(Days::new(1))
}
