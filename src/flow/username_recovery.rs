//! Somebody asks for the user names of an address. Not: which there are, which is found out at delivery.
//!
//! **The request looks up nothing, so its answer can tell nothing.**

use serde::Deserialize;

use crate::entropy::Fresh;
use crate::event::EventKind;
use crate::flow::{Moment, RecoveryRequest, Step, email_address, redacted};
use crate::mail::MailPurpose;
use crate::mail::intent::Addressee;
use crate::plan::{Commit, Plan};

/// What the page *Recuperar Usuario* asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsernameRecoveryForm {
    /// The address.
    pub email: String,
}

redacted!(UsernameRecoveryForm);

pub(crate) fn decide(form: &UsernameRecoveryForm, m: &Moment<'_>, fresh: &mut Fresh) -> Step<RecoveryRequest> {
    let email = match email_address(&form.email) {
        Ok(email) => email,
        Err(fault) => return m.refuse(RecoveryRequest::Invalid(vec![fault]), EventKind::RecoveryInvalid, None),
    };
    let addressee = Addressee::Typed { email, username: None };
    let commit = Commit::new()
        .queue_mail(m.mail_typed(MailPurpose::UserNames, addressee, fresh))
        .record(m.event(EventKind::UserNamesRequested, None));
    Step::Done(Plan { answer: RecoveryRequest::Accepted, commit })
}
