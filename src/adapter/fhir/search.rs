//! One look-up: the search, its pages, its second tries. Not: what a page may hold.
//!
//! **Either the whole list is returned or none of it**: a page too many, one that is missing, or a contradiction is an
//! error.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Url};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::FhirRegistry;
use super::backend_services::form;
use super::bundle::{Found, Outcome, Page};
use super::failure::{Failure, Fault, Step};
use super::http::Answer;
use super::tokens::{Caller, Token, is_token};
use crate::identity::{EmailAddress, PatientId};
use crate::patient::Patient;

/// One page holds a family, and most clinics' placeholder addresses.
const PAGE_SIZE: &str = "100";
/// With pages of 100, more than a registration may have patients by far; a server is free to make pages smaller.
const MAX_PAGES: usize = 20;
const MAX_ENTRIES: usize = 2_000;
/// For one page. A Patient with all its elements has a few kilobytes; 100 with photographs are still a bad idea.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// In one look-up, whatever its pages.
const SECOND_TRIES: usize = 2;
const PAUSE: Duration = Duration::from_millis(200);
/// The longest wait that a server may ask for within a look-up, in seconds.
const LONGEST_WAIT: u64 = 2;

/// What is left of the look-up's patience.
struct Tries {
    left: usize,
    /// The token that the server did not take. There is one renewal in a look-up.
    refused: Option<Token>,
}

impl FhirRegistry {
    pub(super) async fn look_up(&self, email: &EmailAddress) -> Result<Vec<Patient>, Failure> {
        let query = form(&[("email", &wanted(email)), ("_count", PAGE_SIZE)]);
        let mut tries = Tries { left: SECOND_TRIES, refused: None };
        let mut list = List::default();
        let mut followed = HashSet::new();
        let mut next: Option<Url> = None;
        for number in 1..=MAX_PAGES {
            let at = Step::Page(number);
            let ask = || match &next {
                Some(page) => self.client.get(page.clone()),
                None => self.first(&query),
            };
            let answer = self.answer(ask, at, &mut tries).await?;
            let judged = answer.json().and_then(|text| Page::read(text, email, self.clock.now()));
            let link = judged.and_then(|page| list.add(page)).map_err(|fault| fault.at(at))?;
            let Some(link) = link else { return list.whole().map_err(|fault| fault.at(at)) };
            let page = self.base.followed(&link).ok_or_else(|| Fault::PageElsewhere.at(at))?;
            if !followed.insert(page.clone()) {
                return Err(Fault::PageAgain.at(at));
            }
            next = Some(page);
        }
        Err(Fault::TooManyPages(MAX_PAGES).at(Step::Lookup))
    }

    fn first(&self, query: &str) -> RequestBuilder {
        if self.search_by_get {
            let mut url = self.base.below("Patient");
            url.set_query(Some(query));
            return self.client.get(url);
        }
        let url = self.base.below("Patient/_search");
        self.client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(query.to_owned())
    }

    /// A success. A search changes nothing, so it may be tried again.
    async fn answer(&self, ask: impl Fn() -> RequestBuilder, at: Step, tries: &mut Tries) -> Result<Answer, Failure> {
        let caller = Caller { client: &self.client, base: &self.base, clock: &*self.clock };
        loop {
            let token = self.authorization.token(&caller, tries.refused.as_ref()).await?;
            if token.is_some() && token == tries.refused {
                return Err(Fault::Status { status: 401, codes: Default::default() }.at(at));
            }
            let mut request = ask().header(ACCEPT, "application/fhir+json").header("prefer", "handling=strict");
            if let Some(token) = &token {
                request = request.header(AUTHORIZATION, bearer(token).map_err(|fault| fault.at(Step::Token))?);
            }
            match Answer::to(request, MAX_BYTES).await {
                Ok(answer) if answer.status == 200 => return Ok(answer),
                Ok(answer) if answer.status == 401 && token.is_some() && tries.refused.is_none() => {
                    tries.refused = token
                }
                Ok(answer) => {
                    let codes = answer.refusal::<Outcome>().map(|outcome| outcome.codes()).unwrap_or_default();
                    let fault = Fault::Status { status: answer.status, codes };
                    if !matches!(answer.status, 429 | 502 | 503 | 504) {
                        return Err(fault.at(at));
                    }
                    tries.pause(answer.retry_after, fault).await.map_err(|fault| fault.at(at))?;
                }
                Err(fault @ Fault::Connection(_)) => tries.pause(None, fault).await.map_err(|fault| fault.at(at))?,
                Err(fault) => return Err(fault.at(at)),
            }
        }
    }
}

impl Tries {
    /// Waits before the next one; the fault where there is none.
    async fn pause(&mut self, asked: Option<u64>, fault: Fault) -> Result<(), Fault> {
        if let Some(seconds) = asked.filter(|seconds| *seconds > LONGEST_WAIT) {
            return Err(Fault::Busy(seconds));
        }
        self.left = self.left.checked_sub(1).ok_or(fault)?;
        sleep(asked.map_or(PAUSE, Duration::from_secs)).await;
        Ok(())
    }
}

/// What the pages have brought.
#[derive(Default)]
struct List {
    order: Vec<PatientId>,
    by_id: HashMap<PatientId, Found>,
    entries: usize,
    total: Option<u64>,
}

impl List {
    /// Adds a page. The link to the next one, if there is one.
    fn add(&mut self, page: Page) -> Result<Option<String>, Fault> {
        self.entries += page.found.len();
        if self.entries > MAX_ENTRIES {
            return Err(Fault::TooManyEntries(MAX_ENTRIES));
        }
        self.total = page.total.or(self.total);
        for found in page.found {
            match self.by_id.entry(found.id.clone()) {
                Entry::Vacant(place) => {
                    self.order.push(found.id.clone());
                    place.insert(found);
                }
                // Pages overlap where records are written in between: the later version counts.
                Entry::Occupied(mut known) if known.get().patient != found.patient => {
                    match (known.get().updated, found.updated) {
                        (Some(before), Some(now)) if before < now => drop(known.insert(found)),
                        (Some(before), Some(now)) if now < before => {}
                        _ => return Err(Fault::Differing),
                    }
                }
                Entry::Occupied(_) => {}
            }
        }
        Ok(page.next)
    }

    fn whole(mut self) -> Result<Vec<Patient>, Fault> {
        let held = self.order.len();
        match self.total {
            Some(total) if usize::try_from(total).map_or(true, |total| total > held) => {
                Err(Fault::Incomplete { total, held })
            }
            _ => Ok(self.order.iter().filter_map(|id| self.by_id.remove(id)?.patient).collect()),
        }
    }
}

/// The address as it was typed and in lower case, either of them: some servers heed letter case, against R4's advice.
fn wanted(email: &EmailAddress) -> String {
    if email.as_str() == email.key() {
        return escaped(email.key());
    }
    format!("{},{}", escaped(email.as_str()), escaped(email.key()))
}

/// As FHIR R4, 3.1.1.5.7 (escaping search parameters), says.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for sign in value.chars() {
        if matches!(sign, '\\' | ',' | '|' | '$') {
            text.push('\\');
        }
        text.push(sign);
    }
    text
}

fn bearer(token: &Token) -> Result<HeaderValue, Fault> {
    if !is_token(token) {
        return Err(Fault::NoToken);
    }
    let text = Zeroizing::new(format!("Bearer {}", token.as_str()));
    let mut value = HeaderValue::from_str(&text).map_err(|_| Fault::NoToken)?;
    value.set_sensitive(true);
    Ok(value)
}
