//! A71–A77: nothing that a visitor types speaks in a clinic's mail or in its log.

use std::sync::Arc;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::{
    Acceso, BuildError, Client, EventKind, Fault, Field, Mail, MailPurpose, PasswordChange, PasswordRecoveryForm,
    Registering, RegistrationForm, Rule, UsernameRecoveryForm,
};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, patient, token};

const EVIL: &str = "<img src=x onerror=alert(1)>";

fn form(full_name: &str) -> RegistrationForm {
    RegistrationForm {
        email: ANA.into(),
        username: "anapena".into(),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: full_name.into(),
    }
}

#[tokio::test]
async fn a71_markup_stays_text() {
    let portal = Portal::new();
    let malformed = Registering::Invalid(vec![Fault::new(Field::FullName, Rule::Malformed)]);
    for name in [EVIL, "Ana <b>Peña</b>", "Ana {{nombre}}", "Ana ${x}", "Ana %s"] {
        assert_eq!(portal.acceso.register(form(name), &portal.client).await.ok().as_ref(), Some(&malformed), "{name}");
    }
    let malformed = Registering::Invalid(vec![Fault::new(Field::Username, Rule::Malformed)]);
    assert_eq!(portal.register(ANA, EVIL, PASSWORD).await, malformed);
    // What the clinic itself wrote is escaped, too.
    let mailer = Arc::new(MemoryMailer::new());
    let registry = MemoryRegistry::from_iter([patient("pac-0001", ANA)]);
    let (acceso, mut courier) = Acceso::builder(MemoryStore::new(), registry, Arc::clone(&mailer))
        .portal(EVIL, "https://portal.example")
        .contact("\"Mesa\" & <turnos>")
        .build()
        .expect("a name like any other");
    assert!(acceso.register(form("Ana Peña"), &Client::unknown()).await.is_ok());
    assert!(courier.deliver_due().await.is_ok());
    let mail = mailer.take().remove(0);
    assert!(!mail.html().contains("<img") && mail.html().contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(!mail.html().contains("<turnos>") && mail.html().contains("&amp;"));
    assert!(mail.text().contains(EVIL), "plain text is plain");
}

/// Every mail that a life of an account brings.
async fn all_mails(portal: &mut Portal, name: &str, full_name: &str) -> Vec<Mail> {
    let form = RegistrationForm { username: name.into(), ..form(full_name) };
    assert!(matches!(portal.acceso.register(form, &portal.client).await, Ok(Registering::Accepted(_))));
    let mut mails = portal.mails().await;
    let _ = portal.confirm(&token(&mails[0]), name, PASSWORD).await;
    portal.lock(name).await;
    let _ = portal.recover_password(ANA, name).await;
    mails.extend(portal.mails().await);
    let link = mails.iter().find(|mail| mail.purpose() == MailPurpose::ConfirmRecovery).map(token).expect("a link");
    let _ = portal.confirm_recovery(&link).await;
    mails.extend(portal.mails().await);
    let temporary = mails.last().map(crate::common::temporary).expect("a temporary password");
    let acceso::Login::MustChangePassword(restricted) = portal.login(name, &temporary).await else {
        panic!("no entry")
    };
    assert!(matches!(portal.change(&restricted.token, "", NEW_PASSWORD).await, PasswordChange::Changed(_)));
    mails.extend(portal.mails().await);
    assert_eq!(mails.len(), MailPurpose::ALL.len() - 1);
    mails
}

#[tokio::test]
async fn a72_no_visitors_words_reach_a_patient_in_the_clinics_name() {
    let mut portal = Portal::new();
    for name in ["Gane $ http://evil", "Llame al 0800 111", "Ana\r\nBcc: x@y.com", "www.evil.com ya"] {
        let answer = portal.acceso.register(form(name), &portal.client).await;
        assert!(matches!(answer, Ok(Registering::Invalid(_))), "{name}");
    }
    // A legal name can look like an address, so no mail holds one, but for the list that the owner asks for.
    for mail in all_mails(&mut portal, "llame-a-www.evil.com", "Llame Ya Mismo").await {
        for words in [mail.text(), mail.html(), mail.subject()] {
            assert!(!words.contains("evil") && !words.contains("Llame"), "{:?}", mail.purpose());
        }
    }
}

#[tokio::test]
async fn a74_links_begin_with_the_address_that_the_clinic_gave_and_with_no_other() {
    let mut portal = Portal::new();
    portal.client = Client::unknown().with_device("Host: evil.example");
    for mail in all_mails(&mut portal, "anapena", "Ana Peña").await {
        for words in [mail.text(), mail.html()] {
            for (at, _) in words.match_indices("://") {
                let begins = words[..at].rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |found| found + 1);
                assert!(words[begins..].starts_with("https://portal.example"), "{}", &words[begins..at + 20]);
            }
            assert!(!words.contains("evil"));
        }
    }
    for address in ["http://portal.example", "portal.example", "https://portal.example?x=", "https://a@evil.example"] {
        let built = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
            .portal("Clínica del Sol", address)
            .build();
        assert!(matches!(built, Err(BuildError::Address)), "{address}");
    }
}

#[tokio::test]
async fn a76_no_visitor_can_write_a_line_into_the_log() {
    let mut portal = Portal::new();
    portal.client = Client::unknown().with_device("Fire\r\nfox\u{1b}[31m \u{202e}gol");
    let evil = "admin\r\n2026-01-15 SignedIn user=admin \u{1b}[2K\u{202e}";
    assert!(matches!(portal.login(evil, evil).await, acceso::Login::Rejected));
    let _ = portal.register(evil, evil, evil).await;
    let email = UsernameRecoveryForm { email: evil.into() };
    assert!(portal.acceso.recover_username(email, &portal.client).await.is_ok());
    let both = PasswordRecoveryForm { email: evil.into(), username: evil.into() };
    assert!(portal.acceso.recover_password(both, &portal.client).await.is_ok());
    let events = portal.store.events();
    assert_eq!(events.len(), 4);
    for event in events {
        let line = serde_json::to_string(&event).expect("serializes");
        assert!(!line.contains("2026-01-15 ") && !line.contains("admin"), "{line}");
        assert!(!event.device().expect("a device").as_str().contains(['\r', '\n', '\u{1b}', '\u{202e}']), "{line}");
        assert!(!line.contains("\\r") && !line.contains("\\n") && !line.contains("\\u"), "{line}");
    }
}

#[tokio::test]
async fn a77_a_password_typed_into_the_field_of_the_name_is_not_recorded() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    for typed in [PASSWORD, "trestristes3", "Trestristes3"] {
        assert!(matches!(portal.login(typed, "anapena").await, acceso::Login::Rejected));
        assert_eq!(portal.last_event(), EventKind::LoginUnknown);
    }
    for event in portal.store.events() {
        let shown = format!("{} {event:?}", serde_json::to_string(&event).expect("serializes")).to_lowercase();
        assert!(!shown.contains("tristes"), "{shown}");
    }
}
