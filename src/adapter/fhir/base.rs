//! The server's base URL, and which URLs are its own. Not: what is asked there.
//!
//! **No page is asked of another origin, or outside the base, because an answer said so.** Only tokens may be given
//! elsewhere, over TLS.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use super::builder::FhirConfigError;

/// Ends in a slash.
pub(super) struct Base(Url);

impl Base {
    pub(super) fn parse(text: &str) -> Result<Self, FhirConfigError> {
        let mut url = checked(text)?;
        if url.query().is_some() {
            return Err(FhirConfigError::Trailing);
        }
        let path = format!("{}/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self(url))
    }

    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// A path below the base.
    pub(super) fn below(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path()));
        url
    }

    /// Where an answer says that tokens are given: over TLS, or on this machine if the server is on it.
    pub(super) fn token_endpoint(&self, url: &str) -> Option<Url> {
        checked(url).ok().filter(|url| url.scheme() == "https" || self.0.scheme() == "http")
    }

    /// Where a link of an answer leads, if it stays with this server. A relative one counts from the base.
    pub(super) fn followed(&self, link: &str) -> Option<Url> {
        let mut url = self.0.join(link).ok()?;
        url.set_fragment(None);
        let path = url.path().to_ascii_lowercase();
        // A server behind the origin may take these for slashes, and with them leave the base.
        let is_plain = !path.contains("%2f") && !path.contains("%5c");
        let is_below = url.path().starts_with(self.0.path()) || format!("{}/", url.path()) == self.0.path();
        let is_anonymous = url.username().is_empty() && url.password().is_none();
        (url.origin() == self.0.origin() && is_below && is_plain && is_anonymous).then_some(url)
    }
}

/// A URL to which credentials may be sent: encrypted, or on this machine.
pub(super) fn checked(text: &str) -> Result<Url, FhirConfigError> {
    let url = Url::parse(text).map_err(|_| FhirConfigError::Url)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(FhirConfigError::Unencrypted),
        _ => return Err(FhirConfigError::Url),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FhirConfigError::CredentialsInUrl);
    }
    if url.fragment().is_some() {
        return Err(FhirConfigError::Trailing);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(FhirConfigError::Url);
    }
    Ok(url)
}

/// By number: the name `localhost` is what somebody's resolver says.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    literal.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || literal.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_followed_below_the_base_only() {
        let base = Base::parse("https://fhir.clinic.example/fhir/R4").unwrap_or_else(|_| unreachable!());
        for (link, followed) in [
            ("https://fhir.clinic.example/fhir/R4/Patient?page=2", true),
            ("https://fhir.clinic.example:443/fhir/R4?_getpages=a", true),
            ("Patient?page=2", true),
            ("?page=2", true),
            ("/fhir/R4/Patient?page=2", true),
            ("https://fhir.clinic.example/fhir/R4x/Patient", false),
            ("https://fhir.clinic.example/admin", false),
            ("https://fhir.clinic.example/fhir/R4/../../admin", false),
            ("https://fhir.clinic.example/fhir/R4/%2e%2e/%2E%2E/admin", false),
            ("https://fhir.clinic.example/fhir/R4/..%2f..%2Fadmin", false),
            ("https://fhir.clinic.example/fhir/R4/..%5Cadmin", false),
            ("http://fhir.clinic.example/fhir/R4/Patient", false),
            ("https://fhir.clinic.example:8443/fhir/R4/Patient", false),
            ("https://fhir.clinic.example.evil.example/fhir/R4/Patient", false),
            ("https://a:b@fhir.clinic.example/fhir/R4/Patient", false),
            ("//evil.example/fhir/R4/Patient", false),
            ("\\\\evil.example\\fhir\\R4\\", false),
            ("file:///etc/passwd", false),
            ("http://[::1", false),
        ] {
            assert_eq!(base.followed(link).is_some(), followed, "{link}");
        }
    }

    #[test]
    fn a_token_endpoint_is_encrypted_unless_server_and_endpoint_are_on_this_machine() {
        let far = Base::parse("https://fhir.clinic.example/fhir/R4").unwrap_or_else(|_| unreachable!());
        let near = Base::parse("http://127.0.0.1:8080/fhir").unwrap_or_else(|_| unreachable!());
        for (endpoint, of_far, of_near) in [
            ("https://login.clinic.example/token", true, true),
            ("http://127.0.0.1:9090/token", false, true),
            ("http://login.clinic.example/token", false, false),
            ("https://a:b@login.clinic.example/token", false, false),
            ("/token", false, false),
        ] {
            assert_eq!(far.token_endpoint(endpoint).is_some(), of_far, "{endpoint}");
            assert_eq!(near.token_endpoint(endpoint).is_some(), of_near, "{endpoint}");
        }
    }
}
