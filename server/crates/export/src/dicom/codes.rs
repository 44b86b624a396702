//! Coded terms: what a segment is, and where. SNOMED CT (`SCT`) and DICOM's own (`DCM`, PS3.16).

use crate::ExportError;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A coded term: value, coding scheme, and the words that people read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Code {
    /// Such as `52988006`.
    pub value: Cow<'static, str>,
    /// Such as `SCT`.
    pub scheme: Cow<'static, str>,
    /// Such as `Lesion`.
    pub meaning: Cow<'static, str>,
}

impl Code {
    pub(crate) const fn sct(value: &'static str, meaning: &'static str) -> Self {
        Self { value: Cow::Borrowed(value), scheme: Cow::Borrowed("SCT"), meaning: Cow::Borrowed(meaning) }
    }

    pub(crate) const fn dcm(value: &'static str, meaning: &'static str) -> Self {
        Self { value: Cow::Borrowed(value), scheme: Cow::Borrowed("DCM"), meaning: Cow::Borrowed(meaning) }
    }

    pub(crate) const fn ucum(value: &'static str, meaning: &'static str) -> Self {
        Self { value: Cow::Borrowed(value), scheme: Cow::Borrowed("UCUM"), meaning: Cow::Borrowed(meaning) }
    }

    pub(crate) fn of(value: &str, scheme: &'static str, meaning: &'static str) -> Self {
        Self { value: Cow::Owned(value.to_owned()), scheme: Cow::Borrowed(scheme), meaning: Cow::Borrowed(meaning) }
    }

    /// A code of one's own choice.
    ///
    /// # Errors
    /// An empty part, one too long for DICOM (64, 16 and 64 characters), or a character that would split it.
    pub fn new(value: &str, scheme: &str, meaning: &str) -> Result<Self, ExportError> {
        let fits = |text: &str, most: usize| {
            let text = text.trim();
            let good = !text.is_empty() && text.chars().count() <= most;
            (good && !text.chars().any(|c| c.is_control() || "\\~^|".contains(c))).then(|| Cow::Owned(text.to_owned()))
        };
        match (fits(value, 64), fits(scheme, 16), fits(meaning, 64)) {
            (Some(value), Some(scheme), Some(meaning)) => Ok(Self { value, scheme, meaning }),
            _ => Err(ExportError::Code),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.scheme, self.value, self.meaning)
    }
}

impl FromStr for Code {
    type Err = ExportError;

    /// A meaning of the dictionary in any case (`lung`), or `SCHEME:VALUE:MEANING`.
    fn from_str(text: &str) -> Result<Self, ExportError> {
        let known = CATEGORIES.iter().chain(TYPES).chain(ANATOMY);
        if let Some(code) = known.into_iter().find(|c| c.meaning.eq_ignore_ascii_case(text.trim())) {
            return Ok(code.clone());
        }
        match text.splitn(3, ':').collect::<Vec<_>>().as_slice() {
            [scheme, value, meaning] => Self::new(value, scheme, meaning),
            _ => Err(ExportError::Code),
        }
    }
}

/// Categories of a segment (context group 7150), the usual one first.
pub const CATEGORIES: &[Code] = &[
    Code::sct("49755003", "Morphologically Abnormal Structure"),
    Code::sct("91723000", "Anatomical Structure"),
    Code::sct("85756007", "Tissue"),
    Code::sct("91720002", "Body Substance"),
    Code::sct("260787004", "Physical object"),
];

/// Types of a lesion (context group 7159), the usual one first.
pub const TYPES: &[Code] = &[
    Code::sct("52988006", "Lesion"),
    Code::sct("4147007", "Mass"),
    Code::sct("27925004", "Nodule"),
    Code::sct("108369006", "Neoplasm"),
    Code::sct("372087000", "Neoplasm, Primary"),
    Code::sct("14799000", "Neoplasm, Secondary"),
    Code::sct("367643001", "Cyst"),
    Code::sct("79654002", "Edema"),
    Code::sct("6574001", "Necrosis"),
    Code::sct("50960005", "Hemorrhage"),
    Code::sct("44132006", "Abscess"),
    Code::sct("409774005", "Inflammation"),
];

/// Where lesions are (context group 4031 and its neighbours).
pub const ANATOMY: &[Code] = &[
    Code::sct("12738006", "Brain"),
    Code::sct("774007", "Head and Neck"),
    Code::sct("45048000", "Neck"),
    Code::sct("69748006", "Thyroid"),
    Code::sct("39607008", "Lung"),
    Code::sct("3120008", "Pleura"),
    Code::sct("72410000", "Mediastinum"),
    Code::sct("80891009", "Heart"),
    Code::sct("32849002", "Esophagus"),
    Code::sct("76752008", "Breast"),
    Code::sct("10200004", "Liver"),
    Code::sct("78961009", "Spleen"),
    Code::sct("15776009", "Pancreas"),
    Code::sct("69695003", "Stomach"),
    Code::sct("71854001", "Colon"),
    Code::sct("64033007", "Kidney"),
    Code::sct("23451007", "Adrenal gland"),
    Code::sct("89837001", "Bladder"),
    Code::sct("41216001", "Prostate"),
    Code::sct("35039007", "Uterus"),
    Code::sct("15497006", "Ovary"),
    Code::sct("59441001", "Lymph Node"),
    Code::sct("272673000", "Bone"),
    Code::sct("87784001", "Soft tissue"),
    Code::sct("39937001", "Skin"),
];

/// Families of algorithms (context group 7162).
pub(crate) const FAMILIES: &[(&str, Code)] = &[
    ("network", Code::dcm("123110", "Artificial Intelligence")),
    ("active-contour", Code::dcm("123111", "Deformable Models")),
    ("", Code::dcm("123101", "Neighborhood Analysis")),
];
