//! What the host knows of a caller. Not: who the caller is.
//!
//! **Nothing here is believed by the core; it is only recorded.**

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::language::Language;

/// What the host knows of whoever made a request: all of it optional.
///
/// The core reads no header. Give the address that you trust (behind a proxy: the one that your proxy vouches for), and
/// nothing rather than a guess: callers without an address are not counted together.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Client {
    address: Option<IpAddr>,
    device: Option<DeviceLabel>,
    language: Option<Language>,
}

impl Client {
    /// A caller of whom nothing is known.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// With the network address as the host trusts it.
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// With a label by which the person knows the device again, such as "Firefox on Linux".
    #[must_use]
    pub fn with_device(mut self, label: &str) -> Self {
        self.device = DeviceLabel::new(label);
        self
    }

    /// With the language that the caller reads. A registration keeps it for the mails to come.
    #[must_use]
    pub fn with_language(mut self, language: Language) -> Self {
        self.language = Some(language);
        self
    }

    /// The network address.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The label of the device.
    pub fn device(&self) -> Option<&DeviceLabel> {
        self.device.as_ref()
    }

    /// The language.
    pub fn language(&self) -> Option<Language> {
        self.language
    }
}

/// Redacted: a network address is personal data.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("language", &self.language).finish_non_exhaustive()
    }
}

/// A device's name for people: at most 80 characters, without control and formatting characters.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "String", into = "String")]
pub struct DeviceLabel(Arc<str>);

impl DeviceLabel {
    /// The greatest length, in code points; longer ones are cut.
    pub const MAX_LENGTH: usize = 80;

    /// The label, cleaned and cut; `None` if nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let kept: String = text.chars().filter(|c| is_shown(*c)).take(Self::MAX_LENGTH).collect();
        let kept = kept.trim();
        (!kept.is_empty()).then(|| Self(kept.into()))
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without what breaks a log line or turns the direction of text.
fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl From<String> for DeviceLabel {
    fn from(text: String) -> Self {
        Self::new(&text).unwrap_or_else(|| Self("?".into()))
    }
}

impl From<DeviceLabel> for String {
    fn from(label: DeviceLabel) -> Self {
        label.as_str().to_owned()
    }
}

impl fmt::Display for DeviceLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeviceLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceLabel(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_label_cannot_break_a_log() {
        assert_eq!(
            DeviceLabel::new("Fire\r\nfox\u{1b}[31m \u{202e}x").map(|l| l.to_string()),
            Some("Firefox[31m x".to_owned())
        );
        assert_eq!(DeviceLabel::new(" \u{200b}\n"), None);
        assert_eq!(DeviceLabel::new(&"ñ".repeat(100)).map(|l| l.as_str().chars().count()), Some(80));
    }

    #[test]
    fn an_unknown_client_holds_nothing() {
        assert_eq!(Client::unknown(), Client::default());
        let known = Client::unknown().with_address(IpAddr::from([192, 0, 2, 1])).with_device("Canario");
        assert!(!format!("{known:?} {:?}", known.device()).contains("anario"));
        assert!(!format!("{known:?}").contains("192"));
    }
}
