//! Data sets, written down in the order in which the standard lists them.

use super::Code;
use dicom_core::value::{DataSetSequence, Value};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_object::InMemDicomObject;

/// A data set under construction. Elements may come in any order; the encoder sorts them.
#[derive(Debug, Clone)]
pub(crate) struct Item(pub(crate) InMemDicomObject);

impl Item {
    pub(crate) fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    /// Any element of a primitive value.
    pub(crate) fn put(mut self, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) -> Self {
        self.0.put(DataElement::new(tag, vr, value.into()));
        self
    }

    /// A text; an empty one is a type 2 element without a value.
    pub(crate) fn text(self, tag: Tag, vr: VR, value: impl Into<String>) -> Self {
        let value = value.into();
        if value.is_empty() { self.put(tag, vr, PrimitiveValue::Empty) } else { self.put(tag, vr, value) }
    }

    pub(crate) fn cs(self, tag: Tag, value: impl Into<String>) -> Self {
        self.text(tag, VR::CS, value)
    }

    pub(crate) fn lo(self, tag: Tag, value: &str) -> Self {
        self.text(tag, VR::LO, limited(value, 64))
    }

    pub(crate) fn uid(self, tag: Tag, value: impl Into<String>) -> Self {
        self.text(tag, VR::UI, value)
    }

    pub(crate) fn us(self, tag: Tag, value: u16) -> Self {
        self.put(tag, VR::US, value)
    }

    /// Decimal strings.
    pub(crate) fn ds(self, tag: Tag, values: &[f64]) -> Self {
        let texts: dicom_core::value::C<String> = values.iter().map(|&v| decimal(v)).collect();
        self.put(tag, VR::DS, PrimitiveValue::Strs(texts))
    }

    /// An integer string.
    pub(crate) fn is(self, tag: Tag, value: usize) -> Self {
        self.text(tag, VR::IS, value.to_string())
    }

    /// A sequence.
    pub(crate) fn items(mut self, tag: Tag, items: impl IntoIterator<Item = Self>) -> Self {
        let items: Vec<InMemDicomObject> = items.into_iter().map(|item| item.0).collect();
        self.0.put(DataElement::new(tag, VR::SQ, Value::from(DataSetSequence::from(items))));
        self
    }

    /// A sequence of one code (PS3.3 section 8.8).
    pub(crate) fn code(self, tag: Tag, code: &Code) -> Self {
        self.items(tag, [Self::from(code)])
    }

    /// Everything of another data set too.
    pub(crate) fn with(mut self, other: Self) -> Self {
        for element in other.0 {
            self.0.put(element);
        }
        self
    }
}

impl From<&Code> for Item {
    fn from(code: &Code) -> Self {
        use dicom_dictionary_std::tags;
        // A short value and a long one have an attribute each.
        let (value, vr) =
            if code.value.chars().count() <= 16 { (tags::CODE_VALUE, VR::SH) } else { (tags::LONG_CODE_VALUE, VR::UC) };
        Self::new()
            .text(value, vr, &*code.value)
            .text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, &*code.scheme)
            .lo(tags::CODE_MEANING, &code.meaning)
    }
}

/// The decimal of at most 16 characters (PS3.5, DS) that is nearest to the value.
pub(crate) fn decimal(value: f64) -> String {
    let value = if value == 0.0 { 0.0 } else { value };
    let shortest = value.to_string();
    if shortest.len() <= 16 {
        return shortest;
    }
    (0..=15)
        .rev()
        .map(|digits| format!("{value:.digits$}"))
        .find(|text| text.len() <= 16 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)))
        .unwrap_or_else(|| (0..=10).rev().map(|d| format!("{value:.d$e}")).find(|t| t.len() <= 16).unwrap_or_default())
}

/// A text cut to the characters that its value representation holds, without backslash and control characters.
pub(crate) fn limited(text: &str, characters: usize) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '\\').take(characters).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fit_and_stay_near() {
        for v in [0.0, -0.0, 1.0, -0.976_562_5, 1.0 / 3.0, -123_456.789_012_345_6, 1e-9, -1.234_567_890_123e-7, 3e5] {
            let text = decimal(v);
            assert!(text.len() <= 16, "{text}");
            let back: f64 = text.parse().unwrap();
            assert!((back - v).abs() <= 1e-9 * v.abs().max(1e-3), "{v} became {text}");
        }
        assert_eq!(decimal(-0.0), "0");
    }

    #[test]
    fn texts_lose_what_would_split_them() {
        assert_eq!(limited(" left\\lung\n ", 64), "leftlung");
        assert_eq!(limited(&"ü".repeat(80), 64).chars().count(), 64);
    }
}
