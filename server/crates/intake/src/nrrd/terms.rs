use crate::IntakeError;
use crate::error::quoted;
use crate::scalar::ScalarType;

/// How the voxels are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Gzip,
}

/// `type`, in every spelling of the format.
pub(super) fn scalar_type(term: &str) -> Result<ScalarType, IntakeError> {
    match term.to_ascii_lowercase().as_str() {
        "signed char" | "int8" | "int8_t" => Ok(ScalarType::I8),
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => Ok(ScalarType::U8),
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Ok(ScalarType::I16),
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Ok(ScalarType::U16),
        "int" | "signed int" | "int32" | "int32_t" => Ok(ScalarType::I32),
        "uint" | "unsigned int" | "uint32" | "uint32_t" => Ok(ScalarType::U32),
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => Ok(ScalarType::I64),
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => Ok(ScalarType::U64),
        "float" => Ok(ScalarType::F32),
        "double" => Ok(ScalarType::F64),
        "block" => Err(IntakeError::unsupported("Type block", "save the image with a number type")),
        _ => Err(IntakeError::header("type", format!("the format has no type {}", quoted(term)))),
    }
}

/// `encoding`.
pub(super) fn encoding(term: &str) -> Result<Encoding, IntakeError> {
    let unsupported = |name: &str| {
        Err(IntakeError::unsupported(format!("Encoding {name}"), "save the image with raw or gzip encoding"))
    };
    match term.to_ascii_lowercase().as_str() {
        "raw" => Ok(Encoding::Raw),
        "gzip" | "gz" => Ok(Encoding::Gzip),
        "txt" | "text" | "ascii" => unsupported("ascii"),
        "bzip2" | "bz2" => unsupported("bzip2"),
        "hex" => unsupported("hex"),
        "zrl" => unsupported("zrl"),
        _ => Err(IntakeError::header("encoding", format!("the format has no encoding {}", quoted(term)))),
    }
}

/// `endian`: true for big; needed as soon as a voxel has more than one byte.
pub(super) fn big_endian(term: Option<&str>, scalar: ScalarType) -> Result<bool, IntakeError> {
    match term.map(str::to_ascii_lowercase).as_deref() {
        Some("little") => Ok(false),
        Some("big") => Ok(true),
        None if scalar.bytes() > 1 => {
            Err(IntakeError::header("endian", "it is missing, and a voxel has more than one byte"))
        }
        None => Ok(false),
        Some(_) => Err(IntakeError::header("endian", "it is neither little nor big")),
    }
}

/// Signs that turn coordinates of a `space` into LPS, and whether the name settles the patient's
/// orientation.
pub(super) fn space(term: &str) -> Result<([f64; 3], bool), IntakeError> {
    match term.to_ascii_lowercase().as_str() {
        "left-posterior-superior" | "lps" => Ok(([1.0, 1.0, 1.0], true)),
        "right-anterior-superior" | "ras" => Ok(([-1.0, -1.0, 1.0], true)),
        "left-anterior-superior" | "las" => Ok(([1.0, -1.0, 1.0], true)),
        "scanner-xyz" | "3d-right-handed" => Ok(([1.0, 1.0, 1.0], false)),
        "3d-left-handed" => Err(IntakeError::unsupported(
            "Space 3D-left-handed",
            "it does not say where left is. Save the image in LPS or RAS",
        )),
        name if name.ends_with("-time") || matches!(name, "rast" | "last" | "lpst") => {
            Err(IntakeError::unsupported("A space with time", "save one time point as a 3-D image"))
        }
        _ => Err(IntakeError::header("space", format!("the format has no space {}", quoted(term)))),
    }
}

/// Millimetres in one of the `space units`; `None` if the unit is not known.
pub(super) fn unit_mm(term: &str) -> Option<f64> {
    match term {
        "mm" | "millimeter" | "millimeters" | "millimetre" | "" => Some(1.0),
        "cm" | "centimeter" | "centimetre" => Some(10.0),
        "m" | "meter" | "metre" => Some(1000.0),
        "um" | "µm" | "micron" | "microns" | "micrometer" => Some(0.001),
        _ => None,
    }
}
