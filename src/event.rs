//! What happened, for the audit. Not: a log line; the host writes those from events.
//!
//! **Every public call that changes or refuses something records exactly one event, in the commit of the change.**

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::client::{Client, DeviceLabel};
use crate::clock::Timestamp;
use crate::identity::UserId;
use crate::mail::MailPurpose;

/// One audit event. Holds no secret, and never a user name or an address that somebody unknown typed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    at: Timestamp,
    kind: EventKind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    user: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    device: Option<DeviceLabel>,
}

impl Event {
    pub(crate) fn new(at: Timestamp, kind: EventKind, user: Option<UserId>, client: &Client) -> Self {
        Self { at, kind, user, address: client.address(), device: client.device().cloned() }
    }

    /// When.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// What, with its outcome.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// Which user, where the event is about a known one.
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// The caller's network address, as the host trusted it.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The caller's device.
    pub fn device(&self) -> Option<&DeviceLabel> {
        self.device.as_ref()
    }
}

/// Redacted: a network address is personal data.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("at", &self.at)
            .field("kind", &self.kind)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal,)*) => {
        /// What happened. The code of each kind is stable; new kinds may come.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $kind,)*
            /// A mail was handed to the mailer.
            MailSent(MailPurpose),
            /// The mailer refused a mail for good: staff should look at the address.
            MailRefused(MailPurpose),
            /// A mail was given up because its purpose was over before it could be sent.
            MailExpired(MailPurpose),
        }

        impl EventKind {
            /// The kind's stable code, for a column or a log.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)*
                    Self::MailSent(_) => "mail_sent",
                    Self::MailRefused(_) => "mail_refused",
                    Self::MailExpired(_) => "mail_expired",
                }
            }

            /// Every kind but those of mails, with its code: the inventory that the docs print.
            pub const INVENTORY: &'static [(Self, &'static str)] = &[$((Self::$kind, $code),)*];
        }
    };
}

event_kinds! {
    /// Somebody registered; whether the address is a patient's is not known yet.
    RegistrationReceived = "registration_received",
    /// A form of registration with faults.
    RegistrationInvalid = "registration_invalid",
    /// A registration under a name that a confirmed user has.
    RegistrationNameTaken = "registration_name_taken",
    /// A registration was confirmed: the user exists from here on.
    RegistrationConfirmed = "registration_confirmed",
    /// A link of registration that is unknown, used or expired.
    ConfirmationLinkInvalid = "confirmation_link_invalid",
    /// A good link with a name or a password that no waiting registration has.
    ConfirmationRejected = "confirmation_rejected",
    /// A good link and password, under a name that another user has got meanwhile.
    ConfirmationNameTaken = "confirmation_name_taken",
    /// A good link and password, but no patient who may use the portal has this address.
    ConfirmationNotAPatient = "confirmation_not_a_patient",
    /// A good link and password, but the address has as many users as the policy allows.
    ConfirmationTooManyUsers = "confirmation_too_many_users",
    /// A login.
    SignedIn = "signed_in",
    /// A login with a temporary password: nothing can be done with it but to change the password.
    SignedInTemporarily = "signed_in_temporarily",
    /// A login with an unknown name, or one that cannot be a name.
    LoginUnknown = "login_unknown",
    /// A login with a wrong password; counted.
    LoginWrongPassword = "login_wrong_password",
    /// The wrong password that locked the user.
    LoginLocked = "login_locked",
    /// A login while locked, not judged.
    LoginWhileLocked = "login_while_locked",
    /// A login of a disabled user.
    LoginWhileDisabled = "login_while_disabled",
    /// A login while a temporary password is awaited, expired or not the one typed; not counted.
    LoginWrongTemporary = "login_wrong_temporary",
    /// The stored hash is none that we could have made: a row was damaged or tampered with.
    CorruptCredential = "corrupt_credential",
    /// A stored record could not be read: a row was damaged, tampered with, or written by a later release. Whatever was
    /// asked for was not done.
    RecordUnreadable = "record_unreadable",
    /// Somebody asked for the user names of an address.
    UserNamesRequested = "user_names_requested",
    /// A form of recovery with faults.
    RecoveryInvalid = "recovery_invalid",
    /// Somebody asked to recover a password.
    RecoveryRequested = "recovery_requested",
    /// The owner of the mailbox confirmed the recovery: the old password is dead.
    RecoveryConfirmed = "recovery_confirmed",
    /// A link of recovery that is unknown, used, expired or of an older generation.
    RecoveryLinkInvalid = "recovery_link_invalid",
    /// The owner of the mailbox chose a new password on the page of the link.
    PasswordChosen = "password_chosen",
    /// A good link of recovery with a new password that breaks a rule.
    PasswordChoiceInvalid = "password_choice_invalid",
    /// A password was changed.
    PasswordChanged = "password_changed",
    /// A change of password with faults.
    PasswordChangeInvalid = "password_change_invalid",
    /// A change of password without a session that may do it.
    PasswordChangeRefused = "password_change_refused",
    /// A change of password with a wrong current one; counted.
    PasswordChangeWrongPassword = "password_change_wrong_password",
    /// The wrong current password that locked the user and closed the session.
    PasswordChangeLocked = "password_change_locked",
    /// A change of password while locked, not judged.
    PasswordChangeWhileLocked = "password_change_while_locked",
    /// A session was ended by its owner.
    SignedOut = "signed_out",
    /// Another session was ended by its owner.
    SessionClosed = "session_closed",
    /// All other sessions were ended by their owner.
    OtherSessionsClosed = "other_sessions_closed",
    /// All sessions were ended by their owner.
    SignedOutEverywhere = "signed_out_everywhere",
    /// A session was to be ended with a token that opens none.
    SessionRefused = "session_refused",
    /// Staff ended all sessions of a user.
    SessionsRevoked = "sessions_revoked",
    /// The clinic disabled a user.
    UserDisabled = "user_disabled",
    /// The clinic enabled a user again.
    UserEnabled = "user_enabled",
    /// The clinic removed a user.
    UserRemoved = "user_removed",
    /// The registry was read again: nothing about the user changed.
    PatientsConfirmed = "patients_confirmed",
    /// The registry was read again: the user's patients are others now.
    PatientsChanged = "patients_changed",
    /// No patient of the address is left: the user was disabled.
    UserDisabledNoPatients = "user_disabled_no_patients",
    /// A patient of the address was found again: the user was enabled.
    UserEnabledPatientsFound = "user_enabled_patients_found",
    /// A call of the clinic's staff about a user that is not there, or is so already.
    StaffCallWithoutEffect = "staff_call_without_effect",
    /// Registrations of an address that is no patient's were removed.
    RegistrationsRemoved = "registrations_removed",
    /// An address stands in more patient records than the policy links: it is treated as nobody's.
    TooManyPatients = "too_many_patients",
    /// The registry could not be asked while a temporary password was made; the user's patients stay as they were.
    RegistrySkipped = "registry_skipped",
    /// Sessions, links, registrations and mails of a restored backup were forgotten.
    RestoreForgotten = "restore_forgotten",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_as_serialized() {
        let mut codes: Vec<&str> = EventKind::INVENTORY.iter().map(|(_, code)| *code).collect();
        for (kind, code) in EventKind::INVENTORY {
            assert_eq!(kind.code(), *code);
            assert_eq!(serde_json::to_value(kind).expect("plain"), *code);
        }
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
