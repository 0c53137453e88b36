//! FHIR's dates and instants, whole or in part. Not: anything else of a resource.
//!
//! **A span is never taken to end earlier than its writer, wherever on Earth, can have meant.**

use time::util::days_in_month;
use time::{Date, Month};

use crate::clock::Timestamp;

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Where a day lasts longest: UTC−12.
const LAST_ZONE: i64 = -12 * 60;

/// What a FHIR date, dateTime or instant means: from its first millisecond to the first one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::adapter) struct Span {
    pub(in crate::adapter) start: Timestamp,
    pub(in crate::adapter) end: Timestamp,
}

impl Span {
    /// Reads `2021`, `2021-06`, `2021-06-30` (the whole of it, by UTC−12) or `2021-06-30T10:15:00.5-03:00`; a time
    /// without a zone, which FHIR forbids and exports hold, is read by UTC−12 too.
    pub(in crate::adapter) fn of(text: &str) -> Option<Self> {
        let Some((date, time)) = text.split_once('T') else {
            let (first, last) = days(text)?;
            return Some(Self::between(first - LAST_ZONE * MINUTE, last + DAY - LAST_ZONE * MINUTE));
        };
        let (day, _) = days(date).filter(|_| date.len() == 10)?;
        let (time, zone) = split_zone(time)?;
        let (time, fraction) = time.split_once('.').map_or((time, None), |(time, fraction)| (time, Some(fraction)));
        let [hour, minute, second] = parts(time, ':')?;
        let (hour, minute, second) = (number(hour, 2, 23)?, number(minute, 2, 59)?, number(second, 2, 60)?);
        let start = day + (hour * 60 + minute - zone) * MINUTE + second * 1000;
        match fraction {
            None => Some(Self::between(start, start + 1000)),
            Some(fraction) => {
                let start = start + millis(fraction)?;
                Some(Self::between(start, start + 1))
            }
        }
    }

    fn between(start: i64, end: i64) -> Self {
        Self { start: Timestamp::from_millis(start), end: Timestamp::from_millis(end) }
    }
}

/// The first and the last day of a year, of a month, or a day; each as the milliseconds at which it begins in UTC.
fn days(date: &str) -> Option<(i64, i64)> {
    let (first, last) = match date.len() {
        4 => {
            let year = year(date)?;
            ((year, Month::January, 1), (year, Month::December, 31))
        }
        7 => {
            let [year_text, month_text] = parts(date, '-')?;
            let (year, month) = (year(year_text)?, month(month_text)?);
            ((year, month, 1), (year, month, days_in_month(month, year)))
        }
        _ => {
            let [year_text, month_text, day] = parts(date, '-')?;
            let day = (year(year_text)?, month(month_text)?, u8::try_from(number(day, 2, 31)?).ok()?);
            (day, day)
        }
    };
    let begins = |(year, month, day)| {
        Date::from_calendar_date(year, month, day).ok().map(|day| day.midnight().assume_utc().unix_timestamp() * 1000)
    };
    Some((begins(first)?, begins(last)?))
}

fn year(text: &str) -> Option<i32> {
    number(text, 4, 9999).and_then(|year| i32::try_from(year).ok())
}

fn month(text: &str) -> Option<Month> {
    number(text, 2, 12).and_then(|month| u8::try_from(month).ok()).and_then(|month| Month::try_from(month).ok())
}

/// The time of day, and its zone in minutes east of UTC.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, 0));
    }
    let Some(place) = time.rfind(['+', '-']) else { return Some((time, LAST_ZONE)) };
    let [hours, minutes] = parts(&time[place + 1..], ':')?;
    let zone = number(hours, 2, 14)? * 60 + number(minutes, 2, 59)?;
    Some((&time[..place], if time[place..].starts_with('-') { -zone } else { zone }))
}

fn millis(fraction: &str) -> Option<i64> {
    let is_number = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let digit = |place| i64::from(fraction.as_bytes().get(place).map_or(0, |byte| byte - b'0'));
    is_number.then(|| digit(0) * 100 + digit(1) * 10 + digit(2))
}

fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let mut split = text.split(separator);
    let mut found = [""; N];
    for place in &mut found {
        *place = split.next()?;
    }
    split.next().is_none().then_some(found)
}

fn number(text: &str, digits: usize, most: i64) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten().filter(|value| *value <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Option<String> {
        Span::of(text).map(|span| span.end.to_string())
    }

    #[test]
    fn a_date_in_part_lasts_until_it_is_over_everywhere() {
        for (text, over) in [
            ("2021", "2022-01-01T12:00:00Z"),
            ("2021-06", "2021-07-01T12:00:00Z"),
            ("2024-02", "2024-03-01T12:00:00Z"),
            ("2021-12", "2022-01-01T12:00:00Z"),
            ("2021-06-30", "2021-07-01T12:00:00Z"),
            ("2024-02-29", "2024-03-01T12:00:00Z"),
        ] {
            assert_eq!(end(text).as_deref(), Some(over), "{text}");
        }
    }

    #[test]
    fn an_instant_lasts_its_last_second_or_millisecond() {
        for (text, over) in [
            ("2021-06-30T10:15:00Z", "2021-06-30T10:15:01Z"),
            ("2021-06-30T10:15:00-03:00", "2021-06-30T13:15:01Z"),
            ("2021-06-30T10:15:00+05:30", "2021-06-30T04:45:01Z"),
            ("2021-06-30T10:15:00.25Z", "2021-06-30T10:15:00.251Z"),
            ("2021-06-30T10:15:00.123456789Z", "2021-06-30T10:15:00.124Z"),
            ("2021-06-30T23:59:60Z", "2021-07-01T00:00:01Z"),
            ("2021-06-30T10:15:00", "2021-06-30T22:15:01Z"),
        ] {
            assert_eq!(end(text).as_deref(), Some(over), "{text}");
        }
    }

    #[test]
    fn the_end_of_time_as_exports_write_it_is_in_the_future() {
        let now = Timestamp::from_millis(4_000_000_000_000);
        for text in ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59:59Z"] {
            assert!(Span::of(text).is_some_and(|span| now < span.end), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "T",
            "21",
            "20211",
            "2021-13",
            "2021-00",
            "2021-6",
            "2021-02-30",
            "2023-02-29",
            "2021-06-30T",
            "2021-06-30T10",
            "2021-06-30T10:15",
            "2021-06T10:15:00Z",
            "2021-06-30T24:00:00Z",
            "2021-06-30T10:60:00Z",
            "2021-06-30 10:15:00Z",
            "2021-06-30T10:15:00.Z",
            "2021-06-30T10:15:00.5x",
            "2021-06-30T10:15:00+3",
            "2021-06-30T10:15:00+15:00",
            "30/06/2021",
            "+202",
            "2021-+6-30",
            "2021-06-30T10:15:00ZZ",
            "ñ021",
            "２０２１",
            "2021-06-30Té",
            "mañana",
        ] {
            assert_eq!(Span::of(text), None, "{text:?}");
        }
    }
}
