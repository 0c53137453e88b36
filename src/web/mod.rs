//! The portal in an axum application: extractors for the host's own handlers. Not: a server, nor any rule of an account.
//!
//! **Nothing that a request says of itself is believed, unless the host says who vouches for it.**

mod answer;
mod client;
mod cookie;
mod extract;
mod form;
mod headers;
mod limit;
mod origin;
mod redirect;

use std::fmt;
use std::sync::Arc;

use axum::response::Response;

pub use self::client::ClientAddress;
pub use self::extract::{MaybeSignedIn, MustChangePassword, Rejection, RejectionReason, SignedIn};
pub use self::limit::ClientLimit;
use crate::language::Language;
use crate::service::Acceso;
use crate::web::answer::Trouble;
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
    mount: String,
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
        let mount = pages.confirmation.strip_suffix("/confirmation").ok_or(PortalError::Pages)?.to_owned();
        if pages.password_recovery.strip_prefix(&mount) != Some("/password-recovery/confirmation") {
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
            mount,
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

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// The service itself.
    pub fn acceso(&self) -> &Acceso {
        &self.inner.acceso
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

    pub(crate) fn trouble_page(&self, trouble: Trouble, language: Language) -> Response {
        let _ = self;
        trouble.problem(language)
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal").field("base", &self.inner.base).finish_non_exhaustive()
    }
}
