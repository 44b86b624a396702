//! Which servers the site allows, and how they know us.

use super::DicomwebError;
use std::fmt;
use std::str::FromStr;
use ureq::http::Uri;

/// One server: its name and address, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacsConfig {
    /// What requests call it.
    pub name: String,
    /// Its DICOMweb root, without a slash at the end.
    pub root: String,
    /// Who we are.
    pub auth: Auth,
    /// Certificate authorities in PEM, besides none: if there are any, only these are trusted.
    pub authorities_pem: Option<Vec<u8>>,
}

/// Who we are. Never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Auth {
    /// The server asks for nothing.
    #[default]
    None,
    /// User and password (RFC 7617).
    Basic {
        /// User.
        user: String,
        /// Password.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

impl FromStr for PacsConfig {
    type Err = DicomwebError;

    /// `NAME=ADDRESS`, such as `main=https://pacs.example/dicom-web`.
    fn from_str(text: &str) -> Result<Self, DicomwebError> {
        let wrong = |why: &str| DicomwebError::Config(format!("--pacs: {why}. Write NAME=https://HOST/PATH"));
        let (name, address) = text.split_once('=').ok_or_else(|| wrong("a name and an address are needed"))?;
        if !(1..=32).contains(&name.len()) || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            return Err(wrong("a name has 1 to 32 letters, digits, - or _"));
        }
        let uri: Uri = address.parse().map_err(|_| wrong("this is not an address"))?;
        let host = uri.host().ok_or_else(|| wrong("the address names no host"))?;
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(wrong("credentials do not belong into the address; use --pacs-auth"));
        }
        if uri.query().is_some() {
            return Err(wrong("the address ends with its path"));
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some("http") => {
                return Err(wrong("http sends patients' data in the clear, and is taken on this machine alone"));
            }
            _ => return Err(wrong("only https is spoken")),
        }
        Ok(Self {
            name: name.to_owned(),
            root: address.trim_end_matches('/').to_owned(),
            auth: Auth::None,
            authorities_pem: None,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|a| a.is_loopback())
}

impl FromStr for Auth {
    type Err = DicomwebError;

    /// What a file of credentials holds: `USER:PASSWORD`, or `Bearer TOKEN`.
    fn from_str(text: &str) -> Result<Self, DicomwebError> {
        let text = text.trim();
        let printable = text.chars().all(|c| !c.is_control());
        match (text.strip_prefix("Bearer "), text.split_once(':')) {
            (Some(token), _) if printable && !token.trim().is_empty() => Ok(Self::Bearer(token.trim().to_owned())),
            (None, Some((user, password))) if printable => {
                Ok(Self::Basic { user: user.to_owned(), password: password.to_owned() })
            }
            _ => Err(DicomwebError::Config(
                "--pacs-auth: the file must hold one line, USER:PASSWORD or Bearer TOKEN".to_owned(),
            )),
        }
    }
}
