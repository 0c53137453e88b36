//! Mails as files: what a newcomer opens. Not: mails on their way to somebody.
//!
//! **Read by a parser that did not write them.**

mod common;

use std::path::Path;
use std::{fs, io};

use acceso::adapter::maildir::MaildirMailer;
use acceso::adapter::message::Sender;
use acceso::{Mail, MailPurpose, Mailer, SendError};
use common::{ANA, PASSWORD, Portal, token};
use mail_parser::MessageParser;

fn mailer(folder: &Path) -> MaildirMailer {
    let sender = Sender::new("avisos@clinica.example").and_then(|sender| sender.named("Clínica del Sol"));
    MaildirMailer::open(folder.join("mails"), sender.expect("legal")).expect("a folder")
}

fn files(mailer: &MaildirMailer) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(mailer.folder()).expect("the folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

/// A mail as the courier writes it.
async fn mail() -> Mail {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    portal.mail(MailPurpose::ConfirmRegistration).await
}

mod conformance {
    use std::fs;

    use acceso::adapter::maildir::MaildirMailer;
    use acceso::conformance::mailer::Arrived;
    use acceso::{Mail, Mailer, SendError};
    use mail_parser::{Address, MessageParser};
    use tempfile::TempDir;

    /// The folder goes when the mailer does.
    struct Kept {
        mailer: MaildirMailer,
        _folder: TempDir,
    }

    #[async_trait::async_trait]
    impl Mailer for Kept {
        async fn send(&self, mail: &Mail) -> Result<(), SendError> {
            self.mailer.send(mail).await
        }
    }

    impl Kept {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            Self { mailer: super::mailer(folder.path()), _folder: folder }
        }
    }

    fn arrived(file: &[u8]) -> Arrived {
        let mail = MessageParser::default().parse(file).expect("a mail");
        let fields = [mail.to(), mail.cc(), mail.bcc()];
        let addresses = fields.into_iter().flatten().flat_map(Address::iter).filter_map(|one| one.address());
        Arrived {
            recipients: addresses.map(str::to_owned).collect(),
            subject: mail.subject().expect("a subject").to_owned(),
            text: mail.body_text(0).expect("a text").into_owned(),
            html: mail.body_html(0).expect("an HTML").into_owned(),
        }
    }

    acceso::conformance::mailer! {
        test: #[tokio::test],
        spawn: tokio::spawn,
        mailer: Kept::new(),
        arrived: |mailer| {
            let entries = fs::read_dir(mailer.mailer.folder()).expect("the folder");
            let paths = entries.map(|entry| entry.expect("an entry").path());
            // What is still being written is no mail yet.
            let whole = paths.filter(|path| !path.file_name().expect("a name").as_encoded_bytes().starts_with(b"."));
            let taken = whole.map(|path| {
                let mail = arrived(&fs::read(&path).expect("a file"));
                fs::remove_file(&path).expect("taken once");
                mail
            });
            taken.collect()
        },
    }
}

#[tokio::test]
async fn the_file_holds_the_link_of_the_mail_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let mailer = mailer(folder.path());
    let mail = mail().await;
    mailer.send(&mail).await.expect("a file");
    let files = files(&mailer);
    let [file] = files.as_slice() else { panic!("{} files", files.len()) };
    let read = MessageParser::default().parse(file).expect("a mail");
    assert!(read.body_text(0).expect("a text").contains(&token(&mail)));
    assert!(read.body_html(0).expect("an HTML").contains(&token(&mail)));
    assert_eq!(read.subject(), Some(mail.subject()));
}

#[tokio::test]
async fn files_sorted_by_name_are_sorted_by_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mailer = mailer(folder.path());
    let mail = mail().await;
    let mut before = Vec::new();
    for number in 1..=3 {
        mailer.send(&mail).await.expect("a file");
        let now = files(&mailer);
        assert_eq!(now.len(), number, "the same mail again is another file");
        assert!(now.starts_with(&before), "an older file stands first");
        before = now;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_user_can_read_the_folder_and_the_files() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let mailer = mailer(folder.path());
    mailer.send(&mail().await).await.expect("a file");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(mailer.folder()), 0o700);
    for entry in fs::read_dir(mailer.folder()).expect("the folder") {
        assert_eq!(mode(&entry.expect("an entry").path()), 0o600);
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_is_a_failure_that_may_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    let mailer = mailer(folder.path());
    let mail = mail().await;
    fs::remove_dir(mailer.folder()).expect("removed");
    assert!(matches!(mailer.send(&mail).await, Err(SendError::Transient(_))));
    fs::create_dir(mailer.folder()).expect("made again");
    assert!(mailer.send(&mail).await.is_ok());
}

#[test]
fn without_a_runtime_a_send_fails_and_does_not_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let mailer = mailer(folder.path());
    let mail = tokio::runtime::Runtime::new().expect("a runtime").block_on(mail());
    let mut send = std::pin::pin!(mailer.send(&mail));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let polled = send.as_mut().poll(&mut context);
    assert!(matches!(polled, std::task::Poll::Ready(Err(SendError::Transient(_)))));
}

#[test]
fn a_file_in_the_place_of_the_folder_is_told_at_the_start() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let opened = MaildirMailer::open(file.path(), Sender::new("avisos@clinica.example").expect("legal"));
    assert_eq!(opened.expect_err("no folder").kind(), io::ErrorKind::AlreadyExists);
}
