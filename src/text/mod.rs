//! Every sentence that a person reads: mails, faults, notices. Not: when one is said, and to whom it is sent.
//!
//! **A mail holds no word that a visitor typed, and its subject holds nothing variable at all.**
//!
//! A mail is a list of parts in one language (`Draft`); the plain text and the HTML are both made from that list.

mod en;
mod es;

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
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    const LINK: &str =
        "https://portal.example/x?token=q80DnWcJ_5kC2bTfGvY7hLzR1mPoXsUe4iNaB6dKtQwE3jVgH8yZrMxSu0FpOlI-";

    const NOTICES: [Notice; 17] = [
        Notice::RegistrationAccepted,
        Notice::UsernameTaken,
        Notice::RegistrationConfirmed,
        Notice::ConfirmationRejected,
        Notice::LinkInvalid,
        Notice::NotAPatient,
        Notice::TooManyUsers,
        Notice::LoginRejected,
        Notice::MustChangePassword,
        Notice::UserNameSent,
        Notice::RecoverySent,
        Notice::RecoveryConfirmed,
        Notice::PasswordChanged,
        Notice::ChangeRejected,
        Notice::LoggedOut,
        Notice::Busy,
        Notice::Unavailable,
    ];

    const FIELDS: [Field; 6] =
        [Field::Email, Field::Username, Field::Current, Field::Password, Field::Repeated, Field::FullName];

    const RULES: [Rule; 14] = [
        Rule::Empty,
        Rule::TooShort(8),
        Rule::TooLong(256),
        Rule::Malformed,
        Rule::Incomplete,
        Rule::Reserved,
        Rule::NoUppercase,
        Rule::NoLowercase,
        Rule::NoDigit,
        Rule::ControlCharacter,
        Rule::Personal,
        Rule::Common,
        Rule::Mismatch,
        Rule::Unchanged,
    ];

    fn letters() -> [Letter<'static>; 9] {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        [
            Letter::ConfirmRegistration { link: LINK, lifetime: hours(24) },
            Letter::RegistrationConfirmed,
            Letter::UserNames { usernames: &["ana.garcia", "luz-2015", "tomas_g"] },
            Letter::ConfirmRecovery { link: LINK, lifetime: hours(2) },
            Letter::TemporaryPassword { password: "Wq7rT2xKpB9mNc4Z", lifetime: hours(1) },
            Letter::ChoosePassword { link: LINK, lifetime: hours(2) },
            Letter::PasswordChanged,
            Letter::UserLocked { until_recovery: true },
            Letter::UserLocked { until_recovery: false },
        ]
    }

    fn file_of(letter: &Letter<'_>) -> &'static str {
        match letter {
            Letter::ConfirmRegistration { .. } => "confirm_registration",
            Letter::RegistrationConfirmed => "registration_confirmed",
            Letter::UserNames { .. } => "user_names",
            Letter::ConfirmRecovery { .. } => "confirm_recovery",
            Letter::TemporaryPassword { .. } => "temporary_password",
            Letter::ChoosePassword { .. } => "choose_password",
            Letter::PasswordChanged => "password_changed",
            Letter::UserLocked { until_recovery: true } => "user_locked",
            Letter::UserLocked { until_recovery: false } => "user_locked_for_a_time",
        }
    }

    fn portal() -> Portal {
        Portal {
            name: "Clínica del Sol".to_owned(),
            home: "https://portal.example".to_owned(),
            contact: Some("0800 555 0000 o turnos@clinica.example".to_owned()),
        }
    }

    fn each_mail(portal: &Portal, mut check: impl FnMut(&Letter<'_>, Language, &Words)) {
        for language in Language::ALL {
            for content in letters() {
                check(&content, language, &letter(&content, portal, language));
            }
        }
    }

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        escape(&mut out, text);
        out
    }

    /// `ACCESO_BLESS=1 cargo test` writes the files anew.
    #[test]
    fn mails_read_as_the_golden_files_do() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mail");
        let bless = std::env::var_os("ACCESO_BLESS").is_some();
        let mut expected: Vec<PathBuf> = Vec::new();
        each_mail(&portal(), |content, language, words| {
            let folder = root.join(language.code());
            let text = format!("Subject: {}\n\n{}", words.subject, words.text);
            for (ending, made) in [("txt", &text), ("html", &words.html)] {
                let path = folder.join(file_of(content)).with_extension(ending);
                if bless {
                    fs::create_dir_all(&folder).unwrap();
                    fs::write(&path, made).unwrap();
                }
                let golden = fs::read_to_string(&path).unwrap_or_default();
                assert!(&golden == made, "{} differs from this:\n{made}", path.display());
                expected.push(path);
            }
        });
        let mut found: Vec<PathBuf> = Language::ALL
            .iter()
            .flat_map(|language| fs::read_dir(root.join(language.code())).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn no_subject_holds_the_portals_name() {
        each_mail(&portal(), |_, _, words| {
            assert!(!words.subject.contains("Sol") && !words.subject.contains("Clínica"), "{}", words.subject);
            assert!(!words.subject.is_empty() && !words.subject.contains(['\r', '\n']));
        });
    }

    #[test]
    fn a_lock_screen_shows_neither_the_clinic_nor_the_secret() {
        each_mail(&portal(), |content, _, words| {
            let preview: String = words.text.chars().take(200).collect();
            assert!(!preview.contains("Clínica"), "{preview}");
            if let Letter::TemporaryPassword { password, .. } = content {
                assert!(!preview.contains(password), "{preview}");
            }
        });
    }

    #[test]
    fn hostile_text_is_escaped() {
        const HOSTILE: &str = "<img src=x onerror='a()'>\"&";
        let portal = Portal { name: HOSTILE.into(), home: HOSTILE.into(), contact: Some(HOSTILE.into()) };
        let lifetime = Duration::from_secs(60);
        for content in [
            Letter::UserNames { usernames: &[HOSTILE, "ana"] },
            Letter::TemporaryPassword { password: HOSTILE, lifetime },
            Letter::ConfirmRegistration { link: HOSTILE, lifetime },
        ] {
            for language in Language::ALL {
                let html = letter(&content, &portal, language).html;
                assert!(!html.contains("<img") && !html.contains("'a") && !html.contains(">\"&"), "{html}");
                // Name, contact, home in the attribute and in sight, and the letter's own.
                let times = html.matches("&lt;img src=x onerror=&#39;a()&#39;&gt;&quot;&amp;").count();
                assert!(times >= 5, "{times}\n{html}");
            }
        }
    }

    #[test]
    fn a_mail_fetches_and_runs_nothing() {
        each_mail(&portal(), |_, language, words| {
            for element in ["<img", "<script", "<style", "<link", "src=", "url(", "@import", "http-equiv", "\r"] {
                assert!(!words.html.contains(element), "{element}");
            }
            let start = format!("<!DOCTYPE html>\n<html lang=\"{}\">", language.code());
            assert!(words.html.starts_with(&start));
            assert!(words.html.contains(&format!("<title>{}</title>", escaped(&words.subject))));
        });
    }

    #[test]
    fn both_forms_say_the_same() {
        each_mail(&portal(), |_, _, words| {
            for line in words.text.lines().filter(|line| !line.starts_with("---")) {
                let line = escaped(line.trim_end_matches(':'));
                assert!(words.html.contains(&line), "{line}");
            }
        });
    }

    #[test]
    fn links_and_what_is_copied_stand_on_lines_of_their_own() {
        each_mail(&portal(), |content, _, words| {
            let has_line = |wanted: &str| words.text.lines().any(|line| line == wanted);
            assert!(has_line("https://portal.example"));
            match content {
                Letter::ConfirmRegistration { link, .. }
                | Letter::ConfirmRecovery { link, .. }
                | Letter::ChoosePassword { link, .. } => {
                    assert!(has_line(link));
                    // The button, and the address in sight.
                    assert_eq!(words.html.matches(&format!("href=\"{link}\"")).count(), 2);
                    assert!(words.html.contains(&format!(">{link}</a>")));
                }
                Letter::UserNames { usernames } => assert!(usernames.iter().all(|name| has_line(name))),
                Letter::TemporaryPassword { password, .. } => assert!(has_line(password)),
                Letter::RegistrationConfirmed | Letter::PasswordChanged | Letter::UserLocked { .. } => {}
            }
        });
    }

    #[test]
    fn prose_is_wrapped() {
        each_mail(&portal(), |_, _, words| {
            for line in words.text.lines().filter(|line| *line != LINK) {
                assert!(line.chars().count() <= WIDTH && line == line.trim_end(), "{line:?}");
            }
            assert!(words.text.ends_with('\n') && !words.text.contains("\n\n\n") && !words.text.contains('\r'));
        });
        assert_eq!(wrapped(&"ñ ".repeat(39)), [["ñ"; 38].join(" "), "ñ".to_owned()]);
        let long = "x".repeat(100);
        assert_eq!(wrapped(&format!("a {long}\r\nb")), ["a", &long, "b"]);
        assert_eq!(wrapped(""), [""]);
    }

    #[test]
    fn a_mail_speaks_of_no_health_and_no_person() {
        let portal = Portal { name: "P".into(), home: "https://p.example".into(), contact: None };
        each_mail(&portal, |_, _, words| {
            let all = format!("{} {}", words.subject, words.text).to_lowercase();
            let words = ["médic", "doctor", "especialidad", "historia", "paciente", "salud", "clínica", "turno"];
            for word in words.iter().chain(&["patient", "medical", "health", "clinic", "appointment", "speciality"]) {
                assert!(!all.contains(word), "{word} in {all}");
            }
        });
    }

    #[test]
    fn buffers_of_secrets_never_grow() {
        each_mail(&portal(), |_, _, words| {
            assert_eq!((words.text.capacity(), words.html.capacity()), (ROOM, ROOM));
        });
    }

    #[test]
    fn lifetimes_are_counted_in_words() {
        for (seconds, es, en) in [
            (59, "0 minutos", "0 minutes"),
            (60, "1 minuto", "1 minute"),
            (15 * 60 + 59, "15 minutos", "15 minutes"),
            (3600, "1 hora", "1 hour"),
            (3660, "1 hora y 1 minuto", "1 hour and 1 minute"),
            (9000, "2 horas y 30 minutos", "2 hours and 30 minutes"),
            (86_400, "24 horas", "24 hours"),
        ] {
            let lifetime = Duration::from_secs(seconds);
            let content = Letter::ConfirmRecovery { link: LINK, lifetime };
            for (language, expected) in
                [(Language::Es, format!("vale {es} desde que")), (Language::En, format!("valid for {en} after this"))]
            {
                let text = letter(&content, &portal(), language).text.replace('\n', " ");
                assert!(text.contains(&expected), "{expected}: {text}");
            }
        }
    }

    #[test]
    fn one_user_is_not_called_several() {
        let one = |language| letter(&Letter::UserNames { usernames: &["ana"] }, &portal(), language).text;
        assert!(
            one(Language::Es).contains("Este es el usuario") && one(Language::En).contains("This is the user name")
        );
    }

    #[test]
    fn every_fault_has_a_sentence_in_each_language() {
        for field in FIELDS {
            for rule in RULES {
                let [es, en] = Language::ALL.map(|language| fault(Fault::new(field, rule), language));
                assert_ne!(es, en, "{field:?} {rule:?}");
                for sentence in [es, en] {
                    assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase), "{sentence}");
                    if let Rule::TooShort(number) | Rule::TooLong(number) = rule {
                        assert!(sentence.contains(&number.to_string()), "{sentence}");
                    }
                }
            }
        }
        let one = Fault::new(Field::Username, Rule::TooShort(1));
        assert_eq!(fault(one, Language::Es), "El nombre de usuario necesita al menos 1 carácter.");
        assert_eq!(fault(one, Language::En), "The user name needs at least 1 character.");
    }

    #[test]
    fn faults_of_a_field_are_told_apart() {
        for language in Language::ALL {
            for field in FIELDS {
                let mut sentences: Vec<String> =
                    RULES.iter().map(|rule| fault(Fault::new(field, *rule), language)).collect();
                sentences.sort();
                sentences.dedup();
                assert_eq!(sentences.len(), RULES.len(), "{field:?}");
            }
        }
    }

    #[test]
    fn every_notice_has_a_text_of_its_own_in_each_language() {
        let mut texts: Vec<&str> =
            NOTICES.iter().flat_map(|n| Language::ALL.map(|language| notice(*n, language))).collect();
        assert!(texts.iter().all(|text| text.ends_with('.') && text.starts_with(char::is_uppercase)));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 2 * NOTICES.len());
    }

    /// The manual's two reasons, and the way out of each.
    #[test]
    fn a_refused_login_names_every_reason() {
        let es = notice(Notice::LoginRejected, Language::Es);
        for words in ["usuario o la contraseña", "activado", "mensaje", "bloqueado", "“Recuperar contraseña”"] {
            assert!(es.contains(words), "{words}");
        }
        let en = notice(Notice::LoginRejected, Language::En);
        for words in ["user name or password", "activated", "e-mail", "locked", "“Recover password”"] {
            assert!(en.contains(words), "{words}");
        }
    }
}
