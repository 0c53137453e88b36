//! A mail as the mailer gets it, and the intent to send one. Not: its words, which are in `text`.
//!
//! **An intent holds no secret; a mail does, and exists only between the courier and the mailer.**

pub(crate) mod intent;

use std::fmt;

use zeroize::Zeroizing;

use crate::identity::{EmailAddress, MailId};
use crate::language::Language;

/// What a mail is for. Closed: each purpose has its own text, brake and lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailPurpose {
    /// Asks the owner of the address to confirm a registration. Has a link.
    ConfirmRegistration,
    /// Tells that the registration is confirmed.
    RegistrationConfirmed,
    /// Lists the user names of the address.
    UserNames,
    /// Asks the owner of the address to confirm the recovery of a password. Has a link.
    ConfirmRecovery,
    /// Brings the temporary password.
    TemporaryPassword,
    /// Tells that the password was changed.
    PasswordChanged,
    /// Tells that wrong passwords have locked the user.
    UserLocked,
}

impl MailPurpose {
    /// Every purpose, for lists and tests.
    pub const ALL: [Self; 7] = [
        Self::ConfirmRegistration,
        Self::RegistrationConfirmed,
        Self::UserNames,
        Self::ConfirmRecovery,
        Self::TemporaryPassword,
        Self::PasswordChanged,
        Self::UserLocked,
    ];

    /// The purpose's stable code, for a column or a log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ConfirmRegistration => "confirm_registration",
            Self::RegistrationConfirmed => "registration_confirmed",
            Self::UserNames => "user_names",
            Self::ConfirmRecovery => "confirm_recovery",
            Self::TemporaryPassword => "temporary_password",
            Self::PasswordChanged => "password_changed",
            Self::UserLocked => "user_locked",
        }
    }

    /// Whether the mail has a link or a temporary password inside, so that each try of it says something else and only the
    /// newest is good.
    pub const fn holds_secret(self) -> bool {
        match self {
            Self::ConfirmRegistration | Self::ConfirmRecovery | Self::TemporaryPassword => true,
            Self::RegistrationConfirmed | Self::UserNames | Self::PasswordChanged | Self::UserLocked => false,
        }
    }
}

/// A mail to hand over: plain text and HTML say the same.
///
/// It may hold a link's token or a temporary password, so it must not be logged or kept; its memory is wiped when it is
/// dropped.
#[derive(Clone)]
pub struct Mail {
    pub(crate) id: MailId,
    pub(crate) to: EmailAddress,
    pub(crate) purpose: MailPurpose,
    pub(crate) language: Language,
    pub(crate) subject: String,
    pub(crate) text: Zeroizing<String>,
    pub(crate) html: Zeroizing<String>,
}

impl Mail {
    /// Names the intent: the same for every try. A `Message-ID` by itself only where the purpose
    /// [holds no secret](MailPurpose::holds_secret): else each try has a newer link or password inside, and a mail program
    /// that takes two mails for one shows the older, whose secret is dead.
    pub fn id(&self) -> MailId {
        self.id
    }

    /// The one recipient, as the clinic's record or the user's account spells it; never what a visitor typed.
    pub fn to(&self) -> &EmailAddress {
        &self.to
    }

    /// What it is for.
    pub fn purpose(&self) -> MailPurpose {
        self.purpose
    }

    /// The language that it is written in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The subject, without line breaks. Holds nothing that a visitor typed.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The body as plain text, lines ending in LF.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The body as a whole HTML document without scripts, images or anything remote.
    pub fn html(&self) -> &str {
        &self.html
    }
}

/// Redacted: shows which mail, never to whom or what.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("purpose", &self.purpose).finish_non_exhaustive()
    }
}
