//! Numbers of an engine that a reader may choose.

use crate::SegmentError;
use isochrone_classical::graph_cut::Neighbours;
use isochrone_classical::iso_contour::Rule;
use std::collections::BTreeMap;

/// What a reader has chosen: parameter names with their values as text.
pub type Chosen = BTreeMap<String, String>;

/// One parameter of an engine, in place.
pub(crate) struct Parameter<'a> {
    name: &'static str,
    /// What it does, with its unit.
    about: &'static str,
    /// Least and greatest value; of numbers only.
    range: [f64; 2],
    value: Slot<'a>,
}

enum Slot<'a> {
    Real(&'a mut f32),
    Count(&'a mut usize),
    Neighbours(&'a mut Neighbours),
    Rule(&'a mut Rule),
}

impl<'a> Parameter<'a> {
    pub fn real(name: &'static str, range: [f64; 2], value: &'a mut f32, about: &'static str) -> Self {
        Self { name, about, range, value: Slot::Real(value) }
    }

    pub fn count(name: &'static str, range: [f64; 2], value: &'a mut usize, about: &'static str) -> Self {
        Self { name, about, range, value: Slot::Count(value) }
    }

    /// [`crate::RegionPolicy::local_from`].
    pub fn local_from(value: &'a mut usize) -> Self {
        let about = "prompt from which a correction changes only what is connected to it; 0: never";
        Self::count("local-from", [0.0, 100.0], value, about)
    }

    /// [`crate::RegionPolicy::within_mm`].
    pub fn within(value: &'a mut f32) -> Self {
        let about = "distance from positive prompts beyond which nothing is taken, mm; 0: no bound";
        Self::real("within", [0.0, 1000.0], value, about)
    }

    pub fn neighbours(value: &'a mut Neighbours) -> Self {
        let about = "voxels that are joined to each: 6 or 26";
        Self { name: "neighbours", about, range: [6.0, 26.0], value: Slot::Neighbours(value) }
    }

    pub fn rule(value: &'a mut Rule) -> Self {
        let about = "where the contour lies: of-maximum:SHARE, adaptive:SHARE, fixed:VALUE or reference:MEAN,SD (of the liver, say)";
        Self { name: "rule", about, range: [0.0; 2], value: Slot::Rule(value) }
    }

    fn text(&self) -> String {
        match &self.value {
            Slot::Real(v) => v.to_string(),
            Slot::Count(v) => v.to_string(),
            Slot::Neighbours(Neighbours::Six) => "6".to_owned(),
            Slot::Neighbours(Neighbours::TwentySix) => "26".to_owned(),
            Slot::Rule(rule) => rule.to_string(),
        }
    }

    /// False if the text is no value of this parameter.
    fn set(&mut self, text: &str) -> bool {
        let [low, high] = self.range;
        let number = text.trim().parse::<f64>().ok().filter(|v| (low..=high).contains(v));
        match (&mut self.value, number) {
            (Slot::Rule(rule), _) => text.parse().map(|new| **rule = new).is_ok(),
            (Slot::Real(value), Some(v)) => {
                **value = v as f32;
                true
            }
            (Slot::Count(value), Some(v)) if v.fract() == 0.0 => {
                **value = v as usize;
                true
            }
            (Slot::Neighbours(value), Some(6.0)) => {
                **value = Neighbours::Six;
                true
            }
            (Slot::Neighbours(value), Some(26.0)) => {
                **value = Neighbours::TwentySix;
                true
            }
            _ => false,
        }
    }

    fn help(&self) -> String {
        let Self { name, about, range: [low, high], .. } = self;
        let range = if low < high { format!(", {low} to {high}") } else { String::new() };
        format!("{name} ({about}{range}; now {})", self.text())
    }
}

/// Names and values, as they are.
pub(crate) fn values(parameters: &[Parameter<'_>]) -> Chosen {
    parameters.iter().map(|p| (p.name.to_owned(), p.text())).collect()
}

/// Sets what the reader has chosen.
///
/// # Errors
/// A name that is none of these, or a value that it cannot take; the text lists all of them.
pub(crate) fn set(parameters: &mut [Parameter<'_>], chosen: &Chosen) -> Result<(), SegmentError> {
    for (name, text) in chosen {
        let shown: String = text.chars().take(40).collect();
        match parameters.iter_mut().find(|p| p.name == name) {
            Some(parameter) => {
                if !parameter.set(text) {
                    let help = parameter.help();
                    return Err(SegmentError::Parameter(format!("{shown:?} cannot be taken for the parameter {help}")));
                }
            }
            None => {
                let all: Vec<String> = parameters.iter().map(Parameter::help).collect();
                let name: String = name.chars().take(40).collect();
                return Err(SegmentError::Parameter(format!(
                    "{name:?} is no parameter of this engine, which has: {}",
                    all.join("; ")
                )));
            }
        }
    }
    Ok(())
}
