use crate::PromptError;
use serde::{Deserialize, Serialize};

/// The label in words, such as `liver`: for networks whose bundle names classes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LabelName(String);

impl LabelName {
    /// Longest name, characters.
    pub const MAX_CHARACTERS: usize = 64;

    /// The name, without space round it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The place in a list of class names that the text means: equal but for case, and for space,
    /// hyphens and underscores between words. `None` if no class is meant.
    #[must_use]
    pub fn class_among<S: AsRef<str>>(&self, classes: &[S]) -> Option<usize> {
        let wanted = plain(&self.0);
        classes.iter().position(|class| plain(class.as_ref()) == wanted)
    }
}

fn plain(name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || c == '-' || c == '_').filter(|w| !w.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

impl std::str::FromStr for LabelName {
    type Err = PromptError;

    /// Takes 1 to [`LabelName::MAX_CHARACTERS`] printable characters.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let name = text.trim();
        let fits = (1..=Self::MAX_CHARACTERS).contains(&name.chars().take(Self::MAX_CHARACTERS + 1).count());
        if fits && !name.chars().any(char::is_control) {
            Ok(Self(name.to_owned()))
        } else {
            Err(PromptError::Name(Self::MAX_CHARACTERS))
        }
    }
}
