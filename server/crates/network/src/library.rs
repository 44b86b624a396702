//! Where ONNX Runtime's library is, and how many cores it may use.

use crate::NetworkError;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where `make onnxruntime` unpacks the wheel, from the top of the source tree.
const IN_TREE: &str = "build/onnxruntime/onnxruntime/capi";

/// The library by option, environment, or place; absolute.
pub(crate) fn locate(option: Option<&Path>) -> Result<PathBuf, NetworkError> {
    if let Some(path) = option {
        let path = path.canonicalize().map_err(|e| NetworkError::NoLibrary(format!("the file named: {}", e.kind())))?;
        return if path.is_file() {
            Ok(path)
        } else {
            Err(NetworkError::NoLibrary("a folder was named, not the file".to_owned()))
        };
    }
    let named = env::var_os("ORT_DYLIB_PATH").map(PathBuf::from).filter(|p| p.is_file());
    let found = named.or_else(|| places().iter().find_map(|folder| in_folder(folder)));
    found.and_then(|p| p.canonicalize().ok()).ok_or_else(|| {
        NetworkError::NoLibrary("looked at ORT_DYLIB_PATH, beside the executable and in build/onnxruntime".to_owned())
    })
}

fn places() -> Vec<PathBuf> {
    let executable = env::current_exe().ok().and_then(|p| p.parent().map(Path::to_path_buf));
    let here = env::current_dir().ok();
    let mut places: Vec<PathBuf> = executable.iter().flat_map(|p| [p.clone(), p.join("../lib")]).collect();
    for start in [&executable, &here].into_iter().flatten() {
        places.extend(start.ancestors().map(|p| p.join(IN_TREE)));
    }
    places
}

fn in_folder(folder: &Path) -> Option<PathBuf> {
    let is_library = |name: &str| {
        name == "onnxruntime.dll"
            || name.starts_with("libonnxruntime.so")
            || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
    };
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|e| e.file_name().to_str().is_some_and(is_library))
        .map(|e| e.path())
        .collect();
    found.sort();
    found.into_iter().find(|p| p.is_file())
}

/// What a library is called, with the version that its file is named after, such as `ONNX Runtime 1.24.1`.
pub(crate) fn title(path: &Path) -> String {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let version = name.strip_prefix("libonnxruntime.so.").or_else(|| name.strip_prefix("libonnxruntime."));
    let version = version.map(|v| v.trim_end_matches(".dylib")).filter(|v| v.starts_with(|c: char| c.is_ascii_digit()));
    version.map_or_else(|| "ONNX Runtime".to_owned(), |v| format!("ONNX Runtime {v}"))
}

/// Physical cores that this process may use; hyper-threads only get in each other's way.
pub(crate) fn physical_cores() -> usize {
    let logical = std::thread::available_parallelism().map_or(1, usize::from);
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores: BTreeSet<(String, String)> = text
        .split("\n\n")
        .filter_map(|processor| {
            let field = |name: &str| {
                let line = processor.lines().find(|l| l.split(':').next().is_some_and(|key| key.trim() == name))?;
                line.split(':').nth(1).map(|v| v.trim().to_owned())
            };
            Some((field("physical id")?, field("core id")?))
        })
        .collect();
    if cores.is_empty() { logical } else { cores.len().min(logical) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_library_says_what_to_do() {
        let error = locate(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap_err();
        assert!(error.to_string().contains("make onnxruntime"), "{error}");
        assert!(!error.to_string().contains("/nowhere"), "{error}");
        assert!(locate(Some(Path::new("/"))).is_err());
    }

    #[test]
    fn tells_its_version() {
        assert_eq!(title(Path::new("/lib/libonnxruntime.so.1.24.1")), "ONNX Runtime 1.24.1");
        assert_eq!(title(Path::new("libonnxruntime.1.31.1.dylib")), "ONNX Runtime 1.31.1");
        for unknown in ["libonnxruntime.so", "onnxruntime.dll", "libonnxruntime.dylib"] {
            assert_eq!(title(Path::new(unknown)), "ONNX Runtime", "{unknown}");
        }
    }

    #[test]
    fn picks_the_library_not_its_providers() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime_providers_cuda.so", "readme", "libonnxruntime.so.1.31.1"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert!(in_folder(folder.path()).unwrap().ends_with("libonnxruntime.so.1.31.1"));
        assert!(in_folder(&folder.path().join("none")).is_none());
        assert!(physical_cores() >= 1);
    }
}
