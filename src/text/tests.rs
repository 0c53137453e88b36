//! Golden mails, and what every sentence must keep.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

const LINK: &str = "https://portal.example/x?token=q80DnWcJ_5kC2bTfGvY7hLzR1mPoXsUe4iNaB6dKtQwE3jVgH8yZrMxSu0FpOlI-";

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
    assert!(one(Language::Es).contains("Este es el usuario") && one(Language::En).contains("This is the user name"));
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
