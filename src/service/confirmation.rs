//! Confirming a registration, as a call.

use crate::client::Client;
use crate::error::Error;
use crate::flow::confirmation::{Confirmation, ConfirmationForm, Facts, MOST_TRIED, Request, decide, opened, parse};
use crate::port::error::BoxError;
use crate::service::hashing::Admission;
use crate::service::{Acceso, Hashing, Inner};

impl Acceso {
    /// Confirms a registration by the link in the mail together with the name and the password that were registered. Opens
    /// no session: the next step is [`login`](Self::login).
    ///
    /// Call it when the person has sent the form on the link's page, never when the page is only opened: mail scanners open
    /// links. Any live confirmation link of an address confirms any registration of that address.
    ///
    /// Asks the patient registry; `Unavailable` if it cannot be asked, and the link stays good. Records one event. Costs up
    /// to eight password hashes.
    pub async fn confirm(&self, form: ConfirmationForm, client: &Client) -> Result<Confirmation, Error> {
        let permit = self.inner.pool().admit(Admission::Other)?;
        let request = parse(form);
        let hashing = Hashing { permit: &permit, password: Some(&request.password), new: None };
        let read = || self.inner.read_confirmation(&request, client);
        self.inner
            .carry_out(client, Some(hashing), read, |facts, runs, m, fresh| decide(facts, &request, runs, m, fresh))
            .await
    }
}

/// A mailbox that moves more often than this while it is read is judged as it was: the commit relies on its version.
const MOST_READS: usize = 3;

impl Inner {
    /// Read as of one instant, as far as answers differ: a confirmation that lands between two of the reads takes the
    /// registration away and the name, and its twin would be told of a wrong name, or of one that is taken, instead of a
    /// link that is used.
    async fn read_confirmation(&self, request: &Request, client: &Client) -> Result<Facts, BoxError> {
        let mut facts = self.read_confirmation_once(request, client).await?;
        for _ in 1..MOST_READS {
            let Some(mailbox) = opened(facts.mailbox.as_ref(), request, &self.moment(client)) else { break };
            let now = self.store.mailbox(mailbox.id()).await?;
            if now.is_some_and(|now| now.version() == mailbox.version()) {
                break;
            }
            facts = self.read_confirmation_once(request, client).await?;
        }
        Ok(facts)
    }

    /// The mailbox first: whoever adds to a set that is read after it replaces it too.
    async fn read_confirmation_once(&self, request: &Request, client: &Client) -> Result<Facts, BoxError> {
        let Some(token) = &request.token else { return Ok(Facts::default()) };
        let mailbox = self.store.mailbox(token.mailbox()).await?;
        let Some(opened) = opened(mailbox.as_ref(), request, &self.moment(client)) else {
            return Ok(Facts { mailbox, ..Facts::default() });
        };
        let email = opened.email().clone();
        let referred = match request.reference {
            Some(reference) => self.store.registration(reference).await?,
            None => None,
        };
        let Some(name) = &request.username else { return Ok(Facts { mailbox, ..Facts::default() }) };
        Ok(Facts {
            referred,
            registrations: self.store.registrations(&email, Some(name), MOST_TRIED).await?,
            patients: self.registry.patients_with_email(&email).await?,
            users: self.store.users_with_email(&email).await?,
            holder: self.store.user_named(name).await?,
            mailbox,
        })
    }
}
