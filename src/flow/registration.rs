//! A visitor registers. Not: whether the address is a patient's, which is found out at delivery.
//!
//! **The answer depends on what was typed and on confirmed user names, and on nothing about the address.**

use serde::Deserialize;

use crate::entropy::Fresh;
use crate::event::EventKind;
use crate::fault::{Fault, Field, Rule};
use crate::flow::{Moment, Run, Runs, Step, Typed, email_address, full_name, new_password_faults, redacted, username};
use crate::identity::{EmailAddress, FullName, RegistrationId, Username};
use crate::language::Language;
use crate::mail::MailPurpose;
use crate::mail::intent::Addressee;
use crate::plan::{Commit, Plan};
use crate::registration::Registration;
use crate::secret::Password;
use crate::user::User;

/// What the page *Registrarse* asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationForm {
    /// The address that stands in the person's patient record.
    pub email: String,
    /// The user name that the person would like to have.
    pub username: String,
    /// The password.
    pub password: Password,
    /// The password again.
    pub repeated: Password,
    /// First and family name.
    pub full_name: String,
}

/// The answer to a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Registering {
    /// If the address is a patient's, a mail is under way to it. The reference, kept in the visitor's browser and given
    /// back at confirmation, lets this very registration be tried first; it names no person and proves nothing.
    Accepted(RegistrationId),
    /// Everything that is wrong with the form. Nothing has happened.
    Invalid(Vec<Fault>),
    /// A confirmed user has the name; another must be chosen. Nothing has happened.
    UsernameTaken,
}

pub(crate) struct Request {
    email: EmailAddress,
    pub(crate) username: Username,
    pub(crate) password: Password,
    full_name: FullName,
    language: Language,
}

redacted!(RegistrationForm, Request);

/// Longer words are no names, and looking for them in a password would be a way to keep us busy.
const LONGEST_WORD: usize = 320;

pub(crate) fn parse(form: RegistrationForm, m: &Moment<'_>) -> Result<Request, Vec<Fault>> {
    let RegistrationForm { email, username, password, repeated, full_name } = form;
    let words: Vec<&str> = [email.as_str(), email.split('@').next().unwrap_or_default(), &username, &full_name]
        .into_iter()
        .filter(|word| word.len() <= LONGEST_WORD)
        .collect();
    let mut faults = Vec::new();
    let parsed_email = email_address(&email).map_err(|fault| faults.push(fault));
    let parsed_username = parse_username(&username, m).map_err(|fault| faults.push(fault));
    faults.extend(new_password_faults(&password, &repeated, &words, m));
    let parsed_name = parse_full_name(&full_name).map_err(|fault| faults.push(fault));
    match (parsed_email, parsed_username, parsed_name) {
        (Ok(email), Ok(username), Ok(full_name)) if faults.is_empty() => {
            let language = m.client.language().unwrap_or(m.policy.language);
            Ok(Request { email, username, password, full_name, language })
        }
        _ => Err(faults),
    }
}

fn parse_username(text: &str, m: &Moment<'_>) -> Result<Username, Fault> {
    let name = username(text)?;
    if is_reserved(name.as_str(), m) { Err(Fault::new(Field::Username, Rule::Reserved)) } else { Ok(name) }
}

fn parse_full_name(text: &str) -> Result<FullName, Fault> {
    let name = full_name(text)?;
    if name.has_two_words() { Ok(name) } else { Err(Fault::new(Field::FullName, Rule::Incomplete)) }
}

/// Names that a patient could be taken in by.
const RESERVED: [&str; 32] = [
    "admin",
    "administracion",
    "administrador",
    "administrator",
    "anonymous",
    "ayuda",
    "clinica",
    "consultas",
    "contacto",
    "enfermeria",
    "help",
    "hospital",
    "info",
    "mailer-daemon",
    "medico",
    "noreply",
    "no-reply",
    "null",
    "operador",
    "postmaster",
    "recepcion",
    "root",
    "security",
    "seguridad",
    "sistema",
    "soporte",
    "staff",
    "support",
    "system",
    "turnos",
    "undefined",
    "webmaster",
];

fn is_reserved(name: &str, m: &Moment<'_>) -> bool {
    let letters =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    RESERVED.contains(&name)
        || m.policy.reserved_usernames.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
        || letters(name) == letters(m.portal_name)
}

pub(crate) fn decide(
    holder: Option<&User>,
    request: &Request,
    runs: &Runs,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Step<Registering> {
    if holder.is_some() {
        return m.refuse(Registering::UsernameTaken, EventKind::RegistrationNameTaken, None);
    }
    let run = Run::Hash { typed: Typed::Password };
    let Some(hash) = runs.of(&run).and_then(|ran| ran.hash.clone()) else { return Step::Hash(run) };
    let registration = Registration {
        id: RegistrationId::from_bytes(fresh.take()),
        username: request.username.clone(),
        email: request.email.clone(),
        full_name: request.full_name.clone(),
        hash,
        language: request.language,
        registered_at: m.now,
        expires_at: m.now.after(m.policy.registration_lifetime),
    };
    let addressee = Addressee::Typed { email: request.email.clone(), username: None };
    let answer = Registering::Accepted(registration.id);
    let commit = Commit::new()
        .insert_registration(registration)
        .queue_mail(m.mail_typed(MailPurpose::ConfirmRegistration, addressee, fresh))
        .record(m.event(EventKind::RegistrationReceived, None));
    Step::Done(Plan { answer, commit })
}
