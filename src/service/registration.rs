//! Registering, as a call.

use crate::client::Client;
use crate::error::Error;
use crate::event::EventKind;
use crate::flow::registration::{Registering, RegistrationForm, decide, parse};
use crate::service::hashing::Admission;
use crate::service::{Acceso, Hashing};

impl Acceso {
    /// Registers a visitor: step one of two, and no account yet.
    ///
    /// The answer says nothing of whether the address is a patient's. If it is, a mail with a link is under way; the page
    /// of the link calls [`confirm`](Self::confirm). Registering again is always possible, and is the way to ask for the
    /// mail again.
    ///
    /// Records one event. Costs one password hash; `Busy` if there is no room for it, or for more mail.
    ///
    /// ```
    /// # use acceso::{Acceso, Client, Registering, RegistrationForm, Rule, adapter::memory::*};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (acceso, _courier) = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
    /// #     .portal("Clínica del Sol", "https://portal.example").build()?;
    /// let form = RegistrationForm {
    ///     email: "ana.pena@example.org".into(),
    ///     username: "anapena".into(),
    ///     password: "corta".into(),
    ///     repeated: "corta".into(),
    ///     full_name: "Ana Peña".into(),
    /// };
    /// let Registering::Invalid(faults) = acceso.register(form, &Client::unknown()).await? else { unreachable!() };
    /// assert!(faults.iter().any(|fault| fault.rule == Rule::TooShort(8)));
    /// # Ok(()) }
    /// ```
    pub async fn register(&self, form: RegistrationForm, client: &Client) -> Result<Registering, Error> {
        let permit = self.inner.pool().admit(Admission::Registration)?;
        self.inner.room_for_mail().await?;
        let parsed = parse(form, &self.inner.moment(client));
        let request = match parsed {
            Ok(request) => request,
            Err(faults) => {
                let refuse = |m: &crate::flow::Moment<'_>| {
                    m.refuse(Registering::Invalid(faults.clone()), EventKind::RegistrationInvalid, None)
                };
                return self.inner.carry_out(client, None, || async { Ok(()) }, |(), _, m, _| refuse(m)).await;
            }
        };
        let hashing = Hashing { permit: &permit, password: Some(&request.password), new: None };
        let read = || self.inner.store.user_named(&request.username);
        self.inner
            .carry_out(client, Some(hashing), read, |holder, runs, m, fresh| {
                decide(holder.as_ref(), &request, runs, m, fresh)
            })
            .await
    }
}
