//! What a segment says of itself.

use super::codes::FAMILIES;
use super::colour::{cielab_from_srgb, colour_of};
use super::item::{Item, limited};
use super::{CATEGORIES, Code, TYPES, new_uid};
use dicom_core::value::PrimitiveValue;
use dicom_core::{VR, smallvec::smallvec};
use dicom_dictionary_std::tags;

/// Who drew a segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Algorithm {
    /// The engine, such as `network`; empty: drawn by hand alone.
    pub engine: String,
    /// Bundle and version, such as `lesion-3 3.0.0`; may be empty.
    pub model: String,
    /// Digest of the model's files; may be empty.
    pub model_digest: String,
    /// What else tells how the mask came to be, such as a seed or a manual SUV override; may be empty.
    pub parameters: String,
}

/// One segment, or one region of interest, or one measured lesion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// What the reader called it.
    pub name: String,
    /// Category (context group 7150).
    pub category: Code,
    /// Type (context group 7151 and its like).
    pub kind: Code,
    /// Where it is, if that was said.
    pub anatomy: Option<Code>,
    /// sRGB.
    pub colour: [u8; 3],
    /// Who drew it.
    pub algorithm: Algorithm,
    /// Follows the lesion through objects: the same in SEG and SR.
    pub tracking_uid: String,
}

impl Segment {
    /// A lesion of this name, the `n`th of its kind, with a colour of its own.
    #[must_use]
    pub fn lesion(n: usize, name: &str, algorithm: Algorithm) -> Self {
        let first = |codes: &[Code]| codes.first().cloned().unwrap_or(Code::dcm("125040", "Background"));
        Self {
            name: name.to_owned(),
            category: first(CATEGORIES),
            kind: first(TYPES),
            anatomy: None,
            colour: colour_of(n),
            algorithm,
            tracking_uid: new_uid(),
        }
    }

    /// What a viewer shows; never empty.
    pub(crate) fn label(&self) -> String {
        let label = limited(&self.name, 64);
        if label.is_empty() { self.kind.meaning.to_string() } else { label }
    }

    /// An item of the Segment Sequence (PS3.3 C.8.20.4).
    pub(crate) fn described(&self, number: u16) -> Item {
        let lab = cielab_from_srgb(self.colour);
        let mut item = Item::new()
            .us(tags::SEGMENT_NUMBER, number)
            .lo(tags::SEGMENT_LABEL, &self.label())
            .code(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, &self.category)
            .code(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, &self.kind)
            .put(
                tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE,
                VR::US,
                PrimitiveValue::U16(smallvec![lab[0], lab[1], lab[2]]),
            )
            .text(tags::TRACKING_ID, VR::UT, self.label())
            .uid(tags::TRACKING_UID, &*self.tracking_uid)
            .with(self.algorithm.segment());
        if let Some(anatomy) = &self.anatomy {
            item = item.code(tags::ANATOMIC_REGION_SEQUENCE, anatomy);
        }
        item
    }
}

impl Algorithm {
    /// Notes something more about how the mask came to be.
    pub fn add(&mut self, note: &str) {
        if !self.parameters.is_empty() {
            self.parameters.push_str("; ");
        }
        self.parameters.push_str(note);
    }

    fn by_hand(&self) -> bool {
        self.engine.is_empty()
    }

    /// `SEMIAUTOMATIC`, or `MANUAL` where no engine took part.
    pub(crate) fn kind(&self) -> &'static str {
        if self.by_hand() { "MANUAL" } else { "SEMIAUTOMATIC" }
    }

    /// What did it, in one line.
    pub(crate) fn name(&self) -> String {
        let model = if self.model.is_empty() { String::new() } else { format!(" {}", self.model) };
        limited(&format!("Isochrone {}{model}", self.engine), 64)
    }

    /// Model digest and the rest.
    pub(crate) fn details(&self) -> String {
        let digest = if self.model_digest.is_empty() { None } else { Some(format!("model {}", self.model_digest)) };
        let rest = if self.parameters.is_empty() { None } else { Some(self.parameters.clone()) };
        digest.into_iter().chain(rest).collect::<Vec<_>>().join("; ")
    }

    fn segment(&self) -> Item {
        let item = Item::new().cs(tags::SEGMENT_ALGORITHM_TYPE, self.kind());
        if self.by_hand() {
            return item;
        }
        item.lo(tags::SEGMENT_ALGORITHM_NAME, &self.name())
            .items(tags::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE, [self.identified()])
    }

    /// Algorithm Identification macro (PS3.3 10.16).
    fn identified(&self) -> Item {
        let known = FAMILIES.iter().find(|(engine, _)| self.engine.starts_with(engine));
        let mut item = Item::new()
            .lo(tags::ALGORITHM_NAME, &self.name())
            .lo(tags::ALGORITHM_VERSION, env!("CARGO_PKG_VERSION"))
            .lo(tags::ALGORITHM_SOURCE, super::object::MANUFACTURER);
        if let Some((_, family)) = known {
            item = item.code(tags::ALGORITHM_FAMILY_CODE_SEQUENCE, family);
        }
        let details = self.details();
        if details.is_empty() { item } else { item.text(tags::ALGORITHM_PARAMETERS, VR::LT, limited(&details, 10_240)) }
    }
}
