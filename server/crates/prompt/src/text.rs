//! Prompts as text, for the command line.
//!
//! Items are separated by `;` or line breaks. An item is a tuple of numbers (`x,y,z`), an option
//! (`name=value`), or a polarity (`+` or `-`).

use crate::{Plane, Polarity, PromptError};
use isochrone_volume::DVec3;

/// The items of one text.
pub(crate) struct Fields {
    kind: &'static str,
    example: &'static str,
    tuples: Vec<Vec<f64>>,
    options: Vec<(String, String)>,
    pub polarity: Polarity,
}

impl Fields {
    /// Reads a text of at most `max` tuples.
    pub fn read(kind: &'static str, example: &'static str, text: &str, max: usize) -> Result<Self, PromptError> {
        let mut fields = Self { kind, example, tuples: Vec::new(), options: Vec::new(), polarity: Polarity::default() };
        let mut polarities = 0;
        for item in text.split([';', '\n']).map(str::trim).filter(|item| !item.is_empty()) {
            match (item, item.split_once('=')) {
                ("+" | "-", _) => {
                    polarities += 1;
                    fields.polarity = if item == "-" { Polarity::Negative } else { Polarity::Positive };
                }
                (_, Some((name, value))) => {
                    fields.options.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
                _ => fields.tuples.push(numbers(item).ok_or_else(|| fields.wrong(item))?),
            }
            if polarities > 1 || fields.tuples.len() > max || fields.options.len() > max {
                return Err(fields.wrong(item));
            }
        }
        Ok(fields)
    }

    /// The option of this name, taken out.
    pub fn option(&mut self, name: &str) -> Option<String> {
        let at = self.options.iter().position(|(n, _)| n == name)?;
        Some(self.options.swap_remove(at).1)
    }

    /// An option that is one number.
    pub fn number(&mut self, name: &str) -> Result<Option<f64>, PromptError> {
        let Some(text) = self.option(name) else { return Ok(None) };
        match numbers(&text).as_deref() {
            Some([x]) => Ok(Some(*x)),
            _ => Err(self.wrong(&format!("{name}={text}"))),
        }
    }

    /// An option that is a point or direction.
    pub fn vector(&mut self, name: &str) -> Result<Option<DVec3>, PromptError> {
        let Some(text) = self.option(name) else { return Ok(None) };
        match numbers(&text).as_deref() {
            Some(&[x, y, z]) => Ok(Some(DVec3::new(x, y, z))),
            _ => Err(self.wrong(&format!("{name}={text}"))),
        }
    }

    /// All options of a name that each hold `n` numbers, in order.
    pub fn all(&mut self, name: &str, n: usize) -> Result<Vec<Vec<f64>>, PromptError> {
        let (own, others) = std::mem::take(&mut self.options).into_iter().partition(|(given, _)| given == name);
        self.options = others;
        let own: Vec<(String, String)> = own;
        let read = |(_, text): &(String, String)| {
            numbers(text).filter(|v| v.len() == n).ok_or_else(|| self.wrong(&format!("{name}={text}")))
        };
        own.iter().map(read).collect()
    }

    /// The plane through the first point (the last three numbers of a tuple): from `normal=`, or `u=` and `v=`.
    pub fn plane(&mut self) -> Result<Option<Plane>, PromptError> {
        let (normal, u, v) = (self.vector("normal")?, self.vector("u")?, self.vector("v")?);
        let mut points = self.tuples.iter().filter_map(|tuple| match tuple.as_slice() {
            &[x, y, z] | &[_, x, y, z] => Some(DVec3::new(x, y, z)),
            _ => None,
        });
        let first = points.next().unwrap_or(DVec3::ZERO);
        match (normal, u, v) {
            (None, None, None) => Ok(None),
            (Some(normal), None, None) => Plane::with_normal(first, normal).map(Some),
            (None, Some(u), Some(v)) => Plane::new(first, u, v).map(Some),
            _ => Err(self.wrong("normal, u, v")),
        }
    }

    /// All tuples as points. Options that nobody has asked for are refused here, so ask first.
    pub fn points(self) -> Result<Vec<DVec3>, PromptError> {
        let point = |tuple: &Vec<f64>| match tuple.as_slice() {
            &[x, y, z] => Ok(DVec3::new(x, y, z)),
            other => Err(self.wrong(&other.iter().map(f64::to_string).collect::<Vec<_>>().join(","))),
        };
        let points = self.tuples.iter().map(point).collect::<Result<_, _>>()?;
        self.no_more_options()?;
        Ok(points)
    }

    /// All tuples as they are; the same for options.
    pub fn tuples(self) -> Result<Vec<Vec<f64>>, PromptError> {
        self.no_more_options()?;
        Ok(self.tuples)
    }

    fn no_more_options(&self) -> Result<(), PromptError> {
        match self.options.first() {
            Some((name, value)) => Err(self.wrong(&format!("{name}={value}"))),
            None => Ok(()),
        }
    }

    pub fn wrong(&self, given: &str) -> PromptError {
        PromptError::Syntax { kind: self.kind, given: given.chars().take(64).collect(), example: self.example }
    }
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|p| p.trim().parse::<f64>().ok().filter(|v| v.is_finite())).collect()
}
