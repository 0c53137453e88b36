//! The languages in which a person can be addressed. Not: the sentences, which are in `text`.
//!
//! **Each language here has every sentence.**

use serde::{Deserialize, Serialize};

/// A language of mails and messages. Closed on purpose: a new one must bring all its sentences before it compiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Spanish.
    #[default]
    Es,
    /// English.
    En,
}

impl Language {
    /// Every language, for lists and tests.
    pub const ALL: [Self; 2] = [Self::Es, Self::En];

    /// The language's code in ISO 639-1.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::En => "en",
        }
    }

    /// The language of a tag such as `es-AR` or `en` (BCP 47), if it is one that we speak.
    ///
    /// ```
    /// use acceso::Language;
    /// assert_eq!(Language::from_tag("es-AR"), Some(Language::Es));
    /// assert_eq!(Language::from_tag("de"), None);
    /// ```
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or(tag);
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }
}
