//! Every label and paragraph of the pages, beside the notices and faults. Not: when one is shown.
//!
//! **Where the manual has a word for something, it is that word.**

mod en;
mod es;

use crate::language::Language;

/// A piece of a page, named by what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    LoginTitle,
    LoginLead,
    Username,
    Password,
    Stay,
    StayHint,
    RecoverUsername,
    RecoverPassword,
    LogIn,
    CreateUser,
    CreateLead,
    RegistrationTitle,
    Email,
    EmailHint,
    UsernameHint,
    Key,
    RepeatKey,
    FullName,
    FullNameHint,
    Accept,
    Considerations,
    ConsiderEmail,
    ConsiderUsername,
    ConsiderMail,
    MailTitle,
    ConfirmationTitle,
    ConfirmationLead,
    Confirm,
    ConfirmedTitle,
    UsernameRecoveryLead,
    PasswordRecoveryLead,
    RecoveryConfirmationTitle,
    RecoveryConfirmationLead,
    RecoveryConfirmedTitle,
    ChooseTitle,
    ChangePassword,
    CurrentPassword,
    NewPassword,
    RepeatPassword,
    ChangedTitle,
    LinkTitle,
    RegisterAgain,
    GoToLogin,
    LoggedOutTitle,
    LogOut,
    Sessions,
    SessionsLead,
    ThisSession,
    UnknownDevice,
    OpenedAt,
    LastSeen,
    EndSession,
    EndOthers,
    SessionEnded,
    OthersEnded,
    Contact,
    ContactLead,
    ContactNone,
    Questions,
    WhyNoUser,
    WhyNoUserAnswer,
    WhyNoEntry,
    WhyNoEntryUnconfirmed,
    WhyNoEntryLocked,
    Skip,
    Menu,
    ErrorPrefix,
    ProblemTitle,
    SorryTitle,
    ShowPassword,
    HidePassword,
    RulesTitle,
    RuleUppercase,
    RuleLowercase,
    RuleDigit,
    RuleMet,
    OtherLanguage,
    NotSignedIn,
    ForeignOrigin,
    BadForm,
}

/// The piece in words.
pub(crate) fn label(label: Label, language: Language) -> &'static str {
    match language {
        Language::Es => es::label(label),
        Language::En => en::label(label),
    }
}

/// The rule about a password's length.
pub(crate) fn least_length(length: u16, language: Language) -> String {
    match language {
        Language::Es => format!("al menos {length} caracteres"),
        Language::En => format!("at least {length} characters"),
    }
}
