//! Access tokens: the clinic's fixed one, the host's own, or those that SMART Backend Services gives. Not: what they open.
//!
//! **One renewal at a time, however many look-ups wait for it**, and a token that was refused is not used twice.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::ACCEPT;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::backend_services::BackendServices;
use super::base::Base;
use super::failure::{Codes, Failure, Fault, Step};
use super::http::Answer;
use crate::clock::Clock;
use crate::port::error::BoxError;

/// A token answer is a few hundred bytes, a discovery document a few thousand.
const MAX_BYTES: usize = 256 * 1024;
/// What a server that does not say how long a token lives is taken to mean. RFC 6749, 5.1, only recommends to say it.
const UNSAID_LIFE: Duration = Duration::from_secs(60);
/// SMART App Launch 2.2, Backend Services: no more than an hour is expected.
const LONGEST_LIFE: Duration = Duration::from_secs(3_600);
/// So that a token does not end between here and the server.
const MARGIN: Duration = Duration::from_secs(30);

/// Access tokens that the host obtains in its own way.
///
/// # Contract
/// - Returns a token that is good for one look-up, without the word `Bearer`; it is asked for before each request.
/// - After the server refused a token it is asked once more; the look-up fails if the same token comes back.
///
/// # Errors
/// The look-up fails with this error behind its `source()`.
///
/// # Cancellation
/// The future may be dropped at any await.
#[async_trait]
pub trait AccessTokens: Send + Sync {
    /// A token for the FHIR server.
    async fn access_token(&self) -> Result<String, BoxError>;
}

pub(super) type Token = Zeroizing<String>;

pub(super) enum Authorization {
    None,
    Fixed(Token),
    Host(Arc<dyn AccessTokens>),
    Smart(Box<Smart>),
}

impl Authorization {
    /// The token for the next request, another than the one that was refused.
    pub(super) async fn token(&self, at: &Caller<'_>, refused: Option<&Token>) -> Result<Option<Token>, Failure> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(token) => Ok(Some(token.clone())),
            Self::Host(host) => {
                let token = host.access_token().await.map_err(|error| Fault::HostToken(error).at(Step::Token))?;
                Ok(Some(Zeroizing::new(token)))
            }
            Self::Smart(smart) => smart.token(at, refused).await.map(Some),
        }
    }
}

/// Who asks for a token, and of which server.
pub(super) struct Caller<'a> {
    pub(super) client: &'a Client,
    pub(super) base: &'a Base,
    pub(super) clock: &'a dyn Clock,
}

/// Tokens of a client with a key of its own.
pub(super) struct Smart {
    services: BackendServices,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    endpoint: Option<Url>,
    live: Option<Live>,
    /// The last attempt, if it failed: those who waited for it share its end.
    failed: Option<(Instant, Box<str>)>,
}

struct Live {
    token: Token,
    until: Instant,
}

#[derive(Deserialize)]
struct Discovered {
    token_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<Value>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Smart {
    pub(super) fn new(services: BackendServices) -> Self {
        Self { services, state: Mutex::default() }
    }

    async fn token(&self, at: &Caller<'_>, refused: Option<&Token>) -> Result<Token, Failure> {
        let asked_at = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(live) = &state.live
            && Instant::now() < live.until
            && Some(&live.token) != refused
        {
            return Ok(live.token.clone());
        }
        if let Some((failed_at, why)) = &state.failed
            && asked_at < *failed_at
        {
            return Err(Fault::Shared(why.clone()).at(Step::Token));
        }
        state.live = None;
        match self.renewed(at, &mut state.endpoint).await {
            Ok(live) => {
                state.failed = None;
                Ok(state.live.insert(live).token.clone())
            }
            Err(failure) => {
                // The next attempt looks anew where tokens are given.
                state.endpoint = None;
                state.failed = Some((Instant::now(), failure.to_string().into()));
                Err(failure)
            }
        }
    }

    async fn renewed(&self, at: &Caller<'_>, known: &mut Option<Url>) -> Result<Live, Failure> {
        let endpoint = match (&self.services.token_url, &*known) {
            (Some(given), _) => given.clone(),
            (None, Some(known)) => known.clone(),
            (None, None) => known.insert(discover(at).await.map_err(|fault| fault.at(Step::Discovery))?).clone(),
        };
        self.ask(at, endpoint).await.map_err(|fault| fault.at(Step::Token))
    }

    async fn ask(&self, at: &Caller<'_>, endpoint: Url) -> Result<Live, Fault> {
        let form = self.services.form(endpoint.as_str(), at.clock.now())?;
        let request = at
            .client
            .post(endpoint)
            .header(ACCEPT, "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let sent_at = Instant::now();
        let answer = Answer::to(request, MAX_BYTES).await?;
        if answer.status != 200 {
            let codes = answer.refusal::<Refused>().map(|refused| Codes::of([refused.error.as_str()]));
            return Err(Fault::Status { status: answer.status, codes: codes.unwrap_or_default() });
        }
        let granted: Granted = serde_json::from_str(answer.json()?).map_err(|error| Fault::unreadable(&error))?;
        let token = Zeroizing::new(granted.access_token);
        if !granted.token_type.eq_ignore_ascii_case("bearer") || !is_token(&token) {
            return Err(Fault::NoToken);
        }
        let life = granted.expires_in.map_or(UNSAID_LIFE, |life| seconds(&life)).min(LONGEST_LIFE);
        Ok(Live { token, until: sent_at + life - MARGIN.min(life / 2) })
    }
}

async fn discover(at: &Caller<'_>) -> Result<Url, Fault> {
    let request = at.client.get(at.base.below(".well-known/smart-configuration")).header(ACCEPT, "application/json");
    let answer = Answer::to(request, MAX_BYTES).await?;
    if answer.status != 200 {
        return Err(Fault::Status { status: answer.status, codes: Codes::default() });
    }
    let found: Discovered = serde_json::from_str(answer.json()?).map_err(|error| Fault::unreadable(&error))?;
    found.token_endpoint.and_then(|endpoint| at.base.token_endpoint(&endpoint)).ok_or(Fault::NoTokenEndpoint)
}

/// A number, which some servers write as text. What is neither is no time at all: such a token serves one request.
fn seconds(life: &Value) -> Duration {
    let number = life.as_u64().or_else(|| life.as_str()?.parse().ok());
    Duration::from_secs(number.unwrap_or_default())
}

/// The form of a bearer token (RFC 6750, 2.1), and a bound. It can end no header.
pub(super) fn is_token(token: &str) -> bool {
    const LONGEST: usize = 16 * 1024;
    let is_sign = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    (1..=LONGEST).contains(&token.len()) && token.bytes().all(is_sign)
}
