//! When a conversation makes a lead, and what the CRM writes.
//!
//! The rules of the CRM that Mako serves, as they are: users know what they do.

use crate::number::PhoneNumber;

/// `leads.source` of a lead that a call made.
pub const VOICE: &str = "Voice";
/// `leads.source` of a lead that a message made.
pub const SMS: &str = "SMS";
/// `leads.sentiment` of a lead that a message made.
pub const SMS_SENTIMENT: &str = "😐";
/// `leads.status` of a new lead.
pub const NEW: &str = "new";
/// `leads.status` of a lead that called again.
pub const CONTACTED: &str = "contacted";
/// What a call's sentiment is when nobody said.
pub const NEUTRAL: &str = "neutral";
/// Longest summary for lists, in characters.
pub const SUMMARY: usize = 200;

/// Words whose mention, in any form, shows interest.
const INTEREST: [&str; 9] = [
    "interested",
    "book",
    "demo",
    "appointment",
    "schedule",
    "pricing",
    "quote",
    "want",
    "need",
];
/// What people say before their name.
const INTRODUCTIONS: [&str; 8] = [
    "name is ",
    "name's ",
    "name’s ",
    "i'm ",
    "i’m ",
    "i am ",
    "this is ",
    "call me ",
];
/// Most words of a name.
const NAME_WORDS: usize = 3;
/// Longest name taken out of a text, in characters.
const NAME: usize = 100;

/// Whether a call's summary shows interest. As in the CRM a mention is enough: "booked" and "not interested"
/// count.
#[must_use]
pub fn shows_interest(summary: &str) -> bool {
    let summary = summary.to_lowercase();
    INTEREST.iter().any(|word| summary.contains(word))
}

/// The name that somebody gives in a summary: "my name is Ann Lee", "this is Bob", "call me Zoë". Up to three
/// capitalised words, so that "I'm interested" is none.
#[must_use]
pub fn name_in(summary: &str) -> Option<String> {
    // ASCII only: the indexes of `lower` must be those of `summary`.
    let lower = summary.to_ascii_lowercase();
    let mut places: Vec<usize> = INTRODUCTIONS
        .iter()
        .flat_map(|phrase| lower.match_indices(phrase))
        .filter(|(at, _)| {
            !summary[..*at]
                .chars()
                .next_back()
                .is_some_and(char::is_alphanumeric)
        })
        .map(|(at, phrase)| at + phrase.len())
        .collect();
    places.sort_unstable();
    places.into_iter().find_map(|at| name_at(&summary[at..]))
}

/// The name of a lead that a call made: the one given, else `Lead` and the last four digits.
#[must_use]
pub fn voice_name(summary: &str, customer: &PhoneNumber) -> String {
    name_in(summary).unwrap_or_else(|| format!("Lead {}", customer.last_four()))
}

/// The name of a lead that a message made: `SMS Lead` and the last four digits.
#[must_use]
pub fn sms_name(customer: &PhoneNumber) -> String {
    format!("SMS Lead {}", customer.last_four())
}

/// The first 200 characters (not bytes) of a text.
#[must_use]
pub fn short_summary(text: &str) -> &str {
    cut(text, SUMMARY)
}

/// Whether a message replaces the summary of the lead that it comes from: a short one does.
#[must_use]
pub fn replaces_summary(message: &str) -> bool {
    !message.trim().is_empty() && message.chars().count() < SUMMARY
}

/// The stage of a lead after an interested call: a new one has been contacted, any other stays.
#[must_use]
pub fn status_after_call(status: &str) -> &str {
    if status == NEW { CONTACTED } else { status }
}

/// A call's sentiment as the column holds it.
#[must_use]
pub fn sentiment(said: Option<&str>) -> &str {
    match said.map(str::trim) {
        Some(said) if !said.is_empty() => cut(said, 50),
        _ => NEUTRAL,
    }
}

/// `automation_logs.status` of a call: `completed`, or `pending` in every other state.
#[must_use]
pub fn call_log_status(status: crate::CallStatus) -> &'static str {
    if status == crate::CallStatus::Completed {
        "completed"
    } else {
        "pending"
    }
}

/// At most so many characters, the first ones.
pub(crate) fn cut(text: &str, characters: usize) -> &str {
    text.char_indices()
        .nth(characters)
        .map_or(text, |(end, _)| &text[..end])
}

fn name_at(text: &str) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()).take(NAME_WORDS) {
        let bare = word.trim_end_matches(|c: char| !c.is_alphabetic());
        let is_name = bare.chars().next().is_some_and(char::is_uppercase)
            && bare
                .chars()
                .all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-'));
        if !is_name {
            break;
        }
        words.push(
            bare.strip_suffix("'s")
                .or_else(|| bare.strip_suffix("’s"))
                .unwrap_or(bare),
        );
        if bare.len() != word.len() {
            break;
        }
    }
    let name = words.join(" ");
    (!name.is_empty()).then(|| cut(&name, NAME).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CallStatus;

    fn customer() -> PhoneNumber {
        PhoneNumber::parse("+14017122661").unwrap()
    }

    #[test]
    fn the_crms_words_show_interest_and_others_do_not() {
        for summary in [
            "Caller is INTERESTED",
            "booked a slot",
            "asked for a demo",
            "an appointment",
            "rescheduled",
            "pricing?",
            "a quote",
            "wants it",
            "needs help",
        ] {
            assert!(shows_interest(summary), "{summary}");
        }
        for summary in ["", "Wrong number.", "Caller hung up"] {
            assert!(!shows_interest(summary), "{summary}");
        }
    }

    #[test]
    fn a_name_is_what_follows_an_introduction() {
        for (summary, name) in [
            ("Hello, my name is Ann Lee and I want a demo", "Ann Lee"),
            ("I'm Bob.", "Bob"),
            ("I’m Zoë O’Neil, hi", "Zoë O’Neil"),
            ("THIS IS Dana", "Dana"),
            ("I'm interested. Call me Jean-Luc!", "Jean-Luc"),
            ("The caller's name is Maria del Mar", "Maria"),
            ("İ this is Ümit", "Ümit"),
        ] {
            assert_eq!(name_in(summary).as_deref(), Some(name), "{summary}");
        }
        for summary in [
            "",
            "I'm interested",
            "this is great",
            "call me back",
            "name is ",
            "Siam Ann",
            "call me 555",
        ] {
            assert_eq!(name_in(summary), None, "{summary}");
        }
    }

    #[test]
    fn a_lead_without_a_name_is_called_by_its_number() {
        assert_eq!(voice_name("no name", &customer()), "Lead 2661");
        assert_eq!(voice_name("this is Ann", &customer()), "Ann");
        assert_eq!(sms_name(&customer()), "SMS Lead 2661");
    }

    #[test]
    fn summaries_are_cut_by_characters() {
        assert_eq!(short_summary(&"ü".repeat(300)).chars().count(), 200);
        assert_eq!(short_summary("short"), "short");
        assert!(replaces_summary(&"ü".repeat(199)) && !replaces_summary(&"ü".repeat(200)));
        assert!(!replaces_summary(""));
    }

    #[test]
    fn only_a_new_lead_becomes_contacted() {
        assert_eq!(status_after_call("new"), "contacted");
        assert_eq!(status_after_call("booked"), "booked");
    }

    #[test]
    fn states_and_moods_have_the_crms_words() {
        assert_eq!(call_log_status(CallStatus::Completed), "completed");
        assert_eq!(call_log_status(CallStatus::Ringing), "pending");
        assert_eq!(sentiment(None), "neutral");
        assert_eq!(sentiment(Some(" ")), "neutral");
        assert_eq!(sentiment(Some("positive")), "positive");
    }
}
