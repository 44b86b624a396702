use crate::{Identity, Role, Token, TrustError, hex, private, unhex};
use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// How errors call the file.
pub(crate) const FILE: &str = "The file of users";

/// Characters of a user's name.
const NAME: usize = 64;

/// Somebody with an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Their name here, in the audit trail too.
    pub name: String,
    /// Tells this account from earlier and later ones of the same name; none if it was made before there were ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Until when the account is good, in seconds since 1970; always, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    /// What the server knows of their token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Known>,
    /// SHA-256 of their client certificate (DER), hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

/// A token's number, and the salted hash of its secret, in hexadecimal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    id: String,
    salt: String,
    hash: String,
}

/// Everybody with an account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    #[serde(default, rename = "user")]
    users: Vec<User>,
}

impl Users {
    /// Reads the file; nobody has an account if it is not there.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or others than its owner may read it.
    pub fn load(path: &Path) -> Result<Self, TrustError> {
        let Some(text) = private::read(path, FILE)? else { return Ok(Self::default()) };
        // The parser's own text would show a line of the file.
        toml::from_str(&text).map_err(|e| TrustError::Damaged(FILE, e.message().to_owned()))
    }

    /// Reads the file, changes it and writes it, while no other process does.
    ///
    /// # Errors
    /// As [`Users::load`], or what `change` says, or the file cannot be written.
    pub fn edit<T>(path: &Path, change: impl FnOnce(&mut Self) -> Result<T, TrustError>) -> Result<T, TrustError> {
        let failed = |e: std::io::Error| TrustError::File(FILE, e.kind());
        let lock = private::open(&path.with_extension("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut users = Self::load(path)?;
        let outcome = change(&mut users)?;
        let text = toml::to_string(&users).map_err(|e| TrustError::Damaged(FILE, e.to_string()))?;
        private::write(path, &text, FILE)?;
        Ok(outcome)
    }

    /// Adds somebody and says their token: it is not to be had again.
    ///
    /// # Errors
    /// A name that is taken, or is none.
    pub fn add(&mut self, name: &str, role: Role, expires: Option<i64>) -> Result<String, TrustError> {
        let token = Token::random();
        let mut salt = [0; 16];
        rand::rng().fill_bytes(&mut salt);
        let known =
            Known { id: hex(&token.id), salt: hex(&salt), hash: token.hash(&salt).to_hex().as_str().to_owned() };
        self.push(User { name: name.to_owned(), id: new_id(), role, expires, token: Some(known), certificate: None })?;
        Ok(token.reveal())
    }

    /// Adds somebody who shows a client certificate (DER) instead of a token.
    ///
    /// # Errors
    /// A name that is taken, or is none.
    pub fn add_certificate(
        &mut self,
        name: &str,
        role: Role,
        expires: Option<i64>,
        der: &[u8],
    ) -> Result<(), TrustError> {
        let certificate = Some(hex(&Sha256::digest(der)));
        self.push(User { name: name.to_owned(), id: new_id(), role, expires, token: None, certificate })
    }

    fn push(&mut self, user: User) -> Result<(), TrustError> {
        check_name(&user.name)?;
        if self.users.iter().any(|u| u.name == user.name) {
            return Err(TrustError::Exists);
        }
        self.users.push(user);
        Ok(())
    }

    /// Takes an account away; its token and certificate are refused from then on.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn remove(&mut self, name: &str) -> Result<(), TrustError> {
        let before = self.users.len();
        self.users.retain(|u| u.name != name);
        if self.users.len() < before { Ok(()) } else { Err(TrustError::Absent) }
    }

    /// Everybody.
    #[must_use]
    pub fn list(&self) -> &[User] {
        &self.users
    }

    /// Whose token this is, at a moment in seconds since 1970. Takes the same time whether or not there is
    /// an account with the token's number.
    ///
    /// # Errors
    /// [`TrustError::Refused`], whatever the reason.
    pub fn identify(&self, token: &Token, now: i64) -> Result<Identity, TrustError> {
        let id = hex(&token.id);
        let of = |user: &User| {
            let known = user.token.as_ref().filter(|k| k.id == id)?;
            Some((unhex(&known.salt)?, unhex(&known.hash)?))
        };
        let found = self.users.iter().find_map(|u| of(u).map(|known| (u, known)));
        let (salt, hash) = found.map_or(([0; 16], [0; 32]), |(_, known)| known);
        // Comparing two BLAKE3 hashes takes the same time wherever they differ.
        let same = token.hash(&salt) == blake3::Hash::from_bytes(hash);
        match found {
            Some((user, _)) if same => user.at(now),
            _ => Err(TrustError::Refused),
        }
    }

    /// Whose client certificate (DER) this is.
    ///
    /// # Errors
    /// [`TrustError::Refused`].
    pub fn identify_certificate(&self, der: &[u8], now: i64) -> Result<Identity, TrustError> {
        let digest = hex(&Sha256::digest(der));
        let found = self.users.iter().find(|u| u.certificate.as_ref() == Some(&digest));
        found.ok_or(TrustError::Refused)?.at(now)
    }
}

impl User {
    fn at(&self, now: i64) -> Result<Identity, TrustError> {
        match self.expires {
            Some(expires) if now >= expires => Err(TrustError::Refused),
            _ => Ok(Identity { user: self.name.clone(), account: self.account(), role: self.role }),
        }
    }

    /// The account, to which things belong.
    #[must_use]
    pub fn account(&self) -> String {
        self.id.as_ref().map_or_else(|| self.name.clone(), |id| format!("{}#{id}", self.name))
    }

    /// By what they are known: `token` or `certificate`.
    #[must_use]
    pub fn known_by(&self) -> &'static str {
        if self.certificate.is_some() { "certificate" } else { "token" }
    }
}

fn new_id() -> Option<String> {
    let mut id = [0; 8];
    rand::rng().fill_bytes(&mut id);
    Some(hex(&id))
}

/// Whether somebody can be called so: a name among accounts, or what a log-in service's token makes of one.
///
/// # Errors
/// Says what names are made of.
pub fn check_user(name: &str) -> Result<(), TrustError> {
    match name.strip_prefix(crate::oidc::PREFIX) {
        Some(subject) if crate::oidc::is_subject(subject) => Ok(()),
        _ => check_name(name),
    }
}

fn check_name(name: &str) -> Result<(), TrustError> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    if name.is_empty() || name.len() > NAME || !name.chars().all(good) {
        return Err(TrustError::Name("A user's name has 1 to 64 letters, digits or . _ - @"));
    }
    Ok(())
}
