use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The server started.
    Start,
    /// The server stopped in order.
    Stop,
    /// Somebody's first request after a while, or a failed try.
    LogIn,
    /// An image was taken in.
    Import,
    /// An image, a session or a mask was looked at.
    View,
    /// A session was opened, or an image or mask was changed: prompts, edits, undo.
    Change,
    /// Masks left the server.
    Export,
    /// An image or a session was put away.
    Delete,
    /// Somebody asked for what they may not have.
    Refused,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As asked.
    Done,
    /// Not done; the code says why.
    Failed,
}

/// One event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// Who asked; empty if that is not known.
    pub user: String,
    /// Their role; empty if that is not known.
    pub role: String,
    /// Their machine's address.
    pub peer: String,
    /// The request, such as `Segmentation/AddPrompts`.
    pub method: String,
    /// What it was about, such as `session 0f3c…`.
    pub objects: Vec<String>,
    /// gRPC code by name where it failed, or a short remark of the server's own.
    pub detail: String,
}

impl Event {
    /// An event of the server itself.
    #[must_use]
    pub fn of_server(kind: Kind, detail: &str) -> Self {
        Self {
            kind,
            outcome: Outcome::Done,
            user: String::new(),
            role: String::new(),
            peer: String::new(),
            method: String::new(),
            objects: Vec::new(),
            detail: detail.to_owned(),
        }
    }
}

/// A line of the trail, but for its own hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Counted from 1.
    pub n: u64,
    /// UTC, RFC 3339, to the millisecond.
    pub time: String,
    #[serde(flatten)]
    pub event: Event,
    /// Hash of the line before; zeros for the first.
    pub prev: String,
}

/// What comes between a line's body and its hash.
const JOINT: &str = ",\"hash\":\"";

impl Line {
    /// The line with its hash, and the hash.
    pub fn seal(&self) -> Result<(String, String), serde_json::Error> {
        let body = serde_json::to_string(self)?;
        let hash = hash(&body);
        let open = body.strip_suffix('}').unwrap_or(&body);
        Ok((format!("{open}{JOINT}{hash}\"}}\n"), hash))
    }

    /// The line and its hash from text without its end of line, if the hash is right.
    pub fn unseal(text: &str) -> Option<(Self, String)> {
        let (open, hash_of_it) = text.strip_suffix("\"}")?.rsplit_once(JOINT)?;
        let body = format!("{open}}}");
        if hash(&body) != hash_of_it {
            return None;
        }
        Some((serde_json::from_str(&body).ok()?, hash_of_it.to_owned()))
    }
}

fn hash(body: &str) -> String {
    blake3::hash(body.as_bytes()).to_hex().as_str().to_owned()
}
