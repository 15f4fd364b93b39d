//! Dates of releases: RFC 5322 section 3.3 in, RFC 3339 out, seconds since 1970 within.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAY: i64 = 86_400;

/// A moment, in seconds since the beginning of 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub i64);

impl Date {
    /// The present.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        }))
    }

    /// Parses `Sat, 15 Nov 2025 10:00:00 UTC`; the day of the week may be missing, and the zone
    /// may be an offset.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split_once(',').map_or(text, |(_, rest)| rest);
        let mut words = text.split_whitespace();
        let day: i64 = words.next()?.parse().ok()?;
        let name = words.next()?;
        let month = MONTHS.iter().position(|known| *known == name)?;
        let year: i64 = words.next()?.parse().ok()?;
        let mut clock = words.next()?.split(':').map(str::parse::<i64>);
        let mut part = || clock.next()?.ok();
        let (hour, minute, second) = (part()?, part()?, part()?);
        let zone = offset(words.next()?)?;
        let in_range = (1970..=9999).contains(&year)
            && (1..=31).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..=60).contains(&second);
        if !in_range || clock.next().is_some() || words.next().is_some() {
            return None;
        }
        let days = days(year, i64::try_from(month).ok()? + 1, day);
        Some(Self(days * DAY + hour * 3600 + minute * 60 + second - zone))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "UTC" | "GMT" | "UT" | "Z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = &zone[1..];
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    Some(sign * (hours * 3600 + minutes * 60))
}

/// Days since the beginning of 1970, by the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Counted in years that begin in March, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    let before = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before + of_year - 719_468
}

/// Year, month and day of a number of days since the beginning of 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_releases_are_read() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 UTC", 0),
            ("Sat, 15 Nov 2025 10:04:05 UTC", 1_763_201_045),
            ("15 Nov 2025 10:04:05 GMT", 1_763_201_045),
            ("Sat, 15 Nov 2025 12:04:05 +0200", 1_763_201_045),
            ("Thu, 29 Feb 2024 23:59:59 -0030", 1_709_252_999),
        ] {
            assert_eq!(Date::parse(text), Some(Date(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "Sat, 15 Nov 2025",
            "Sat, 15 Foo 2025 10:00:00 UTC",
            "Sat, 15 Nov 2025 10:00 UTC",
            "Sat, 15 Nov 2025 25:00:00 UTC",
            "Sat, 15 Nov 2025 10:00:00 CET",
            "Sat, 15 Nov 2025 10:00:00 +é0",
            "Sat, 15 Nov 2025 10:00:00 UTC more",
            "Sat, 15 Nov 99999999999999 10:00:00 UTC",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_the_same_moment(seconds in 0_i64..253_402_300_799) {
            let shown = Date(seconds).to_string();
            let month: usize = shown[5..7].parse().unwrap();
            let text = format!(
                "{} {} {} {} UTC",
                &shown[8..10], MONTHS[month - 1], &shown[..4], &shown[11..19]
            );
            prop_assert_eq!(Date::parse(&text), Some(Date(seconds)));
        }
    }
}
