//! Every sentence that a person reads: mails, faults, notices. Not: when one is said, and to whom it is sent.
//!
//! **A mail holds no word that a visitor typed, and its subject holds nothing variable at all.**
//!
//! A mail is a list of parts in one language (`Draft`); the plain text and the HTML are both made from that list.

mod en;
mod es;
#[cfg(feature = "axum")]
pub(crate) mod page;

use std::borrow::Cow;
use std::time::Duration;

use crate::fault::{Fault, Field, Rule};
use crate::language::Language;

/// What a person reads after a request.
///
/// Closed on purpose: a page that shows these decides about each of them, and a new one must not pass as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// The registration was taken. Says nothing about the e-mail.
    RegistrationAccepted,
    /// A confirmed user has this name already.
    UsernameTaken,
    /// The registration is confirmed; a user exists.
    RegistrationConfirmed,
    /// User name or password is not that of a registration which waits at this address.
    ConfirmationRejected,
    /// The link is unknown, used or expired.
    LinkInvalid,
    /// To the holder of a link: the address is in no patient record with access to the portal.
    NotAPatient,
    /// To the holder of a link: the address has as many users as the clinic allows.
    TooManyUsers,
    /// No login: one text for every reason.
    LoginRejected,
    /// Logged in with a temporary password, which serves to choose a new one only.
    MustChangePassword,
    /// The list of user names was asked for. Says nothing about the e-mail.
    UserNameSent,
    /// Recovery of the password was asked for. Says nothing about the e-mail and the user name.
    RecoverySent,
    /// Recovery is confirmed; a temporary password is under way.
    RecoveryConfirmed,
    /// The new password is in force.
    PasswordChanged,
    /// The password stays as it was: the current one was wrong, or the user is locked.
    ChangeRejected,
    /// The session is closed.
    LoggedOut,
    /// Too much to do at the moment; nothing was done.
    Busy,
    /// Something that is needed cannot be reached. Whether the request took effect may be unknown.
    Unavailable,
}

/// What a person reads about one fault of a form.
///
/// ```
/// use acceso::{Fault, Field, Language, Rule, text};
///
/// let short = Fault::new(Field::Password, Rule::TooShort(8));
/// assert_eq!(text::fault(short, Language::Es), "La contraseña necesita al menos 8 caracteres.");
/// ```
pub fn fault(fault: Fault, language: Language) -> String {
    match language {
        Language::Es => es::fault(fault),
        Language::En => en::fault(fault),
    }
}

/// What a person reads after a request.
///
/// What anybody may ask for is answered alike for everybody, so these texts name every possibility instead of the one
/// that holds. Show them as they are: a page that adds the reason tells strangers who is a patient.
///
/// ```
/// use acceso::{Language, text};
///
/// assert_eq!(text::notice(text::Notice::LoggedOut, Language::Es), "Su sesión está cerrada.");
/// ```
pub fn notice(notice: Notice, language: Language) -> &'static str {
    match language {
        Language::Es => es::notice(notice),
        Language::En => en::notice(notice),
    }
}

/// What the frame of every mail says of the portal.
pub(crate) struct Portal {
    /// The name that people know it by.
    pub(crate) name: String,
    /// The base address, such as `https://portal.example`.
    pub(crate) home: String,
    /// How people reach the clinic, such as `0800 555 0000 o turnos@clinica.example`.
    pub(crate) contact: Option<String>,
}

/// One mail's content, before it has words. Lifetimes count from the mail.
pub(crate) enum Letter<'a> {
    /// Asks whoever registered to confirm it.
    ConfirmRegistration { link: &'a str, lifetime: Duration },
    /// The user exists and can log in.
    RegistrationConfirmed,
    /// The active users of the address.
    UserNames { usernames: &'a [&'a str] },
    /// Asks whether the password is to be recovered.
    ConfirmRecovery { link: &'a str, lifetime: Duration },
    /// The temporary password, after recovery was confirmed.
    TemporaryPassword { password: &'a str, lifetime: Duration },
    /// Asks for the new password at once, without a temporary one.
    ChoosePassword { link: &'a str, lifetime: Duration },
    /// A password was changed or chosen.
    PasswordChanged,
    /// Wrong passwords have locked a user: until recovery, or for a time.
    UserLocked { until_recovery: bool },
}

/// A mail in words. Without `Debug`, since it may hold a temporary password or a live link.
pub(crate) struct Words {
    /// One line, the same for every portal and person.
    pub(crate) subject: String,
    /// The body as plain text, with LF line ends.
    pub(crate) text: String,
    /// The body as an HTML document, with LF line ends. Fetches nothing.
    pub(crate) html: String,
}

/// The words of a letter.
pub(crate) fn letter(letter: &Letter<'_>, portal: &Portal, language: Language) -> Words {
    let (draft, frame) = match language {
        Language::Es => (es::letter(letter, portal), es::frame(portal)),
        Language::En => (en::letter(letter, portal), en::frame(portal)),
    };
    // The portal's name stands at the end: lock screens show how a mail begins, and a clinic's name can tell the
    // speciality.
    let mut parts = vec![Part::Prose(frame.greeting.into())];
    parts.extend(draft.parts);
    parts.extend([
        Part::Divider,
        Part::Prose(frame.help),
        Part::Prose(frame.automatic.into()),
        Part::Prose(portal.name.as_str().into()),
        Part::Address(&portal.home),
    ]);
    Words {
        subject: draft.subject.to_owned(),
        text: as_text(&parts),
        html: as_html(draft.subject, &parts, language.code()),
    }
}

/// A mail in one language, without the frame. Its subject can hold nothing variable, by type.
struct Draft<'a> {
    subject: &'static str,
    parts: Vec<Part<'a>>,
}

/// What one language puts around every mail.
struct Frame<'a> {
    greeting: &'static str,
    help: Cow<'a, str>,
    automatic: &'static str,
}

/// A piece of a mail's body.
enum Part<'a> {
    /// A paragraph, wrapped.
    Prose(Cow<'a, str>),
    /// What to open, and the words for doing so.
    Link { label: &'static str, url: &'a str },
    /// An address without words.
    Address(&'a str),
    /// Things one below the other, to be copied as they are.
    List(&'a [&'a str]),
    /// One thing to be copied as it is.
    Secret(&'a str),
    /// The end of the letter, before what stands in each.
    Divider,
}

/// Words by number: one, and every other.
struct Counted(&'static str, &'static str);

impl Counted {
    fn by(&self, number: u64) -> String {
        format!("{number} {}", if number == 1 { self.0 } else { self.1 })
    }
}

/// A duration in hours and minutes, rounded down: a mail must not promise a minute too many.
fn in_words(duration: Duration, hour: &Counted, minute: &Counted, and: &str) -> String {
    let minutes = duration.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => minute.by(minutes),
        (hours, 0) => hour.by(hours),
        (hours, minutes) => format!("{} {and} {}", hour.by(hours), minute.by(minutes)),
    }
}

/// The widest line of prose, in characters.
const WIDTH: usize = 76;

/// Room for any of our mails, given in one piece: a buffer that grows leaves copies of a secret behind.
const ROOM: usize = 16 * 1024;

fn as_text(parts: &[Part<'_>]) -> String {
    let mut out = String::with_capacity(ROOM);
    for part in parts {
        if !out.is_empty() {
            out.push('\n');
        }
        match part {
            Part::Prose(prose) => wrapped(prose).iter().for_each(|line| push(&mut out, &[line, "\n"])),
            Part::Link { label, url } => push(&mut out, &[label, ":\n", url, "\n"]),
            Part::Address(line) | Part::Secret(line) => push(&mut out, &[line, "\n"]),
            Part::List(lines) => lines.iter().for_each(|line| push(&mut out, &[line, "\n"])),
            Part::Divider => out.push_str("--------\n"),
        }
    }
    out
}

fn as_html(title: &str, parts: &[Part<'_>], language: &str) -> String {
    let mut out = String::with_capacity(ROOM);
    push(&mut out, &["<!DOCTYPE html>\n<html lang=\"", language, "\">\n<head>\n<meta charset=\"utf-8\">\n"]);
    push(&mut out, &["<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"]);
    escape(&mut out, title);
    push(&mut out, &["</title>\n</head>\n<body style=\"", BODY, "\">\n"]);
    // Web mail drops the elements around the body, and with them the language.
    push(&mut out, &["<div lang=\"", language, "\" style=\"", COLUMN, "\">\n"]);
    for part in parts {
        match part {
            Part::Prose(prose) => {
                push(&mut out, &["<p style=\"", PARAGRAPH, "\">"]);
                for (nth, line) in wrapped(prose).iter().enumerate() {
                    push(&mut out, &[if nth == 0 { "" } else { "\n" }]);
                    escape(&mut out, line);
                }
                out.push_str("</p>\n");
            }
            Part::Link { label, url } => {
                push(&mut out, &["<p style=\"", PARAGRAPH, "\">"]);
                anchor(&mut out, url, label, BUTTON);
                out.push_str("</p>\n");
                address(&mut out, url);
            }
            Part::Address(url) => address(&mut out, url),
            // Kept from translators, which would "correct" a password or a name.
            Part::List(lines) => {
                push(&mut out, &["<ul translate=\"no\" style=\"", LIST, "\">\n"]);
                for line in *lines {
                    push(&mut out, &["<li style=\"", VERBATIM, "\">"]);
                    escape(&mut out, line);
                    out.push_str("</li>\n");
                }
                out.push_str("</ul>\n");
            }
            Part::Secret(secret) => {
                push(&mut out, &["<p translate=\"no\" style=\"", PARAGRAPH, ";", VERBATIM, "\">"]);
                escape(&mut out, secret);
                out.push_str("</p>\n");
            }
            Part::Divider => push(&mut out, &["<hr style=\"", DIVIDER, "\">\n"]),
        }
    }
    out.push_str("</div>\n</body>\n</html>\n");
    out
}

const BODY: &str = "margin:0;padding:24px;background:#ffffff;color:#1f2933;font:16px/1.5 Arial,Helvetica,sans-serif";
const COLUMN: &str = "max-width:560px;margin:0 auto";
const PARAGRAPH: &str = "margin:0 0 16px";
const BUTTON: &str = "display:inline-block;padding:12px 20px;border-radius:4px;background:#0b5394;color:#ffffff;\
                      font-weight:bold;text-decoration:none";
const VISIBLE: &str = "color:#0b5394;word-break:break-all";
const LIST: &str = "margin:0 0 16px;padding:0;list-style:none";
const VERBATIM: &str = "font:bold 18px/1.5 Consolas,Menlo,monospace;word-break:break-all";
const DIVIDER: &str = "margin:24px 0;border:0;border-top:1px solid #cbd2d9";

fn address(out: &mut String, url: &str) {
    push(out, &["<p style=\"", PARAGRAPH, "\">"]);
    anchor(out, url, url, VISIBLE);
    out.push_str("</p>\n");
}

fn anchor(out: &mut String, url: &str, label: &str, style: &str) {
    out.push_str("<a href=\"");
    escape(out, url);
    push(out, &["\" style=\"", style, "\">"]);
    escape(out, label);
    out.push_str("</a>");
}

fn push(out: &mut String, pieces: &[&str]) {
    for piece in pieces {
        out.push_str(piece);
    }
}

/// The one way of a variable text into HTML, within elements and within quoted attributes.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
}

/// Lines of at most [`WIDTH`] characters, unless one word is longer.
fn wrapped(prose: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut width = 0;
    for word in prose.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if width == 0 || width + 1 + length <= WIDTH => {
                if width > 0 {
                    line.push(' ');
                    width += 1;
                }
                line.push_str(word);
                width += length;
            }
            _ => {
                lines.push(word.to_owned());
                width = length;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests;
