//! Who stands behind a request, as arguments of a handler. Not: any layer, so none can be forgotten or set in a wrong order.
//!
//! **A request that changes something counts as the user's only when a page of this very site has sent it.**

use std::fmt;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts, OriginalUri, Request};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};

use crate::client::Client;
use crate::flow::session::{RestrictedVisitor, Visitor};
use crate::identity::{PatientId, SessionId};
use crate::language::Language;
use crate::secret::SessionToken;
use crate::user::User;
use crate::web::answer::{Trouble, see_other};
use crate::web::form::{Fields, Media, escaped, media_type};
use crate::web::headers::guarded;
use crate::web::origin::Body;
use crate::web::redirect::local_path;
use crate::web::{Portal, client, limit, origin, page};

/// A signed-in visitor. Whoever is not is sent to the login page and back, or told so in JSON.
///
/// Asks the store once for each request, and believes nothing beyond it: a user who is disabled is out at the next one.
/// Under POST and the other methods that change something, a request that another site has sent is refused, so a
/// handler with this argument needs no token in its forms. Works with any state from which a [`Portal`] can be had:
///
/// ```
/// use acceso::web::{Portal, SignedIn};
/// use axum::extract::FromRef;
/// use axum::{Router, routing::get};
///
/// #[derive(Clone)]
/// struct Hospital {
///     portal: Portal,
/// }
///
/// impl FromRef<Hospital> for Portal {
///     fn from_ref(hospital: &Hospital) -> Self {
///         hospital.portal.clone()
///     }
/// }
///
/// async fn results(visitor: SignedIn) -> String {
///     format!("{} sees {} patients", visitor.user().username(), visitor.patients().len())
/// }
///
/// let app: Router<Hospital> = Router::new().route("/results", get(results));
/// # let _ = app;
/// ```
#[derive(Clone)]
pub struct SignedIn {
    visitor: Visitor,
    token: SessionToken,
}

impl SignedIn {
    /// Who it is.
    pub fn user(&self) -> &User {
        self.visitor.user()
    }

    /// The patients whose records the user may see. They were proved earlier: check each at use.
    pub fn patients(&self) -> &[PatientId] {
        self.visitor.user().patients()
    }

    /// The id of this session in the list of the user's sessions.
    pub fn session(&self) -> SessionId {
        self.visitor.session()
    }

    pub(crate) fn token(&self) -> &SessionToken {
        &self.token
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedIn(…)")
    }
}

/// A visitor who may be signed in: `None` for whoever is not, and for a changing request that another site has sent.
#[derive(Debug, Clone)]
pub struct MaybeSignedIn(pub Option<SignedIn>);

/// A visitor who has logged in with a temporary password, and can do nothing but change it.
#[derive(Clone)]
pub struct MustChangePassword {
    visitor: RestrictedVisitor,
}

impl MustChangePassword {
    /// Who it is.
    pub fn user(&self) -> &User {
        self.visitor.user()
    }
}

impl fmt::Debug for MustChangePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MustChangePassword(…)")
    }
}

/// Why a handler was not called. As a response it is the login page, or problem+json for who asks for JSON.
#[derive(Debug)]
pub struct Rejection {
    visit: Visit,
    trouble: Trouble,
}

/// The reasons of a [`Rejection`], for hosts that answer in their own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectionReason {
    /// No session: log in. 303 to the login page, or 401.
    NotSignedIn,
    /// A session that serves to change the temporary password only. 303 to that page, or 403.
    MustChangePassword,
    /// Another site has sent the request. 403.
    ForeignOrigin,
    /// Too much at once. 503 with `Retry-After`.
    Busy(Duration),
    /// The store cannot be asked. 503.
    Unavailable,
}

impl Rejection {
    /// The reason.
    pub fn reason(&self) -> RejectionReason {
        match self.trouble {
            Trouble::NotSignedIn | Trouble::BadForm(_) | Trouble::HtmlOnly => RejectionReason::NotSignedIn,
            Trouble::MustChangePassword => RejectionReason::MustChangePassword,
            Trouble::ForeignOrigin => RejectionReason::ForeignOrigin,
            Trouble::Busy(pause) | Trouble::TooManyRequests(pause) => RejectionReason::Busy(pause),
            Trouble::Unavailable => RejectionReason::Unavailable,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        // On the host's own routes nothing else says it.
        guarded(self.visit.refuse(self.trouble))
    }
}

/// What is known of one request.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) portal: Portal,
    pub(crate) client: Client,
    pub(crate) language: Language,
    pub(crate) wants_json: bool,
    /// The session that the browser presents, unchecked.
    pub(crate) token: Option<SessionToken>,
    /// Where the visitor wanted to go, for after the login.
    here: Option<String>,
    own: bool,
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visit(…)")
    }
}

impl Visit {
    pub(crate) fn of(portal: &Portal, parts: &Parts) -> Self {
        let cookies = portal.cookies();
        let language = client::language(&parts.headers, cookies, portal.acceso().policy().language);
        let body = if media_type(&parts.headers) == Some(Media::Json) { Body::Json } else { Body::Form };
        let safe = origin::is_safe(&parts.method);
        let asked = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let here = asked.path_and_query().map(PathAndQuery::as_str);
        Self {
            client: client::describe(parts, portal.client_address_rule(), language),
            language,
            wants_json: wants_json(&parts.headers),
            token: cookies.session(&parts.headers),
            here: here.filter(|_| parts.method == Method::GET).and_then(local_path).map(str::to_owned),
            own: safe || origin::is_own(&parts.headers, portal.origin(), body),
            portal: portal.clone(),
        }
    }

    /// A request that may change something: from a page of ours, not one too many, and with the fields that it must have.
    pub(crate) async fn receive(
        portal: &Portal,
        request: Request,
        body: Body,
        required: &[&str],
        optional: &[&str],
    ) -> Result<(Self, Fields), Response> {
        let (parts, content) = request.into_parts();
        let visit = Self::of(portal, &parts);
        let own = visit.own || (body == Body::Link && origin::is_own(&parts.headers, portal.origin(), body));
        if !own {
            return Err(visit.refuse(Trouble::ForeignOrigin));
        }
        if let Some(address) = visit.client.address()
            && let Err(pause) = portal.limit().admit(limit::counted(address)).await
        {
            return Err(visit.refuse(Trouble::TooManyRequests(pause)));
        }
        match Fields::read(&parts.headers, content, required, optional).await {
            Ok(fields) => Ok((visit, fields)),
            Err(bad) => Err(visit.refuse(Trouble::BadForm(bad))),
        }
    }

    pub(crate) async fn signed_in(&self) -> Result<SignedIn, Trouble> {
        if !self.own {
            return Err(Trouble::ForeignOrigin);
        }
        let Some(token) = &self.token else { return Err(Trouble::NotSignedIn) };
        if let Some(visitor) = self.portal.acceso().session(token).await? {
            return Ok(SignedIn { visitor, token: token.clone() });
        }
        let restricted = self.portal.acceso().restricted_session(token).await?;
        Err(if restricted.is_some() { Trouble::MustChangePassword } else { Trouble::NotSignedIn })
    }

    pub(crate) fn refuse(&self, trouble: Trouble) -> Response {
        if self.wants_json {
            return trouble.problem(self.language);
        }
        match (trouble, &self.here) {
            (Trouble::NotSignedIn, Some(next)) => {
                see_other(&format!("{}?next={}", self.portal.path("/login"), escaped(next)))
            }
            (Trouble::NotSignedIn, None) => see_other(&self.portal.path("/login")),
            (Trouble::MustChangePassword, _) => see_other(&self.portal.path("/password-change")),
            (trouble, _) => trouble.with_retry_after(page::trouble(self, trouble)),
        }
    }
}

/// By the first kind of the two that is named; by what was sent if neither is.
fn wants_json(headers: &HeaderMap) -> bool {
    let lines: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    let kinds = lines.iter().flat_map(|line| line.split(',')).map(|kind| kind.split(';').next().unwrap_or(kind).trim());
    for kind in kinds {
        match kind.to_ascii_lowercase().as_str() {
            "application/json" | "application/problem+json" => return true,
            "text/html" | "application/xhtml+xml" => return false,
            _ => {}
        }
    }
    media_type(headers) == Some(Media::Json)
}

impl<S> FromRequestParts<S> for SignedIn
where
    Portal: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let visit = Visit::of(&Portal::from_ref(state), parts);
        visit.signed_in().await.map_err(|trouble| Rejection { visit, trouble })
    }
}

impl<S> FromRequestParts<S> for MaybeSignedIn
where
    Portal: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let visit = Visit::of(&Portal::from_ref(state), parts);
        match visit.signed_in().await {
            Ok(signed_in) => Ok(Self(Some(signed_in))),
            Err(Trouble::NotSignedIn | Trouble::MustChangePassword | Trouble::ForeignOrigin) => Ok(Self(None)),
            Err(trouble) => Err(Rejection { visit, trouble }),
        }
    }
}

impl<S> FromRequestParts<S> for MustChangePassword
where
    Portal: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let visit = Visit::of(&Portal::from_ref(state), parts);
        let found = match &visit.token {
            _ if !visit.own => Err(Trouble::ForeignOrigin),
            None => Err(Trouble::NotSignedIn),
            Some(token) => match visit.portal.acceso().restricted_session(token).await {
                Ok(Some(visitor)) => Ok(Self { visitor }),
                Ok(None) => Err(Trouble::NotSignedIn),
                Err(error) => Err(Trouble::from(error)),
            },
        };
        found.map_err(|trouble| Rejection { visit, trouble })
    }
}
