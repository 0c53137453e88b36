//! What a request tells of whoever sent it: address, device, language. Not: who it is.
//!
//! **No header about the address is believed unless the host names it.**

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::client::Client;
use crate::language::Language;
use crate::web::cookie::Cookies;

/// How a client's network address is found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientAddress {
    /// Not at all: no event has an address, and nobody is slowed down by the per-client limits.
    #[default]
    Unknown,
    /// The other end of the connection, for a server that clients reach directly. Serve with
    /// `into_make_service_with_connect_info::<SocketAddr>()`; without it the address is unknown.
    Peer,
    /// The header in which proxies append the address that they saw, such as `x-forwarded-for`.
    Header {
        /// The header. Every proxy of yours must append to it or overwrite it.
        name: HeaderName,
        /// How many proxies of yours stand before the server, 1 or more: so many entries from the right is the one that
        /// the outermost of them wrote. Everything to the left of it is what the client claims. With 0 the address is
        /// unknown.
        trusted_hops: usize,
    },
}

impl ClientAddress {
    pub(crate) fn find(&self, parts: &Parts) -> Option<IpAddr> {
        match self {
            Self::Unknown => None,
            Self::Peer => parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical()),
            Self::Header { name, trusted_hops } => {
                // By bytes: what a client claims may be no text, and stands in one line with what a proxy appended.
                let lines: Vec<&[u8]> = parts.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
                let mut entries = lines.iter().flat_map(|line| line.split(|byte| *byte == b',')).rev();
                let entry = entries.nth(trusted_hops.checked_sub(1)?)?;
                address(std::str::from_utf8(entry).ok()?.trim())
            }
        }
    }
}

/// Proxies write an address bare, in brackets or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let found = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    found.map(|ip: IpAddr| ip.to_canonical())
}

/// Everything that the events and the pages are told.
pub(crate) fn describe(parts: &Parts, address: &ClientAddress, language: Language) -> Client {
    let mut client = Client::unknown().with_language(language);
    if let Some(address) = address.find(parts) {
        client = client.with_address(address);
    }
    let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    match agent.and_then(device) {
        Some(label) => client.with_device(&label),
        None => client,
    }
}

/// "Firefox, Android": only words of our own, so that nothing a header says is shown to a person.
fn device(agent: &str) -> Option<String> {
    // The first that fits: Edge and Opera also say Chrome, and Chrome also says Safari.
    let browsers = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ];
    let find =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (find(&browsers), find(&systems)) {
        (Some(browser), Some(system)) => Some(format!("{browser}, {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

/// The language that was chosen in this browser, or the first of its own that we speak, or the clinic's.
pub(crate) fn language(headers: &HeaderMap, cookies: Cookies, otherwise: Language) -> Language {
    cookies.language(headers).or_else(|| accepted(headers)).unwrap_or(otherwise)
}

/// By weight, as RFC 9110 section 12.5.4 has it; of equal ones the first.
fn accepted(headers: &HeaderMap) -> Option<Language> {
    let line = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best = None;
    for entry in line.split(',').take(32) {
        let (tag, weight) = entry.split_once(";q=").or_else(|| entry.split_once("; q=")).unwrap_or((entry, "1"));
        let weight = weight.trim().parse::<f32>().unwrap_or(0.0);
        let heavier = best.is_none_or(|(_, other)| weight > other);
        if let Some(language) = Language::from_tag(tag.trim()).filter(|_| weight > 0.0 && heavier) {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(pairs: &[(&'static str, &str)]) -> Parts {
        let mut parts = axum::http::Request::new(()).into_parts().0;
        for (name, value) in pairs {
            parts.headers.append(*name, value.parse().expect("a value"));
        }
        parts
    }

    #[test]
    fn no_header_about_the_address_is_believed_by_default() {
        let claimed =
            parts(&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1"), ("x-real-ip", "192.0.2.1")]);
        assert_eq!(ClientAddress::default().find(&claimed), None);
        assert_eq!(ClientAddress::Peer.find(&claimed), None);
    }

    #[test]
    fn the_entry_that_ones_own_outermost_proxy_wrote_counts() {
        let by =
            |trusted_hops| ClientAddress::Header { name: HeaderName::from_static("x-forwarded-for"), trusted_hops };
        let claimed =
            parts(&[("x-forwarded-for", "198.51.100.9, 192.0.2.1"), ("x-forwarded-for", "[2001:db8::1]:443")]);
        assert_eq!(by(1).find(&claimed), "2001:db8::1".parse().ok());
        assert_eq!(by(2).find(&claimed), "192.0.2.1".parse().ok());
        assert_eq!(by(0).find(&claimed), None);
        assert_eq!(by(4).find(&claimed), None);
        assert_eq!(by(1).find(&parts(&[("x-forwarded-for", "unknown")])), None);
    }

    #[test]
    fn a_device_is_named_in_words_of_our_own() {
        for (agent, label) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Some("Firefox, Linux")),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
                Some("Edge, Windows"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
                Some("Safari, iPhone"),
            ),
            ("<script>Firefox/</script>", Some("Firefox")),
            ("curl/8", None),
        ] {
            assert_eq!(device(agent).as_deref(), label);
        }
    }

    #[test]
    fn the_language_is_the_chosen_one_or_the_browsers_or_the_clinics() {
        let cookies = Cookies::of("https://portal.example");
        for (accept, expected) in [
            ("en-GB,es;q=0.8", Language::En),
            ("de, es;q=0.2, en;q=0.7", Language::En),
            ("de", Language::Es),
            ("en;q=0", Language::Es),
            (";;;q=q,", Language::Es),
        ] {
            assert_eq!(language(&parts(&[("accept-language", accept)]).headers, cookies, Language::Es), expected);
        }
        let chosen = parts(&[("accept-language", "en"), ("cookie", "__Host-acceso-language=es")]);
        assert_eq!(language(&chosen.headers, cookies, Language::En), Language::Es);
    }
}
