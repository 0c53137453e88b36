//! Asking for forgotten user names, as a call.

use crate::client::Client;
use crate::error::Error;
use crate::flow::RecoveryRequest;
use crate::flow::username_recovery::{UsernameRecoveryForm, decide};
use crate::service::Acceso;

impl Acceso {
    /// Asks for the user names of an address, which come by mail to that address if it is a user's.
    ///
    /// The answer is the same whoever is asked about. Records one event. `Busy` if there is no room for more mail.
    pub async fn recover_username(
        &self,
        form: UsernameRecoveryForm,
        client: &Client,
    ) -> Result<RecoveryRequest, Error> {
        self.inner.room_for_mail().await?;
        self.inner.carry_out(client, None, || async { Ok(()) }, |(), _, m, fresh| decide(&form, m, fresh)).await
    }
}
