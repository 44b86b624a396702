//! The open sessions of one graph.
//!
//! Most providers take any shape in one session. OpenVINO compiles a graph: for a fixed shape it is much quicker
//! than for any, so that each shape gets a session of its own. Regions have one or two sizes, so these stay few.

use crate::graph::Feed;
use crate::{GraphFile, NetworkError, Runtime};
use ort::session::Session;
use ort::value::{Outlet, ValueType};

/// Shapes of a graph that stay compiled: whole regions and coarse ones, each alone and in a batch.
const SHAPES: usize = 4;

/// A graph's names, as the file has them.
pub(crate) struct Outline {
    /// The inputs.
    pub inputs: Vec<Input>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
}

/// One input.
pub(crate) struct Input {
    pub name: String,
    /// Its first dimension, where the file fixes it.
    pub first: Option<i64>,
    /// The names of its dimensions; empty where the file fixes one.
    symbols: Vec<String>,
}

impl Outline {
    fn of(session: &Session) -> Self {
        Self {
            inputs: session.inputs().iter().map(Input::of).collect(),
            outputs: session.outputs().iter().map(|o| o.name().to_owned()).collect(),
        }
    }

    /// What the named dimensions are in these values, each once and in order of name.
    fn dimensions(&self, feed: &Feed<'_>) -> Vec<(String, i64)> {
        let mut found: Vec<(String, i64)> = Vec::new();
        for (name, value) in feed {
            let Some(input) = self.inputs.iter().find(|i| i.name == *name) else { continue };
            let Some(shape) = value.dtype().tensor_shape() else { continue };
            let named = input.symbols.iter().zip(shape.iter()).filter(|(symbol, _)| !symbol.is_empty());
            found.extend(named.map(|(symbol, &n)| (symbol.clone(), n)));
        }
        found.sort();
        found.dedup_by(|a, b| a.0 == b.0);
        found
    }
}

impl Input {
    fn of(input: &Outlet) -> Self {
        let (first, symbols) = match input.dtype() {
            ValueType::Tensor { shape, dimension_symbols, .. } => {
                (shape.first().copied().filter(|n| *n >= 0), dimension_symbols.to_vec())
            }
            _ => (None, Vec::new()),
        };
        Self { name: input.name().to_owned(), first, symbols }
    }
}

/// The sessions of one graph.
pub(crate) enum Sessions {
    /// One for any shape.
    Any(Session),
    /// One for each shape, the last used last.
    Each { runtime: Runtime, model: Vec<u8>, open: Vec<(Vec<(String, i64)>, Session)> },
}

impl Sessions {
    /// Opens a graph; where each shape has a session of its own, only its names are read now.
    pub fn open(runtime: &Runtime, file: &GraphFile) -> Result<(Self, Outline), NetworkError> {
        let model = file.read()?;
        if runtime.compiles_shapes() {
            let outline = Outline::of(&runtime.unoptimised(&model)?);
            return Ok((Self::Each { runtime: runtime.clone(), model, open: Vec::new() }, outline));
        }
        let session = runtime.open(&model, &[])?;
        let outline = Outline::of(&session);
        Ok((Self::Any(session), outline))
    }

    /// The session for these values; compiled now, if it is the first of its shape.
    pub fn for_feed(&mut self, outline: &Outline, feed: &Feed<'_>) -> Result<&mut Session, NetworkError> {
        let (runtime, model, open) = match self {
            Self::Any(session) => return Ok(session),
            Self::Each { runtime, model, open } => (runtime, model, open),
        };
        let wanted = outline.dimensions(feed);
        let entry = match open.iter().position(|(shape, _)| *shape == wanted) {
            Some(place) => open.remove(place),
            None => {
                if open.len() >= SHAPES {
                    open.remove(0);
                }
                let session = runtime.open(model, &wanted)?;
                (wanted, session)
            }
        };
        open.push(entry);
        let (_, session) = open.last_mut().ok_or_else(|| NetworkError::Run("no session was opened".to_owned()))?;
        Ok(session)
    }
}
