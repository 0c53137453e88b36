//! A portal behind a socket, with its accounts in memory. Not: who looks at it.

use std::sync::Arc;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::test_util::cheap_hashing;
use acceso::web::{Portal, SignedIn};
use acceso::{
    Acceso, Client, Confirmation, ConfirmationForm, Courier, Mail, MailPurpose, Policy, Registering, RegistrationForm,
};
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::common::{ANA, patient, token};

pub(crate) struct Site {
    pub(crate) url: String,
    pub(crate) acceso: Acceso,
    courier: Courier,
    mailer: Arc<MemoryMailer>,
    server: JoinHandle<()>,
}

impl Site {
    /// With Ana in the patient records.
    pub(crate) async fn open(policy: Policy) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("a port"));
        let registry = MemoryRegistry::from_iter([patient("pac-0001", ANA)]);
        let mailer = Arc::new(MemoryMailer::new());
        let (acceso, courier) = Acceso::builder(MemoryStore::new(), registry, Arc::clone(&mailer))
            .portal("Clínica del Sol", &url)
            .contact("0800 555 0000")
            .policy(cheap_hashing(policy))
            .build()
            .expect("a safe policy");
        let pages = Portal::new(acceso.clone()).expect("links lead to the pages");
        let home = |visitor: SignedIn| async move {
            let name = visitor.user().username();
            Html(format!("<h1>Hola, {name}</h1><p><a href=\"/sessions\">Mi cuenta</a></p>"))
        };
        let app: Router = pages.mount(Router::new().route("/", get(home))).with_state(pages);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { url, acceso, courier, mailer, server }
    }

    /// The one mail of this kind that comes now.
    pub(crate) async fn mail(&mut self, purpose: MailPurpose) -> Mail {
        while self.courier.deliver_due().await.expect("in memory").claimed > 0 {}
        let mails = self.mailer.take();
        let mail = mails.iter().find(|mail| mail.purpose() == purpose);
        mail.unwrap_or_else(|| panic!("no {purpose:?} among {} mails", mails.len())).clone()
    }

    /// A confirmed user of Ana's.
    pub(crate) async fn user(&mut self, username: &str, password: &str) {
        let form = RegistrationForm {
            email: ANA.into(),
            username: username.into(),
            password: password.into(),
            repeated: password.into(),
            full_name: "Ana Peña".into(),
        };
        let sent = self.acceso.register(form, &Client::unknown()).await;
        assert!(matches!(sent, Ok(Registering::Accepted(_))), "{sent:?}");
        let token = token(&self.mail(MailPurpose::ConfirmRegistration).await);
        let (username, password) = (username.into(), password.into());
        let form = ConfirmationForm { token, username, password, reference: None };
        assert!(matches!(self.acceso.confirm(form, &Client::unknown()).await, Ok(Confirmation::Confirmed)));
        self.mail(MailPurpose::RegistrationConfirmed).await;
    }

    /// The link in the mail of this kind.
    pub(crate) async fn link(&mut self, purpose: MailPurpose) -> String {
        let mail = self.mail(purpose).await;
        let link = mail.text().split_whitespace().find(|word| word.contains("?token="));
        link.expect("a link").to_owned()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}
