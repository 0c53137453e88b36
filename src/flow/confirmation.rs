//! The owner of a mailbox confirms a registration. Not: a login; no session comes of it.
//!
//! **The link proves the mailbox, the password proves who registered: neither is enough alone.**

use serde::Deserialize;

use crate::entropy::Fresh;
use crate::event::EventKind;
use crate::flow::{Eligible, Moment, Run, Runs, Step, Typed, eligible, redacted};
use crate::identity::{EmailAddress, RegistrationId, UserId, Username};
use crate::link::{LinkPurpose, LinkToken};
use crate::mail::MailPurpose;
use crate::mail::intent::Addressee;
use crate::mailbox::Mailbox;
use crate::patient::Patient;
use crate::plan::{Commit, Plan};
use crate::registration::Registration;
use crate::secret::Password;
use crate::user::{Patients, User};

/// What the page of the confirmation link asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationForm {
    /// The token in the link.
    pub token: String,
    /// The user name that was registered.
    pub username: String,
    /// The password that was registered.
    pub password: Password,
    /// The reference that registering gave, if the browser still has it. Anything else is ignored.
    #[serde(default)]
    pub reference: Option<String>,
}

/// The answer to a confirmation. All but the first leave the link as good as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Confirmation {
    /// The user exists and can log in. A mail says so too.
    Confirmed,
    /// The link is unknown, used or expired. Whoever has confirmed already can log in; whoever has not registers again.
    LinkInvalid,
    /// No waiting registration of the address has this name and password. Registering again is the way, with the same
    /// link.
    Rejected,
    /// Another confirmed user has got the name meanwhile: register again under another one, with the same link.
    UsernameTaken,
    /// No patient with access to the portal has this address any more: contact the clinic.
    NotAPatient,
    /// The address has as many users as the clinic allows: contact the clinic.
    TooManyUsers,
}

pub(crate) struct Request {
    pub(crate) token: Option<LinkToken>,
    pub(crate) username: Option<Username>,
    pub(crate) password: Password,
    pub(crate) reference: Option<RegistrationId>,
}

redacted!(ConfirmationForm, Request);

pub(crate) fn parse(form: ConfirmationForm) -> Request {
    Request {
        token: LinkToken::parse(&form.token),
        username: form.username.parse().ok(),
        password: form.password,
        reference: form.reference.and_then(|text| text.parse().ok()),
    }
}

/// What was read: behind the mailbox only what a live link entitles to know. The mailbox is read before the sets.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) mailbox: Option<Mailbox>,
    /// The registration of the reference, if there is one.
    pub(crate) referred: Option<Registration>,
    /// The newest registrations of the address under the name.
    pub(crate) registrations: Vec<Registration>,
    pub(crate) patients: Vec<Patient>,
    pub(crate) users: Vec<User>,
    pub(crate) holder: Option<User>,
}

/// At most this many registrations are tried, so that a flood of others' costs a bounded time.
pub(crate) const MOST_TRIED: u32 = 8;

/// The mailbox, if the token is a live link of it.
pub(crate) fn opened<'a>(mailbox: Option<&'a Mailbox>, request: &Request, m: &Moment<'_>) -> Option<&'a Mailbox> {
    let digest = request.token.as_ref()?.digest(LinkPurpose::Registration);
    mailbox.filter(|mailbox| mailbox.live_link(&digest, LinkPurpose::Registration, m.now, m.policy).is_some())
}

pub(crate) fn decide(
    facts: &Facts,
    request: &Request,
    runs: &Runs,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Step<Confirmation> {
    let Some(mailbox) = opened(facts.mailbox.as_ref(), request, m) else {
        return m.refuse(Confirmation::LinkInvalid, EventKind::ConfirmationLinkInvalid, None);
    };
    let mut proven = None;
    for registration in candidates(facts, mailbox.email(), request, m) {
        let run = Run::Verify { stored: registration.hash.clone(), typed: Typed::Password, renew: false };
        match runs.of(&run) {
            None => return Step::Hash(run),
            Some(ran) if ran.matched => {
                proven = Some(registration);
                break;
            }
            Some(_) => {}
        }
    }
    let Some(registration) = proven else {
        // As much work as for one that is there.
        return match runs.of(&Run::Dummy) {
            None if candidates(facts, mailbox.email(), request, m).next().is_none() => Step::Hash(Run::Dummy),
            _ => m.refuse(Confirmation::Rejected, EventKind::ConfirmationRejected, None),
        };
    };
    match eligible(&facts.patients, mailbox.email(), m.policy) {
        Eligible::Patients { .. } if facts.users.len() >= usize::from(m.policy.email.max_users) => {
            m.refuse(Confirmation::TooManyUsers, EventKind::ConfirmationTooManyUsers, None)
        }
        Eligible::Patients { .. } if facts.holder.is_some() => {
            m.refuse(Confirmation::UsernameTaken, EventKind::ConfirmationNameTaken, None)
        }
        Eligible::Patients { patients, email } => Step::Done(confirm(mailbox, registration, patients, email, m, fresh)),
        Eligible::Nobody | Eligible::TooMany => {
            m.refuse(Confirmation::NotAPatient, EventKind::ConfirmationNotAPatient, None)
        }
    }
}

/// The registrations to try: the referred one first, then the newest.
fn candidates<'a>(
    facts: &'a Facts,
    email: &'a EmailAddress,
    request: &'a Request,
    m: &'a Moment<'_>,
) -> impl Iterator<Item = &'a Registration> {
    let fits = move |registration: &&Registration| {
        registration.email() == email
            && request.username.as_ref() == Some(registration.username())
            && registration.is_waiting(m.now, m.policy.registration_lifetime)
    };
    let referred = facts.referred.as_ref().filter(fits);
    let others = facts.registrations.iter().filter(fits);
    let others = others.filter(move |registration| referred.is_none_or(|referred| referred.id() != registration.id()));
    referred.into_iter().chain(others).take(MOST_TRIED as usize)
}

fn confirm(
    mailbox: &Mailbox,
    registration: &Registration,
    patients: Patients,
    email: EmailAddress,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Plan<Confirmation> {
    let user = User::confirmed(UserId::from_bytes(fresh.take()), registration.clone(), email, patients, m.now);
    // Others of the address may wait, and their links are used up now.
    let others = Addressee::Typed { email: mailbox.email().clone(), username: None };
    let commit = Commit::new()
        .replace_mailbox(mailbox, mailbox.used(LinkPurpose::Registration, None))
        .remove_registration(registration.id())
        .remove_registrations_of(mailbox.email().clone(), Some(registration.username().clone()))
        .queue_mail(m.mail_to(&user, MailPurpose::RegistrationConfirmed, fresh))
        .queue_mail(m.mail_typed(MailPurpose::ConfirmRegistration, others, fresh))
        .record(m.event(EventKind::RegistrationConfirmed, Some(user.id())))
        .insert_user(user);
    Plan { answer: Confirmation::Confirmed, commit }
}
