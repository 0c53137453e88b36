//! The rules that a password keeps, all broken ones told at once. Not: how it is hashed (`hash`), nor who may set one.
//!
//! **A password is judged by its own text and the words given with it, never by what is stored.**

pub(crate) mod hash;
pub(crate) mod temporary;

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::fault::Rule;
use crate::secret::Password;

/// The greatest length of a password, in code points after NFC. ASVS 5.0 6.2.9 asks for 64 at least.
pub(crate) const MAX_LENGTH: u16 = 256;

/// What a password must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordRules {
    /// The least number of code points: 8 to 64.
    pub min_length: u16,
    /// Whether it needs an upper-case letter, a lower-case letter and a digit from 0 to 9. Letters of all scripts
    /// count: `Ñ` is upper case, `á` is lower case.
    pub character_classes: bool,
}

impl PasswordRules {
    /// As the manual of the portal has them: 8 characters, an upper-case letter, a lower-case letter, a digit.
    pub const PORTAL: Self = Self { min_length: 8, character_classes: true };
    /// As NIST SP 800-63B-4 has them: 15 characters, no classes.
    pub const MODERN: Self = Self { min_length: 15, character_classes: false };

    /// Every rule that `password` breaks, in a fixed order; nothing if it is good.
    ///
    /// `personal` are the words that belong to the person and the portal: user name, e-mail, full name, portal's name.
    pub(crate) fn broken(self, password: &Password, personal: &[&str]) -> Vec<Rule> {
        let text = password.text();
        if password.is_over_long() {
            return vec![Rule::TooLong(MAX_LENGTH)];
        }
        if text.is_empty() {
            return vec![Rule::Empty];
        }
        let length = text.chars().count();
        let no = |test: fn(char) -> bool| !text.chars().any(test);
        [
            (length < usize::from(self.min_length), Rule::TooShort(self.min_length)),
            (length > usize::from(MAX_LENGTH), Rule::TooLong(MAX_LENGTH)),
            (self.character_classes && no(char::is_uppercase), Rule::NoUppercase),
            (self.character_classes && no(char::is_lowercase), Rule::NoLowercase),
            (self.character_classes && no(|c| c.is_ascii_digit()), Rule::NoDigit),
            (text.chars().any(char::is_control), Rule::ControlCharacter),
            (is_personal(text, personal), Rule::Personal),
            (is_common(text), Rule::Common),
        ]
        .into_iter()
        .filter_map(|(broken, rule)| broken.then_some(rule))
        .collect()
    }
}

/// One entry a line, lower case, NFC. `docs/common-passwords` says where it comes from and under which licence.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

fn is_common(text: &str) -> bool {
    COMMON.contains(zeroize::Zeroizing::new(text.to_lowercase()).as_str())
}

/// Letters beside the personal words that make a password more than those words.
const ENOUGH_OTHER_LETTERS: usize = 4;

/// Whether the password holds personal words and, digits and punctuation aside, little else. Short words inside longer
/// ones are no fault: `Anaconda-verde` is not `Ana`.
fn is_personal(text: &str, personal: &[&str]) -> bool {
    let password = zeroize::Zeroizing::new(letters_and_digits(text));
    let mut words: Vec<String> = personal.iter().flat_map(|phrase| words_of(phrase)).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    // Marked where a word was cut out, so that what stood before and after it does not run into a new word.
    let rest =
        words.iter().fold(password.clone(), |rest, word| zeroize::Zeroizing::new(rest.replace(word.as_str(), "\0")));
    *rest != *password && rest.chars().filter(|c| c.is_alphabetic()).count() < ENOUGH_OTHER_LETTERS
}

/// The phrase as one word, and its words, of three letters or digits and more.
fn words_of(phrase: &str) -> Vec<String> {
    let parts = phrase.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)).map(letters_and_digits);
    parts.chain([letters_and_digits(phrase)]).filter(|word| word.chars().count() >= 3).collect()
}

/// Lower case, without accents, blanks and punctuation.
fn letters_and_digits(text: &str) -> String {
    let mut kept = String::with_capacity(3 * text.len());
    kept.extend(text.nfd().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal(text: &str) -> Vec<Rule> {
        PasswordRules::PORTAL
            .broken(&text.into(), &["anita", "ana.pena@example.org", "Ana Peña Güemes", "Clínica del Sol"])
    }

    #[test]
    fn all_broken_rules_are_told_at_once() {
        assert_eq!(portal("abc"), [Rule::TooShort(8), Rule::NoUppercase, Rule::NoDigit]);
        assert_eq!(portal("ABCDEF\t"), [Rule::TooShort(8), Rule::NoLowercase, Rule::NoDigit, Rule::ControlCharacter]);
        assert_eq!(portal(""), [Rule::Empty]);
        assert_eq!(portal("Tres tristes 3"), []);
    }

    #[test]
    fn length_is_counted_in_code_points_after_nfc() {
        assert_eq!(portal("Ñandú1x"), [Rule::TooShort(8)]);
        assert_eq!(portal("Ñandú1xy"), []);
        assert_eq!(portal("N\u{303}andu\u{301}1x"), [Rule::TooShort(8)], "marks join their letters");
        let long = |length: usize| portal(&format!("Aa1{}", "ñ".repeat(length - 3)));
        for good in [64, 128, 256] {
            assert_eq!(long(good), []);
        }
        assert_eq!(long(257), [Rule::TooLong(256)]);
        assert_eq!(portal(&"Aa1".repeat(1000)), [Rule::TooLong(256)]);
    }

    #[test]
    fn letters_of_every_script_count_and_digits_are_ascii() {
        assert_eq!(portal("ÑUSTA1á-"), []);
        assert_eq!(portal("Árbolito½"), [Rule::NoDigit]);
        assert_eq!(portal("Arbolito٣"), [Rule::NoDigit]);
    }

    #[test]
    fn words_of_the_person_and_of_the_portal_are_refused() {
        for personal in [
            "Anita2024!x",
            "ANITA-1234a",
            "Ana.Pena1",
            "Pena2024!!",
            "AnaPeña2024",
            "Guemes1810",
            "ana.pena@example.org1A",
            "Clinica-2024",
            "ClínicaDelSol1",
            "1-Sol-Sol-1a",
            "PeñaGüemes1",
        ] {
            assert!(portal(personal).contains(&Rule::Personal), "{personal}");
        }
        for other in ["Anaconda-verde-7", "Solsticio de junio 1", "Mi perro come 3 panes"] {
            assert_eq!(portal(other), [], "{other}");
        }
    }

    #[test]
    fn common_passwords_are_refused_in_any_case() {
        for common in ["Password1", "Qwerty123", "Argentina1", "Contraseña1", "Madrid2024!", "pAsSwOrD1"] {
            assert_eq!(portal(common), [Rule::Common], "{common}");
        }
        assert!(PasswordRules::MODERN.broken(&"passwordpassword".into(), &[]).contains(&Rule::Common));
    }

    #[test]
    fn more_than_three_thousand_entries_could_pass_the_manuals_rules() {
        let mut lines: Vec<&str> = COMMON.iter().copied().collect();
        assert_eq!(lines.len(), include_str!("common_passwords.txt").lines().count(), "no entry twice");
        lines.retain(|entry| {
            let mut first = true;
            let typed: String = entry
                .chars()
                .map(|c| {
                    if c.is_lowercase() && std::mem::take(&mut first) {
                        c.to_uppercase().next().unwrap_or(c)
                    } else {
                        c
                    }
                })
                .collect();
            PasswordRules::PORTAL.broken(&typed.as_str().into(), &[]) == [Rule::Common]
        });
        assert!(lines.len() > 3_000, "{}", lines.len());
    }

    #[test]
    fn the_modern_rules_ask_for_length_alone() {
        let modern = |text: &str| PasswordRules::MODERN.broken(&text.into(), &[]);
        assert_eq!(modern("correct horse battery staple"), []);
        assert_eq!(modern("catorce letras"), [Rule::TooShort(15)]);
        assert_eq!(modern("quince letras.."), []);
    }
}
