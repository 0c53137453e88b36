//! The cookies of the portal: read, set, cleared. Not: what they open.
//!
//! **A cookie that is sent twice, or is not written as ours are, is none.**
//!
//! Under `https://` each has the prefix `__Host-`: a browser takes it from this very host only, over TLS and for the whole
//! host, so no sibling host can plant one. An `http://` address is a loopback one, by the builder's check; there the prefix
//! and `Secure` are left out, because some browsers refuse them. Nothing else leaves them out.

use std::fmt::Write as _;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use crate::identity::RegistrationId;
use crate::language::Language;
use crate::secret::SessionToken;

/// The names and attributes of one portal's cookies, decided by its address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cookies {
    secure: bool,
}

/// What a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Session,
    Registration,
    Language,
}

/// A choice of language is no secret and may stay; RFC 6265bis lets browsers cut at 400 days.
const LANGUAGE_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Cookies {
    pub(crate) fn of(address: &str) -> Self {
        Self { secure: !address.starts_with("http://") }
    }

    const fn name(self, used: Use) -> &'static str {
        match (self.secure, used) {
            (true, Use::Session) => "__Host-acceso",
            (true, Use::Registration) => "__Host-acceso-registration",
            (true, Use::Language) => "__Host-acceso-language",
            (false, Use::Session) => "acceso",
            (false, Use::Registration) => "acceso-registration",
            (false, Use::Language) => "acceso-language",
        }
    }

    pub(crate) const fn session_name(self) -> &'static str {
        self.name(Use::Session)
    }

    /// The session's token, if the browser presents one.
    pub(crate) fn session(self, headers: &HeaderMap) -> Option<SessionToken> {
        SessionToken::parse(self.value(headers, Use::Session)?)
    }

    /// The registration that this browser has made.
    pub(crate) fn registration(self, headers: &HeaderMap) -> Option<&str> {
        self.value(headers, Use::Registration)
    }

    /// The language that was chosen in this browser.
    pub(crate) fn language(self, headers: &HeaderMap) -> Option<Language> {
        let code = self.value(headers, Use::Language)?;
        Language::ALL.into_iter().find(|language| language.code() == code)
    }

    /// `Set-Cookie` for a session: until the browser's end, or for so long.
    pub(crate) fn set_session(self, token: &SessionToken, kept: Option<Duration>) -> String {
        self.set(Use::Session, &token.reveal(), kept)
    }

    /// `Set-Cookie` that takes the session away.
    pub(crate) fn clear_session(self) -> String {
        self.set(Use::Session, "", Some(Duration::ZERO))
    }

    /// `Set-Cookie` for the reference of a registration.
    pub(crate) fn set_registration(self, reference: RegistrationId, kept: Duration) -> String {
        self.set(Use::Registration, &reference.to_string(), Some(kept))
    }

    /// `Set-Cookie` that takes the reference away.
    pub(crate) fn clear_registration(self) -> String {
        self.set(Use::Registration, "", Some(Duration::ZERO))
    }

    /// `Set-Cookie` for a chosen language.
    pub(crate) fn set_language(self, language: Language) -> String {
        self.set(Use::Language, language.code(), Some(LANGUAGE_LIFETIME))
    }

    /// Lax, not Strict: who comes from a mail's link is signed in on arrival.
    fn set(self, used: Use, value: &str, kept: Option<Duration>) -> String {
        let mut line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", self.name(used));
        if self.secure {
            line.push_str("; Secure");
        }
        if let Some(kept) = kept {
            let _ = write!(line, "; Max-Age={}", kept.as_secs());
        }
        line
    }

    /// Which of two cookies of one name is ours cannot be told, so neither is. Cookies of others may be in any bytes.
    fn value(self, headers: &HeaderMap, used: Use) -> Option<&str> {
        let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let name = self.name(used).as_bytes();
        let mut values = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(name)?.strip_prefix(b"="));
        let first = std::str::from_utf8(values.next()?).ok()?;
        (values.next().is_none() && !first.is_empty()).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECURE: Cookies = Cookies { secure: true };

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, line.parse().expect("a value"))).collect()
    }

    #[test]
    fn the_lines_are_exactly_these() {
        let token = SessionToken::from_random([0; 32]);
        let text = "A".repeat(43);
        assert_eq!(
            SECURE.set_session(&token, None),
            format!("__Host-acceso={text}; Path=/; HttpOnly; SameSite=Lax; Secure")
        );
        assert_eq!(
            SECURE.set_session(&token, Some(Duration::from_secs(90))),
            format!("__Host-acceso={text}; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=90")
        );
        assert_eq!(SECURE.clear_session(), "__Host-acceso=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0");
        assert_eq!(
            Cookies::of("http://localhost:3000").set_session(&token, None),
            format!("acceso={text}; Path=/; HttpOnly; SameSite=Lax")
        );
        assert_eq!(Cookies::of("https://localhost"), SECURE);
    }

    #[test]
    fn one_well_written_cookie_is_read_and_anything_else_is_none() {
        let text = "A".repeat(43);
        let ours = format!("__Host-acceso={text}");
        for good in
            [vec![ours.as_str()], vec![&format!("a=b; {ours}; c")], vec!["a=b", &ours], vec![&format!("a=ñ; {ours}")]]
        {
            assert!(SECURE.session(&headers(&good)).is_some(), "{good:?}");
        }
        for bad in [
            vec![],
            vec![""],
            vec!["__Host-acceso"],
            vec!["__Host-acceso="],
            vec![&format!("acceso={text}")],
            vec![&format!("__host-acceso={text}")],
            vec![&format!("__Host-acceso=\"{text}\"")],
            vec![&format!("__Host-acceso={text}x")],
            vec![&format!("{ours}; {ours}")],
            vec![ours.as_str(), &ours],
            vec![&format!("{ours}; __Host-acceso=x")],
            vec![&format!("__Host-acceso%3D{text}")],
            vec![&format!("{ours}ñ")],
            vec![&format!("__Host-acceso=ñ; {ours}")],
        ] {
            assert!(SECURE.session(&headers(&bad)).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_language_of_ours_is_read() {
        assert_eq!(SECURE.language(&headers(&["__Host-acceso-language=en"])), Some(Language::En));
        assert_eq!(SECURE.language(&headers(&["__Host-acceso-language=de"])), None);
    }
}
