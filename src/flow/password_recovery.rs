//! A forgotten password is recovered: the request, and what the link in the mail confirms. Not: the temporary password,
//! which is made at delivery.
//!
//! **Nothing about the account changes until the owner of the mailbox confirms; then the old password, its lock, every
//! session and every link are dead at once.**

use serde::Deserialize;

use crate::entropy::Fresh;
use crate::event::EventKind;
use crate::fault::Fault;
use crate::flow::{
    Moment, RecoveryRequest, Run, Runs, Step, Typed, email_address, new_password_faults, personal_words, redacted,
    username,
};
use crate::link::{LinkPurpose, LinkToken};
use crate::mail::MailPurpose;
use crate::mail::intent::Addressee;
use crate::mailbox::{FoundLink, Mailbox};
use crate::plan::{Commit, Plan};
use crate::policy::Recovery;
use crate::secret::Password;
use crate::user::User;

/// What the page *Recuperar contraseña* asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordRecoveryForm {
    /// The address.
    pub email: String,
    /// The user name.
    pub username: String,
}

/// The answer to the confirmation of a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RecoveryConfirmation {
    /// The old password is dead, and a mail with a temporary one is under way.
    Accepted,
    /// The link is unknown, used, expired, or older than the last change of the password: ask for recovery again.
    LinkInvalid,
}

/// What the page of a recovery link asks for under [`Recovery::ChoosePassword`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordChoiceForm {
    /// The token in the link.
    pub token: String,
    /// The new password.
    pub new: Password,
    /// The new password again.
    pub repeated: Password,
}

/// The answer to a choice of password. All but the first leave the link as good as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum PasswordChoice {
    /// The password is the new one, and every session has ended: the user can log in.
    Changed,
    /// Everything that is wrong with the new password.
    Invalid(Vec<Fault>),
    /// The link is unknown, used, expired, or older than the last change of the password: ask for recovery again.
    LinkInvalid,
}

redacted!(PasswordRecoveryForm, PasswordChoiceForm);

pub(crate) fn request(form: &PasswordRecoveryForm, m: &Moment<'_>, fresh: &mut Fresh) -> Step<RecoveryRequest> {
    let (email, username) = match (email_address(&form.email), username(&form.username)) {
        (Ok(email), Ok(username)) => (email, username),
        (email, username) => {
            let faults = [email.err(), username.err()].into_iter().flatten().collect();
            return m.refuse(RecoveryRequest::Invalid(faults), EventKind::RecoveryInvalid, None);
        }
    };
    let addressee = Addressee::Typed { email, username: Some(username) };
    let commit = Commit::new()
        .queue_mail(m.mail_typed(MailPurpose::ConfirmRecovery, addressee, fresh))
        .record(m.event(EventKind::RecoveryRequested, None));
    Step::Done(Plan { answer: RecoveryRequest::Accepted, commit })
}

/// What was read: the user is the link's, if the link is live.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) mailbox: Option<Mailbox>,
    pub(crate) user: Option<User>,
}

/// The live link of the token.
pub(crate) fn opened(mailbox: Option<&Mailbox>, token: Option<&LinkToken>, m: &Moment<'_>) -> Option<FoundLink> {
    let digest = token?.digest(LinkPurpose::Recovery);
    mailbox?.live_link(&digest, LinkPurpose::Recovery, m.now, m.policy)
}

/// The mailbox and the user of a link that can still be used.
fn usable<'a>(facts: &'a Facts, token: Option<&LinkToken>, m: &Moment<'_>) -> Option<(&'a Mailbox, &'a User)> {
    let link = opened(facts.mailbox.as_ref(), token, m)?;
    let user = facts.user.as_ref()?;
    let same = link.user == Some(user.id()) && link.generation == Some(user.generation());
    facts.mailbox.as_ref().zip((same && user.is_active()).then_some(user))
}

pub(crate) fn confirm(
    facts: &Facts,
    token: Option<&LinkToken>,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Step<RecoveryConfirmation> {
    let invalid = || {
        m.refuse(RecoveryConfirmation::LinkInvalid, EventKind::RecoveryLinkInvalid, facts.user.as_ref().map(User::id))
    };
    if m.policy.recovery == Recovery::ChoosePassword {
        return invalid();
    }
    let Some((mailbox, user)) = usable(facts, token, m) else { return invalid() };
    let Some(awaiting) = user.recovery_confirmed(m.when()) else { return invalid() };
    let commit = Commit::new()
        .replace_mailbox(mailbox, mailbox.used(LinkPurpose::Recovery, Some(user.id())))
        .close_sessions_of(user.id(), None)
        .queue_mail(m.mail_to(&awaiting, MailPurpose::TemporaryPassword, fresh))
        .record(m.event(EventKind::RecoveryConfirmed, Some(user.id())))
        .replace_user(user, awaiting);
    Step::Done(Plan { answer: RecoveryConfirmation::Accepted, commit })
}

pub(crate) fn choose(
    facts: &Facts,
    token: Option<&LinkToken>,
    form: &PasswordChoiceForm,
    runs: &Runs,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Step<PasswordChoice> {
    let invalid =
        || m.refuse(PasswordChoice::LinkInvalid, EventKind::RecoveryLinkInvalid, facts.user.as_ref().map(User::id));
    if m.policy.recovery != Recovery::ChoosePassword {
        return invalid();
    }
    let Some((mailbox, user)) = usable(facts, token, m) else { return invalid() };
    let faults = new_password_faults(&form.new, &form.repeated, &personal_words(user), m);
    if !faults.is_empty() {
        return m.refuse(PasswordChoice::Invalid(faults), EventKind::PasswordChoiceInvalid, Some(user.id()));
    }
    let run = Run::Hash { typed: Typed::New };
    let Some(hash) = runs.of(&run).and_then(|ran| ran.hash.clone()) else { return Step::Hash(run) };
    let Some(changed) = user.with_password(hash, m.when()) else { return invalid() };
    let commit = Commit::new()
        .replace_mailbox(mailbox, mailbox.used(LinkPurpose::Recovery, Some(user.id())))
        .close_sessions_of(user.id(), None)
        .queue_mail(m.mail_to(&changed, MailPurpose::PasswordChanged, fresh))
        .record(m.event(EventKind::PasswordChosen, Some(user.id())))
        .replace_user(user, changed);
    Step::Done(Plan { answer: PasswordChoice::Changed, commit })
}
