//! Named checks of a [`Mailer`]. Not: whether a mail reaches an inbox on the other side of the world.
//!
//! **What was sent has arrived when `send` says so: once for each call, to one recipient, with every letter.**
//!
//! ```
//! use acceso::adapter::memory::MemoryMailer;
//! use acceso::conformance::mailer::Arrived;
//!
//! mod my_mailer_keeps_the_contract {
//!     # use acceso::adapter::memory::MemoryMailer;
//!     # use acceso::conformance::mailer::Arrived;
//!     acceso::conformance::mailer! {
//!         mailer: MemoryMailer::new(),
//!         arrived: |mailer| mailer.take().iter().map(Arrived::from).collect(),
//!     }
//! }
//! ```
//!
//! `arrived:` takes out what has arrived so far, decoded: from the mailer itself, or from the server of the test that it
//! sends to. It gets an `Arc` of the mailer, and may `.await`. A mailer over SMTP is given a server that accepts
//! everything; `test:` and `spawn:` go in front if it needs a runtime, as for
//! [`user_store`](mod@crate::conformance::user_store). Give each test a server of its own.
//!
//! Not to be seen from outside, so yours to keep: that `send` returns within a time-out, which refusals are permanent, and
//! that nothing of a mail is logged.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::conformance::common::{
    Broken, Check, Found, LocalFuture, Spawn, Task, Work, at_once, check_named, dropped_after, ensure, same, threads,
};
use crate::identity::MailId;
use crate::language::Language;
use crate::mail::{Mail, MailPurpose};
use crate::port::mailer::{Mailer, SendError};

/// One mail as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrived {
    /// Every address that it was sent to (for SMTP those of the envelope, copies and blind copies among them).
    pub recipients: Vec<String>,
    /// The subject, decoded and unfolded.
    pub subject: String,
    /// The plain text, decoded. Line ends may be LF or CRLF, and one more at the end does not count.
    pub text: String,
    /// The HTML, decoded likewise.
    pub html: String,
}

impl From<&Mail> for Arrived {
    fn from(mail: &Mail) -> Self {
        Self {
            recipients: vec![mail.to().as_str().to_owned()],
            subject: mail.subject().to_owned(),
            text: mail.text().to_owned(),
            html: mail.html().to_owned(),
        }
    }
}

impl Arrived {
    /// With what a transport may change made equal.
    fn plain(mut self) -> Self {
        for body in [&mut self.text, &mut self.html] {
            *body = body.replace("\r\n", "\n");
            while body.ends_with('\n') {
                body.pop();
            }
        }
        self
    }
}

/// The mailer that is being checked; made by the macro, or by hand.
pub struct Subject {
    mailer: Arc<dyn Mailer>,
    arrived: Box<dyn Fn() -> LocalFuture<Vec<Arrived>>>,
    spawn: Spawn,
}

impl Subject {
    /// The mailer, and how to take out what has arrived.
    pub fn new<M, A, F>(mailer: M, arrived: A) -> Self
    where
        M: Mailer + 'static,
        A: Fn(Arc<M>) -> F + 'static,
        F: Future<Output = Vec<Arrived>> + 'static,
    {
        let mailer = Arc::new(mailer);
        let taken = Arc::clone(&mailer);
        Self { mailer, arrived: Box::new(move || Box::pin(arrived(Arc::clone(&taken)))), spawn: threads() }
    }

    /// With tasks spawned in this way, in place of a thread for each.
    #[must_use]
    pub fn spawned_by(mut self, spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        self.spawn = Arc::new(spawn);
        self
    }

    async fn arrived(&self) -> Vec<Arrived> {
        let mut arrived: Vec<Arrived> = (self.arrived)().await.into_iter().map(Arrived::plain).collect();
        arrived.sort();
        arrived
    }

    /// That exactly these have arrived since this was last asked.
    async fn has(&self, mails: &[Mail]) -> Found {
        let mut expected: Vec<Arrived> = mails.iter().map(|mail| Arrived::from(mail).plain()).collect();
        expected.sort();
        same("what has arrived", &self.arrived().await, &expected)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

/// The one list of checks, handed to the macro named in front.
#[doc(hidden)]
#[macro_export]
macro_rules! __mailer_checks {
    ($then:ident $with:tt) => {
        $crate::$then! { $with
            self {
                a_mail_that_was_sent_has_arrived_once: "`Ok` means that somebody else is responsible for the mail now.",
                it_goes_to_its_recipient_alone: "It goes to `Mail::to` alone.",
                every_letter_arrives: "With the subject and bodies as they are.",
                lines_that_transports_treat_specially_arrive: "With the subject and bodies as they are.",
                a_long_mail_arrives: "With the subject and bodies as they are.",
                the_same_mail_sent_again_arrives_again:
                    "One mail may come more than once, with the same id and a newer link inside: send each.",
                parallel_mails_do_not_mix: "Called for several mails at once.",
                a_dropped_send_harms_no_other: "The future may be dropped at any await; the mail is then tried again.",
            }
        }
    };
}

__mailer_checks! { __conformance_list {} }

/// One test for each check of a mailer: see [`conformance::mailer`](mod@crate::conformance::mailer).
#[doc(hidden)]
#[macro_export]
macro_rules! __mailer {
    (mailer: $mailer:expr, arrived: |$kept:ident| $arrived:expr $(,)?) => {
        async fn subject() -> $crate::conformance::mailer::Subject {
            $crate::conformance::mailer::Subject::new($mailer, |$kept: ::std::sync::Arc<_>| async move { $arrived })
        }
        $crate::__mailer_checks! { __conformance_tests { [test] $crate::conformance::mailer::run } }
    };
    (test: #$test:tt, spawn: $spawn:expr, mailer: $mailer:expr, arrived: |$kept:ident| $arrived:expr $(,)?) => {
        async fn subject() -> $crate::conformance::mailer::Subject {
            $crate::conformance::mailer::Subject::new($mailer, |$kept: ::std::sync::Arc<_>| async move { $arrived })
                .spawned_by(|task| drop($spawn(task)))
        }
        $crate::__mailer_checks! { __conformance_tests { $test $crate::conformance::mailer::run } }
    };
}

/// Runs the check of that name: what the macro's tests call.
///
/// # Errors
/// [`Broken`], if the mailer does not keep the sentence.
///
/// # Panics
/// If no check has that name.
pub async fn run(subject: impl Future<Output = Subject>, name: &str) -> Result<(), Broken> {
    check_named(CHECKS, name).run(subject.await).await
}

/// A plain mail of that number, to a recipient of its own.
fn mail(number: u8) -> Mail {
    Mail {
        id: MailId::from_bytes([number; 16]),
        to: format!("Paciente.{number}@example.org").parse().expect("a fixture's address is legal"),
        purpose: MailPurpose::ALL[usize::from(number) % MailPurpose::ALL.len()],
        language: Language::Es,
        subject: format!("Aviso {number}"),
        text: Zeroizing::new(format!("Hola {number}.\n")),
        html: Zeroizing::new(format!("<!doctype html>\n<html><body><p>Hola {number}.</p></body></html>\n")),
    }
}

fn saying(number: u8, subject: &str, text: &str) -> Mail {
    let html = format!("<!doctype html>\n<html><head><meta charset=\"utf-8\"></head><body>\n{text}\n</body></html>\n");
    Mail { subject: subject.into(), text: Zeroizing::new(text.into()), html: Zeroizing::new(html), ..mail(number) }
}

async fn a_mail_that_was_sent_has_arrived_once(subject: Subject) -> Found {
    subject.has(&[]).await?;
    for number in 1..=3 {
        subject.mailer.send(&mail(number)).await?;
        subject.has(&[mail(number)]).await?;
    }
    subject.has(&[]).await
}

async fn it_goes_to_its_recipient_alone(subject: Subject) -> Found {
    for (number, address) in
        (1..).zip(["Ana.Peña", "o'higgins+salud", "a_b%c", "x"].map(|local| local.replace('ñ', "n")))
    {
        let to = format!("{address}@Example.org").parse()?;
        let sent = Mail { to, ..mail(number) };
        subject.mailer.send(&sent).await?;
        let arrived = subject.arrived().await;
        let recipients: Vec<_> = arrived.iter().map(|arrived| arrived.recipients.clone()).collect();
        same("the list of recipients", &recipients, &vec![vec![sent.to.as_str().to_owned()]])?;
    }
    Ok(())
}

async fn every_letter_arrives(subject: Subject) -> Found {
    let texts = [
        ("Confirmá tu registro — Clínica Ñandú", "¿Sos vos, José Núñez? ¡Sí! Áéíóú àèü «cita» “otra” … €\n"),
        ("Your code, \"quoted\" <and> =?UTF-8?Q?not_encoded?=", "a=b, =20, =\n100% & <b>no</b> \\n \\ \" ' ` ~\n"),
        ("😀 李小龍", "😀 emoji\n李 小龍\n\u{1d11e}\n"),
    ];
    for (number, (title, text)) in (1..).zip(texts) {
        let sent = saying(number, title, text);
        subject.mailer.send(&sent).await?;
        subject.has(&[sent]).await?;
    }
    Ok(())
}

async fn lines_that_transports_treat_specially_arrive(subject: Subject) -> Found {
    let text =
        "primera\n.\n..\n.punto\nFrom aquí\n>From allí\n--\n--boundary\n\n\nSubject: no\nQUIT\n   sangría\nfinal";
    let sent = saying(1, "Asunto", text);
    subject.mailer.send(&sent).await?;
    subject.has(&[sent]).await
}

async fn a_long_mail_arrives(subject: Subject) -> Found {
    // A line of a mail may hold 998 bytes, a header folds at 78, and the letter that stands there takes two.
    let link = format!("https://portal.example/confirmar?ficha={}", "Ab_-".repeat(400));
    let text = format!("{link}\n{}\n{}\n", "ñandú ".repeat(500), "línea\n".repeat(2000));
    let sent = saying(1, "Señal ñ ".repeat(24).trim_end(), &text);
    subject.mailer.send(&sent).await?;
    subject.has(&[sent]).await
}

async fn the_same_mail_sent_again_arrives_again(subject: Subject) -> Found {
    let newer = Mail { text: Zeroizing::new("Hola, con otro enlace.\n".into()), ..mail(1) };
    subject.mailer.send(&mail(1)).await?;
    subject.mailer.send(&newer).await?;
    subject.mailer.send(&newer).await?;
    subject.has(&[mail(1), newer.clone(), newer]).await
}

async fn parallel_mails_do_not_mix(subject: Subject) -> Found {
    let sends = (1..=24).map(|number| -> Work<Result<(), SendError>> {
        let mailer = Arc::clone(&subject.mailer);
        Box::pin(async move { mailer.send(&mail(number)).await })
    });
    at_once(&subject.spawn, sends.collect()).await?.into_iter().collect::<Result<(), _>>()?;
    subject.has(&(1..=24).map(mail).collect::<Vec<_>>()).await
}

async fn a_dropped_send_harms_no_other(subject: Subject) -> Found {
    let mut dropped = Vec::new();
    for number in 1..=32 {
        let polls = u32::from(number);
        let ended = dropped_after(polls, subject.mailer.send(&mail(number))).await;
        dropped.push(Arrived::from(&mail(number)).plain());
        subject.mailer.send(&mail(100 + number)).await?;
        let expected = Arrived::from(&mail(100 + number)).plain();
        // What was dropped may arrive, now or later, but whole.
        let found: Vec<_> = subject.arrived().await.into_iter().filter(|arrived| !dropped.contains(arrived)).collect();
        same("what has arrived after a dropped send", &found, &vec![expected])?;
        if let Some(sent) = ended {
            return sent.map_err(Into::into);
        }
    }
    ensure!(dropped.len() == 32, "a dropped send is lost");
    Ok(())
}
