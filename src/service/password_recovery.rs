//! Recovering a password, as calls.

use crate::client::Client;
use crate::error::Error;
use crate::flow::RecoveryRequest;
use crate::flow::password_recovery::{
    Facts, PasswordChoice, PasswordChoiceForm, PasswordRecoveryForm, RecoveryConfirmation, choose, confirm, opened,
    request,
};
use crate::link::LinkToken;
use crate::port::error::BoxError;
use crate::service::hashing::Admission;
use crate::service::{Acceso, Hashing, Inner};

impl Acceso {
    /// Asks to recover a password. If address and name fit a user, a mail with a link is under way.
    ///
    /// Nothing about the account changes. The answer is the same whoever is asked about. Records one event. `Busy` if there
    /// is no room for more mail.
    pub async fn recover_password(
        &self,
        form: PasswordRecoveryForm,
        client: &Client,
    ) -> Result<RecoveryRequest, Error> {
        self.inner.room_for_mail().await?;
        self.inner.carry_out(client, None, || async { Ok(()) }, |(), _, m, fresh| request(&form, m, fresh)).await
    }

    /// Confirms the recovery by the token of the link: the old password, its lock and every session end, and a mail with a
    /// temporary password is under way. For policies with [`Recovery::TemporaryPassword`](crate::Recovery); any other
    /// answers `LinkInvalid` and leaves the link as it was.
    ///
    /// Call it when the person has pressed the button on the link's page, never when the page is only opened: mail scanners
    /// open links. Records one event.
    pub async fn confirm_recovery(&self, token: &str, client: &Client) -> Result<RecoveryConfirmation, Error> {
        let token = LinkToken::parse(token);
        let read = || self.inner.read_recovery(token.as_ref(), client);
        self.inner.carry_out(client, None, read, |facts, _, m, fresh| confirm(facts, token.as_ref(), m, fresh)).await
    }

    /// Sets a new password by the token of the link. For policies with
    /// [`Recovery::ChoosePassword`](crate::Recovery::ChoosePassword); any other answers `LinkInvalid` and leaves the link as
    /// it was. Opens no session.
    ///
    /// Records one event. Costs one password hash, once the link is found good; `Busy` if there is no room for it.
    pub async fn choose_password(&self, form: PasswordChoiceForm, client: &Client) -> Result<PasswordChoice, Error> {
        let permit = self.inner.pool().admit(Admission::Other)?;
        let token = LinkToken::parse(&form.token);
        let hashing = Hashing { permit: &permit, password: None, new: Some(&form.new) };
        let read = || self.inner.read_recovery(token.as_ref(), client);
        self.inner
            .carry_out(client, Some(hashing), read, |facts, runs, m, fresh| {
                choose(facts, token.as_ref(), &form, runs, m, fresh)
            })
            .await
    }
}

impl Inner {
    async fn read_recovery(&self, token: Option<&LinkToken>, client: &Client) -> Result<Facts, BoxError> {
        let Some(found) = token else { return Ok(Facts::default()) };
        let mailbox = self.store.mailbox(found.mailbox()).await?;
        let user = match opened(mailbox.as_ref(), token, &self.moment(client)).and_then(|link| link.user) {
            Some(id) => self.store.user(id).await?,
            None => None,
        };
        Ok(Facts { mailbox, user })
    }
}
