//! The portal in an axum application: its pages, and extractors for the host's own handlers. Not: a server, nor any rule of an account.
//!
//! **Nothing that a request says of itself is believed, unless the host says who vouches for it.**

mod answer;
mod client;
mod confirmation;
mod contact;
mod cookie;
mod extract;
mod form;
mod headers;
mod limit;
mod login;
mod openapi;
mod operation;
mod origin;
mod page;
mod password_change;
mod password_recovery;
mod redirect;
mod registration;
mod session;
mod username_recovery;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};

pub use self::client::ClientAddress;
pub use self::extract::{MaybeSignedIn, MustChangePassword, Rejection, RejectionReason, SignedIn};
pub use self::limit::ClientLimit;
use crate::policy::Recovery;
use crate::service::Acceso;
use crate::web::cookie::Cookies;
use crate::web::limit::PerProcess;

/// The pages of a portal, for an axum application. One cheap handle: keep it in the state, clone it freely.
///
/// The portal's address and the paths of its mailed links, as [`Acceso`] was built with them, say where the pages stand:
/// with links under `/acceso/confirmation` the login page is `/acceso/login`.
#[derive(Clone)]
pub struct Portal {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    acceso: Acceso,
    cookies: Cookies,
    origin: String,
    base: String,
    home: String,
    address: ClientAddress,
    limit: Arc<dyn ClientLimit>,
}

/// Why there is no portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortalError {
    /// The paths of mailed links are not `…/confirmation` and `…/password-recovery/confirmation` under one path.
    #[error("mailed links do not lead to the pages: /confirmation and /password-recovery/confirmation under one path")]
    Pages,
    /// A path that is none of this site.
    #[error("not a path of this site")]
    Path,
}

impl Portal {
    /// The pages of this service. Fails if its mailed links lead elsewhere.
    pub fn new(acceso: Acceso) -> Result<Self, PortalError> {
        let service = acceso.inner();
        let pages = &service.pages;
        let mount = pages.confirmation.strip_suffix("/confirmation").ok_or(PortalError::Pages)?;
        if pages.password_recovery.strip_prefix(mount) != Some("/password-recovery/confirmation") {
            return Err(PortalError::Pages);
        }
        let address = &service.portal.home;
        let origin = origin::of(address);
        let authority = address.find("://").map_or(0, |at| at + 3);
        let path = address.get(authority..).and_then(|rest| rest.find('/').and_then(|at| rest.get(at..)));
        let base = format!("{}{mount}", path.unwrap_or_default());
        let inner = Inner {
            cookies: Cookies::of(address),
            origin,
            base,
            home: format!("{}/", path.unwrap_or_default()),
            address: ClientAddress::default(),
            limit: Arc::new(PerProcess::new()),
            acceso,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How a client's address is found; [`ClientAddress::Unknown`] if not said. Without an address the limits per client do
    /// not work.
    #[must_use]
    pub fn client_address(self, address: ClientAddress) -> Self {
        self.with(|inner| inner.address = address)
    }

    /// Limits that all processes of the portal share, in place of one process's own.
    #[must_use]
    pub fn limits(self, limit: impl ClientLimit + 'static) -> Self {
        self.with(|inner| inner.limit = Arc::new(limit))
    }

    /// Where a login leads that was not asked for by a page: a path of this site as the browser sees it, such as
    /// `/results`. The portal's address if not said.
    pub fn home(self, path: &str) -> Result<Self, PortalError> {
        let home = redirect::local_path(path).ok_or(PortalError::Path)?.to_owned();
        Ok(self.with(|inner| inner.home = home))
    }

    /// The application with the pages in it, at the paths that mailed links and browsers use.
    ///
    /// The host's own page at the portal's address is where mails lead: give it a [`SignedIn`] visitor, and whoever is
    /// not is sent to the login page.
    ///
    /// ```
    /// # use acceso::{Acceso, adapter::memory::*};
    /// use acceso::web::{Portal, SignedIn};
    /// use axum::{Router, routing::get};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (acceso, _courier) = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
    /// #     .portal("Clínica del Sol", "https://portal.example").build()?;
    /// let portal = Portal::new(acceso)?;
    /// let home = |visitor: SignedIn| async move { format!("Hola, {}", visitor.user().username()) };
    /// let app: Router = portal.mount(Router::new().route("/", get(home))).with_state(portal);
    /// # let _ = app; Ok(()) }
    /// ```
    pub fn mount<S>(&self, app: Router<S>) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        if self.inner.base.is_empty() { app.merge(self.router()) } else { app.nest(&self.inner.base, self.router()) }
    }

    /// The pages alone, from `/login` on, for a host whose proxy takes a path off before it asks. Others
    /// [`mount`](Self::mount) them.
    pub fn router<S>(&self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        Router::new()
            .route("/login", get(login::show).post(login::act))
            .route("/registration", get(registration::show).post(registration::act))
            .route("/confirmation", get(confirmation::show).post(confirmation::act))
            .route("/username-recovery", get(username_recovery::show).post(username_recovery::act))
            .route("/password-recovery", get(password_recovery::show).post(password_recovery::act))
            .route(
                "/password-recovery/confirmation",
                get(password_recovery::show_confirmation).post(password_recovery::act_confirmation),
            )
            .route("/password-change", get(password_change::show).post(password_change::act))
            .route("/sessions", get(session::show))
            .route("/sessions/close", post(session::close))
            .route("/sessions/close-others", post(session::close_others))
            .route("/logout", post(session::log_out))
            .route("/language", post(contact::language))
            .route("/contact", get(contact::show))
            .route("/openapi.json", get(|State(portal): State<Self>| async move { portal.described() }))
            .route("/assets/{name}", get(page::asset))
            .layer(map_response(|response: Response| async { headers::guarded(response) }))
            .with_state(self.clone())
    }

    /// The description of the JSON. It lists what [`router`](Self::router) mounts.
    fn described(&self) -> Response {
        let recovery = match self.acceso().policy().recovery {
            Recovery::ChoosePassword => &password_recovery::CHOOSE,
            Recovery::TemporaryPassword { .. } => &password_recovery::CONFIRM,
        };
        let operations = [
            &registration::REGISTER,
            &confirmation::CONFIRM,
            &login::LOG_IN,
            &username_recovery::RECOVER,
            &password_recovery::RECOVER,
            recovery,
            &password_change::CHANGE,
            &session::LIST,
            &session::CLOSE,
            &session::CLOSE_OTHERS,
            &session::LOG_OUT,
            &contact::CHOOSE_LANGUAGE,
        ];
        openapi::told(self, &operations)
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// The service itself.
    pub fn acceso(&self) -> &Acceso {
        &self.inner.acceso
    }

    pub(crate) fn home_path(&self) -> &str {
        &self.inner.home
    }

    pub(crate) fn cookies(&self) -> Cookies {
        self.inner.cookies
    }

    pub(crate) fn origin(&self) -> &str {
        &self.inner.origin
    }

    pub(crate) fn client_address_rule(&self) -> &ClientAddress {
        &self.inner.address
    }

    pub(crate) fn limit(&self) -> &dyn ClientLimit {
        &*self.inner.limit
    }

    /// The path of a page, as the browser sees it.
    pub(crate) fn path(&self, page: &str) -> String {
        format!("{}{page}", self.inner.base)
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal").field("base", &self.inner.base).finish_non_exhaustive()
    }
}
