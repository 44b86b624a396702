use crate::fresh::Fresh;
use crate::{Identity, Token, TrustError, Users, now};
use std::path::PathBuf;

/// The file of users as it is now: whoever is removed is refused from the next request on.
pub struct Directory(Fresh<Users>);

impl Directory {
    /// The directory of a file, which must be good now.
    ///
    /// # Errors
    /// As [`Users::load`].
    pub fn open(path: PathBuf) -> Result<Self, TrustError> {
        let directory = Self(Fresh::new(path));
        directory.0.get(Users::load)?;
        Ok(directory)
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`TrustError::Refused`], or the file has become unreadable: then nobody is let in.
    pub fn identify(&self, token: &Token) -> Result<Identity, TrustError> {
        self.0.get(Users::load)?.identify(token, now())
    }

    /// Whose client certificate (DER) this is.
    ///
    /// # Errors
    /// As [`Directory::identify`].
    pub fn identify_certificate(&self, der: &[u8]) -> Result<Identity, TrustError> {
        self.0.get(Users::load)?.identify_certificate(der, now())
    }

    /// A user's account by name; `None` if there is none.
    ///
    /// # Errors
    /// The file has become unreadable.
    pub fn account(&self, name: &str) -> Result<Option<String>, TrustError> {
        let users = self.0.get(Users::load)?;
        Ok(users.list().iter().find(|u| u.name == name).map(crate::User::account))
    }

    /// True as long as nobody has an account.
    ///
    /// # Errors
    /// The file has become unreadable.
    pub fn is_empty(&self) -> Result<bool, TrustError> {
        Ok(self.0.get(Users::load)?.list().is_empty())
    }
}
