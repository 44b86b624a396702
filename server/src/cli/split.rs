//! Which cases are for what: a file of lists, beside the data.

use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Names of the cases that a split file lists under `part`: `train = ["a", …]`, `validate = […]`, and so on.
///
/// # Errors
/// The file cannot be read, is no TOML of lists of names, or has no such part.
pub fn read(path: &Path, part: &str) -> anyhow::Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lists: BTreeMap<String, Vec<String>> = toml::from_str(&text)
        .with_context(|| format!("{} is no list of cases by use, such as validate = [\"a\", \"b\"]", path.display()))?;
    let known = lists.keys().cloned().collect::<Vec<_>>().join(", ");
    let names = lists.get(part).with_context(|| format!("{} lists no {part:?}; it has {known}", path.display()))?;
    Ok(names.iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("split.toml");
        std::fs::write(&path, "# By use.\ntrain = [\"a\"]\nvalidate = [\"b\", \"c\"]\n").unwrap();
        assert_eq!(read(&path, "validate").unwrap().into_iter().collect::<Vec<_>>(), ["b", "c"]);
        let missing = read(&path, "test").unwrap_err().to_string();
        assert!(missing.contains("lists no \"test\"; it has train, validate"), "{missing}");
        std::fs::write(&path, "train = 3").unwrap();
        assert!(read(&path, "train").unwrap_err().to_string().contains("no list of cases"));
    }
}
