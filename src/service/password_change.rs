//! Changing a password, as a call.

use crate::client::Client;
use crate::error::Error;
use crate::flow::password_change::{Facts, PasswordChange, PasswordChangeForm, decide};
use crate::port::error::BoxError;
use crate::secret::SessionToken;
use crate::service::hashing::Admission;
use crate::service::{Acceso, Hashing, Inner};

impl Acceso {
    /// Changes the password of a signed-in user, or of one who has signed in with a temporary password and must change it.
    ///
    /// On success give the browser the new token: every earlier session has ended. A wrong current password counts as one at
    /// login does. Records one event. Costs up to two password hashes; `Busy` if there is no room for them.
    pub async fn change_password(
        &self,
        token: &SessionToken,
        form: PasswordChangeForm,
        client: &Client,
    ) -> Result<PasswordChange, Error> {
        let permit = self.inner.pool().admit(Admission::Other)?;
        let hashing = Hashing { permit: &permit, password: Some(&form.current), new: Some(&form.new) };
        let read = || self.inner.read_session(token);
        self.inner
            .carry_out(client, Some(hashing), read, |facts, runs, m, fresh| decide(facts, &form, runs, m, fresh))
            .await
    }
}

impl Inner {
    pub(crate) async fn read_session(&self, token: &SessionToken) -> Result<Facts, BoxError> {
        self.store.session(&token.digest()).await
    }
}
