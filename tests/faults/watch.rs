//! Looks for what must not be seen: secrets and personal data in every text that comes out. Not: what is done about it.
//!
//! **A secret is looked for as it is, in base64 of every alignment, in hexadecimal digits and as a list of bytes.**

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::error::Error as _;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic;
use std::sync::{Mutex, Once};

use acceso::{Error, Event, Mail, MailPurpose, SessionToken};
use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use serde_json::Value;

use crate::common::{temporary, token};
use crate::ports::{INJECTED, ROW, lock};
use crate::stage::{
    ADDRESS, DEVICE, FULL_NAME, LAST_PASSWORD, NEW_PASSWORD, PASSWORD, PATIENT, Scene, USERNAME, WRONG,
};

/// What must not be seen.
pub struct Watch {
    secrets: Vec<Vec<String>>,
    fingerprint: DefaultHasher,
}

thread_local! {
    static SEEN: RefCell<HashSet<u64>> = RefCell::default();
}

/// In every text about people, in lower case.
fn personal() -> [String; 6] {
    [ADDRESS, USERNAME, FULL_NAME, PATIENT, DEVICE, "198.51.100.77"].map(str::to_lowercase)
}

impl Watch {
    /// For the passwords of every story, and for what this one has brought.
    pub fn new(scene: &Scene, mails: &[Mail]) -> Self {
        let mut watch = Self { secrets: Vec::new(), fingerprint: DefaultHasher::new() };
        for password in [PASSWORD, NEW_PASSWORD, LAST_PASSWORD, WRONG, scene.temporary.as_str()] {
            watch.hide(password.as_bytes());
        }
        watch.hide_token(&scene.token);
        scene.session.iter().for_each(|session| watch.hide_session(session));
        scene.other.iter().for_each(|(session, _)| watch.hide_session(session));
        for mail in mails {
            match mail.purpose() {
                MailPurpose::ConfirmRegistration | MailPurpose::ConfirmRecovery => watch.hide_token(&token(mail)),
                MailPurpose::TemporaryPassword => watch.hide(temporary(mail).as_bytes()),
                _ => {}
            }
        }
        watch
    }

    pub fn hide_session(&mut self, session: &SessionToken) {
        self.hide_token(&session.reveal());
    }

    /// The text, the bytes that it stands for, and of a link's token the secret part alone.
    pub fn hide_token(&mut self, text: &str) {
        self.hide(text.as_bytes());
        let bytes = Base64UrlUnpadded::decode_vec(text).expect("a token");
        self.hide(&bytes);
        self.hide(bytes.get(16..).filter(|_| bytes.len() == 48).unwrap_or_default());
    }

    pub fn hide(&mut self, secret: &[u8]) {
        if !secret.is_empty() {
            secret.hash(&mut self.fingerprint);
            self.secrets.push(spellings(secret));
        }
    }

    /// A text that may speak of people, such as a dump, but holds no secret.
    pub fn no_secret(&self, place: &str, text: &str) {
        if self.has_seen(text) {
            return;
        }
        for spelling in self.secrets.iter().flatten() {
            assert!(!text.contains(spelling.as_str()), "{place} holds a secret as {spelling:?}: {text}");
        }
    }

    /// A text that holds neither a secret nor anything about a person.
    pub fn nothing(&self, place: &str, text: &str) {
        self.no_secret(place, text);
        let lower = text.to_lowercase();
        for word in personal() {
            assert!(!lower.contains(&word), "{place} holds {word:?}: {text}");
        }
        assert!(!text.contains(ROW), "{place} quotes the driver: {text}");
    }

    /// Whether this very text was searched for these secrets already: most runs of a story differ in little.
    fn has_seen(&self, text: &str) -> bool {
        let mut hasher = self.fingerprint.clone();
        text.hash(&mut hasher);
        SEEN.with_borrow_mut(|seen| !seen.insert(hasher.finish()))
    }

    /// The core's own texts about an error; of the host's cause only that it can be asked for.
    pub fn error(&self, error: &Error) {
        self.nothing("an error", &format!("{error} {error:?} {error:#?}"));
        let mut source = error.source();
        while let Some(cause) = source {
            if !cause.to_string().contains(ROW) {
                self.nothing("the core's own cause", &format!("{cause} {cause:?} {cause:#?}"));
            }
            source = cause.source();
        }
    }

    pub fn events(&self, events: &[Event]) {
        for event in events {
            self.nothing("the debug of an event", &format!("{event:?} {event:#?}"));
            let mut stored = serde_json::to_value(event).expect("a document");
            let columns = stored.as_object_mut().expect("a record");
            // Of the caller an event keeps what the host knows; nothing else is about a person but the user's id.
            columns.remove("device");
            columns.remove("address");
            self.nothing("an event", &stored.to_string());
        }
    }

    pub fn dump(&self, state: &Value) {
        self.no_secret("the store", &state.to_string());
    }

    pub fn mails(&self, mails: &[Mail]) {
        for mail in mails {
            let subject = mail.subject().to_lowercase();
            self.no_secret("a subject", mail.subject());
            assert!(personal().iter().all(|word| !subject.contains(word)), "{subject}");
            let bodies = format!("{} {}", mail.text(), mail.html()).to_lowercase();
            for word in personal() {
                let is_listed = word == USERNAME && mail.purpose() == MailPurpose::UserNames;
                assert!(is_listed || !bodies.contains(&word), "{:?} holds {word:?}", mail.purpose());
            }
            for password in [PASSWORD, NEW_PASSWORD, LAST_PASSWORD, WRONG] {
                assert!(!bodies.contains(&password.to_lowercase()), "{:?} holds a password", mail.purpose());
            }
            let has_link = mail.text().contains("token=") || mail.html().contains("token=");
            let may = matches!(mail.purpose(), MailPurpose::ConfirmRegistration | MailPurpose::ConfirmRecovery);
            assert_eq!(has_link, may, "{:?}", mail.purpose());
        }
    }

    /// What every panic so far has said.
    pub fn panics(&self) {
        // Not under the lock: what fails here panics, and the hook takes it too.
        let said = lock(&PANICS).clone();
        for text in &said {
            self.nothing("a panic", text);
        }
    }
}

/// The ways in which a careless text could spell the bytes.
fn spellings(secret: &[u8]) -> Vec<String> {
    let mut all: Vec<String> = String::from_utf8(secret.to_vec()).into_iter().collect();
    let hex = secret.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all");
        hex
    });
    all.extend([hex.to_uppercase(), hex]);
    for separator in [",", ", "] {
        all.push(secret.iter().map(u8::to_string).collect::<Vec<_>>().join(separator));
    }
    for shift in 0..3 {
        let shifted: Vec<u8> = std::iter::repeat_n(0, shift).chain(secret.iter().copied()).collect();
        for text in [Base64Unpadded::encode_string(&shifted), Base64UrlUnpadded::encode_string(&shifted)] {
            // The first and the last character of a shifted text depend on what stands around it.
            let whole = text.len() - usize::from(!shifted.len().is_multiple_of(3));
            all.push(text[[0, 2, 3][shift]..whole].to_owned());
        }
    }
    all
}

static PANICS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Keeps what panics say, and those made on purpose from the terminal.
pub fn listen_to_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let show = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            let text = panicked.to_string();
            let on_purpose = text.contains(INJECTED);
            // A test that fails says what it likes.
            if on_purpose || text.contains("panicked at src/") {
                lock(&PANICS).insert(text);
            }
            if !on_purpose {
                show(panicked);
            }
        }));
    });
}

#[test]
fn a_secret_is_found_however_it_is_spelled() {
    let secret = b"Benteveo";
    for around in ["", "x", "xy", "xyz"] {
        let text = [around.as_bytes(), secret, around.as_bytes()].concat();
        let (standard, url) = (Base64Unpadded::encode_string(&text), Base64UrlUnpadded::encode_string(&text));
        for spelled in [standard, url, format!("{text:?}"), serde_json::to_string(&text).expect("bytes")] {
            assert!(spellings(secret).iter().any(|spelling| spelled.contains(spelling)), "{spelled}");
        }
    }
}
