//! The manual *Acceso de Usuarios* from the first page to the last, on a real file of patients: each request, each answer
//! and each mail is printed.
//!
//! ```text
//! cargo run --example lifecycle
//! cargo run --example lifecycle -- --patients my-export.ndjson --language en
//! cargo run --example lifecycle -- --store sqlite:accounts.sqlite
//! cargo run --example lifecycle -- --store postgres://portal@127.0.0.1/portal
//! cargo run --example lifecycle -- --mail maildir:mails
//! cargo run --example lifecycle -- --mail smtp://127.0.0.1:1025 --registry fhir+https://fhir.example/R4
//! ```
//!
//! A file of your own may be FHIR R4 NDJSON or CSV. The accounts are in memory, or in a store of your choice, whose tables
//! are made; played again there, it is the story of the next patients. Never name a portal's own store.
//!
//! Patients are looked up in the same file, in another, or in the clinic's record over FHIR (`FHIR_TOKEN` in the
//! environment is shown to it): only those are played that are found there. Mails stay in this program, or leave it as
//! files or by SMTP; they are printed all the same. Not: for real patients, who would get these mails.
//!
//! **The play is the same on every store, over every record and whichever way the mail goes.**

mod clinic;
mod stage;

use std::process::ExitCode;
use std::sync::Arc;

use acceso::text::{Notice, fault, notice};
use acceso::{
    Acceso, Client, Confirmation, ConfirmationForm, Courier, Fault, Language, Login, LoginForm, Mail, MailPurpose,
    PasswordChange, PasswordChangeForm, PasswordRecoveryForm, RecoveryConfirmation, RecoveryRequest, Registering,
    RegistrationForm, SessionToken, Stay, UsernameRecoveryForm,
};
use clinic::Post;
use stage::{Cast, Options, Outcome};

const PASSWORD: &str = "Tres tristes tigres 3";
const NEW_PASSWORD: &str = "Cuatro gatos pardos 4";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    play(std::env::args().skip(1)).await
}

pub(crate) async fn play(arguments: impl Iterator<Item = String>) -> ExitCode {
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lifecycle: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: impl Iterator<Item = String>) -> Outcome<()> {
    let Options { patients, language, store, registry, mail, from } = Options::read(arguments)?;
    let registry = clinic::registry(registry.as_deref(), &patients).await?;
    let mailer = Arc::new(Post::open(&mail, &from).await?);
    let store = stage::open(&store).await?;
    let cast = Cast::choose(&patients, &*registry, &*store).await?;

    let mut policy = acceso::Policy::portal();
    policy.language = language;
    let (acceso, courier) = Acceso::builder(store, registry, Arc::clone(&mailer))
        .portal("Clínica del Sol", "https://portal.example")
        .contact("0800 555 0000")
        .policy(policy)
        .build()?;
    let client = Client::unknown().with_device("lifecycle").with_language(language);
    let mut portal = Portal { acceso, courier, mailer, client, language, cast };
    portal.registers_and_logs_in().await?;
    portal.is_locked_out().await?;
    portal.recovers().await?;
    portal.acceso.shutdown().await;
    println!("\nThe whole manual has been played.");
    Ok(())
}

struct Portal {
    acceso: Acceso,
    courier: Courier,
    mailer: Arc<Post>,
    client: Client,
    language: Language,
    cast: Cast,
}

impl Portal {
    async fn registers_and_logs_in(&mut self) -> Outcome<()> {
        let Cast { patient, username, other, other_username } = self.cast.clone();
        if let Some(other) = &other {
            title("Another patient of the file has a user already");
            self.register(other.as_str(), &other_username, PASSWORD, "Vecina Primera").await?;
            let token = self.link(MailPurpose::ConfirmRegistration).await?;
            self.confirm(&token, &other_username, PASSWORD).await?;
            self.mails().await?;
        }
        title("Registrarse, with faults");
        self.register("ana@", "A", "corta", "Ana").await?;
        title("Registrarse, with an e-mail in no record: the answer is the same, and no mail comes");
        self.register("nadie@example.org", &username, PASSWORD, "Nadie Conocido").await?;
        self.mails().await?;
        if other.is_some() {
            title("Registrarse, with a name that is taken");
            self.register(patient.as_str(), &other_username, PASSWORD, "Ana Peña").await?;
        }
        title("Registrarse, rightly");
        self.register(patient.as_str(), &username, PASSWORD, "Ana Peña").await?;
        let token = self.link(MailPurpose::ConfirmRegistration).await?;
        title("Ingrese a su cuenta, before the confirmation");
        self.login(&username, PASSWORD).await?;
        title("The link of the mail: user name and password confirm the registration");
        self.confirm(&token, &username, PASSWORD).await?;
        self.mails().await?;
        title("The link of the mail, once more");
        self.confirm(&token, &username, PASSWORD).await?;
        title("Ingrese a su cuenta");
        self.login(&username, PASSWORD).await?;
        Ok(())
    }

    async fn is_locked_out(&mut self) -> Outcome<()> {
        let username = self.cast.username.clone();
        title("Five wrong passwords lock");
        for _ in 0..self.acceso.policy().lockout.threshold {
            self.login(&username, "Equivocada 1").await?;
        }
        self.mails().await?;
        title("Now even the right password is rejected");
        self.login(&username, PASSWORD).await?;
        Ok(())
    }

    async fn recovers(&mut self) -> Outcome<()> {
        let Cast { patient, username, .. } = self.cast.clone();
        title("Recuperar Usuario");
        println!("> recover_username {{ email: {patient} }}");
        let form = UsernameRecoveryForm { email: patient.to_string() };
        let answer = self.acceso.recover_username(form, &self.client).await?;
        self.requested(&answer, Notice::UserNameSent);
        self.mails().await?;

        title("Recuperar contraseña");
        println!("> recover_password {{ email: {patient}, username: {username} }}");
        let form = PasswordRecoveryForm { email: patient.to_string(), username: username.clone() };
        let answer = self.acceso.recover_password(form, &self.client).await?;
        self.requested(&answer, Notice::RecoverySent);
        let token = self.link(MailPurpose::ConfirmRecovery).await?;

        title("The link of the mail is confirmed: a temporary password comes");
        println!("> confirm_recovery {{ token: … }}");
        match self.acceso.confirm_recovery(&token, &self.client).await? {
            RecoveryConfirmation::Accepted => self.answer(Notice::RecoveryConfirmed),
            RecoveryConfirmation::LinkInvalid => self.answer(Notice::LinkInvalid),
        }
        let mails = self.mails().await?;
        let temporary = mails.iter().find_map(temporary_password).ok_or("no temporary password came")?;

        title("Ingrese a su cuenta, with the temporary password");
        let restricted = self.login(&username, &temporary).await?.ok_or("the temporary password opened nothing")?;
        title("Cambiar Contraseña");
        let session = self.change(&restricted, "", NEW_PASSWORD).await?.ok_or("the password was not changed")?;
        self.mails().await?;
        title("Ingrese a su cuenta, with the new password");
        self.login(&username, NEW_PASSWORD).await?.ok_or("the new password opened nothing")?;
        title("The open sessions, and the way out");
        for info in self.acceso.sessions(&session).await?.ok_or("signed out")? {
            let device = info.device.map(|label| label.to_string()).unwrap_or_default();
            println!(
                "  {} {device}, opened {}{}",
                info.id,
                info.opened_at,
                if info.is_this { ", this one" } else { "" }
            );
        }
        println!("> log_out");
        self.acceso.log_out(&session, &self.client).await?;
        self.answer(Notice::LoggedOut);
        match self.acceso.session(&session).await? {
            None => Ok(()),
            Some(_) => Err("still signed in after logging out".into()),
        }
    }

    async fn register(&self, email: &str, username: &str, password: &str, full_name: &str) -> Outcome<()> {
        println!("> register {{ email: {email}, username: {username}, password: ********, full_name: {full_name} }}");
        let form = RegistrationForm {
            email: email.into(),
            username: username.into(),
            password: password.into(),
            repeated: password.into(),
            full_name: full_name.into(),
        };
        match self.acceso.register(form, &self.client).await? {
            Registering::Accepted(_) => self.answer(Notice::RegistrationAccepted),
            Registering::UsernameTaken => self.answer(Notice::UsernameTaken),
            Registering::Invalid(faults) => self.faults(&faults),
        }
        Ok(())
    }

    async fn confirm(&self, token: &str, username: &str, password: &str) -> Outcome<()> {
        println!("> confirm {{ token: …, username: {username}, password: ******** }}");
        let form = ConfirmationForm {
            token: token.into(),
            username: username.into(),
            password: password.into(),
            reference: None,
        };
        self.answer(match self.acceso.confirm(form, &self.client).await? {
            Confirmation::Confirmed => Notice::RegistrationConfirmed,
            Confirmation::LinkInvalid => Notice::LinkInvalid,
            Confirmation::Rejected => Notice::ConfirmationRejected,
            Confirmation::UsernameTaken => Notice::UsernameTaken,
            Confirmation::NotAPatient => Notice::NotAPatient,
            Confirmation::TooManyUsers => Notice::TooManyUsers,
        });
        Ok(())
    }

    async fn login(&self, username: &str, password: &str) -> Outcome<Option<SessionToken>> {
        println!("> login {{ username: {username}, password: ******** }}");
        Ok(match self.acceso.login(LoginForm::new(username, password), Stay::Session, &self.client).await? {
            Login::SignedIn(session) => {
                println!("< signed in until {} at the latest", session.ends_at);
                Some(session.token)
            }
            Login::MustChangePassword(restricted) => {
                self.answer(Notice::MustChangePassword);
                Some(restricted.token)
            }
            Login::Rejected => {
                self.answer(Notice::LoginRejected);
                None
            }
        })
    }

    async fn change(&self, token: &SessionToken, current: &str, new: &str) -> Outcome<Option<SessionToken>> {
        println!("> change_password {{ new: ********, repeated: ******** }}");
        let form = PasswordChangeForm { current: current.into(), new: new.into(), repeated: new.into() };
        Ok(match self.acceso.change_password(token, form, &self.client).await? {
            PasswordChange::Changed(session) => {
                self.answer(Notice::PasswordChanged);
                Some(session.token)
            }
            PasswordChange::Invalid(faults) => {
                self.faults(&faults);
                None
            }
            PasswordChange::Rejected | PasswordChange::NotSignedIn => {
                self.answer(Notice::ChangeRejected);
                None
            }
        })
    }

    fn answer(&self, answer: Notice) {
        println!("< {}", notice(answer, self.language));
    }

    fn faults(&self, faults: &[Fault]) {
        for found in faults {
            println!("< {}: {} [{}]", found.field.name(), fault(*found, self.language), found.rule.code());
        }
    }

    fn requested(&self, answer: &RecoveryRequest, accepted: Notice) {
        match answer {
            RecoveryRequest::Accepted => self.answer(accepted),
            RecoveryRequest::Invalid(faults) => self.faults(faults),
        }
    }

    /// Everything that the courier delivers now, printed.
    async fn mails(&mut self) -> Outcome<Vec<Mail>> {
        while self.courier.deliver_due().await?.claimed > 0 {}
        let mails = self.mailer.take();
        if mails.is_empty() {
            println!("  (no mail)");
        }
        for mail in &mails {
            println!("  ┌ To: {}\n  │ Subject: {}\n  │", mail.to(), mail.subject());
            mail.text().lines().for_each(|line| println!("  │ {line}"));
            println!("  └");
        }
        Ok(mails)
    }

    /// The token of the one link that comes by mail now.
    async fn link(&mut self, purpose: MailPurpose) -> Outcome<String> {
        let mails = self.mails().await?;
        let mail = mails.iter().find(|mail| mail.purpose() == purpose).ok_or("the expected mail did not come")?;
        let (_, after) = mail.text().split_once("?token=").ok_or("the mail has no link")?;
        Ok(after.split_whitespace().next().unwrap_or_default().to_owned())
    }
}

fn title(text: &str) {
    println!("\n## {text}\n");
}

/// The one line of sixteen letters and digits.
fn temporary_password(mail: &Mail) -> Option<String> {
    let is_password = |line: &&str| line.len() == 16 && line.bytes().all(|byte| byte.is_ascii_alphanumeric());
    mail.text().lines().find(is_password).map(str::to_owned)
}
