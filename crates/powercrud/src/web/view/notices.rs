//! Who was told of a task's end, and who is still to be.

use serde::Serialize;

use super::time::{self, Timestamp};
use powercrud_engine::notify::{NoticeState, NoticeStatus, TRIES};

/// One notice: "Email to ann@example.org", "waiting, third try in 4 minutes: …".
#[derive(Serialize)]
pub(in crate::web) struct NoticeView {
    label: String,
    /// How it stands.
    text: String,
    /// When that was or will be.
    timestamp: Option<Timestamp>,
    /// Why it is not there yet.
    reason: String,
    /// `success`, `error` or nothing.
    tone: &'static str,
}

pub(in crate::web) fn notices(notices: &[NoticeState]) -> Vec<NoticeView> {
    let now = time::now();
    notices.iter().map(|notice| view(notice, now)).collect()
}

/// Whether one of them may change soon.
pub(in crate::web) fn are_under_way(notices: &[NoticeState]) -> bool {
    let soon = time::now() + 60_000;
    notices.iter().any(|notice| match notice.status {
        NoticeStatus::Waiting => notice.next_attempt_at.is_some_and(|at| at < soon) || notice.attempts == 1,
        NoticeStatus::Sending => true,
        NoticeStatus::Sent | NoticeStatus::Failed | NoticeStatus::Skipped => false,
    })
}

fn view(notice: &NoticeState, now: i64) -> NoticeView {
    let label = match (notice.channel.as_str(), notice.recipient.as_str()) {
        ("messages", _) => "Message under the bell".to_owned(),
        ("email", recipient) if notice.status != NoticeStatus::Skipped => format!("Email to {recipient}"),
        ("email", _) => "Email".to_owned(),
        (_, "webhook") => "Webhook".to_owned(),
        (_, "function") => "The application".to_owned(),
        (channel, recipient) => format!("{channel}: {recipient}"),
    };
    let tries = |number: u64| match number {
        1 => "1 try".to_owned(),
        number => format!("{number} tries"),
    };
    let (text, timestamp, tone) = match notice.status {
        NoticeStatus::Sent if notice.recipient == "function" => ("told".to_owned(), notice.sent_at, "success"),
        NoticeStatus::Sent => ("sent".to_owned(), notice.sent_at, "success"),
        NoticeStatus::Waiting if notice.attempts == 0 => ("waiting to be sent".to_owned(), None, ""),
        NoticeStatus::Waiting => {
            (format!("waiting, {} of {TRIES}", ordinal(notice.attempts + 1)), notice.next_attempt_at, "")
        }
        NoticeStatus::Sending if notice.attempts == 1 => ("being sent".to_owned(), None, ""),
        NoticeStatus::Sending => (format!("being sent, {} of {TRIES}", ordinal(notice.attempts)), None, ""),
        NoticeStatus::Failed => (format!("not delivered, after {}", tries(notice.attempts)), None, "error"),
        NoticeStatus::Skipped => ("not sent".to_owned(), None, ""),
    };
    NoticeView {
        label,
        text,
        timestamp: timestamp.and_then(|at| time::timestamp(at, now)),
        reason: notice.last_error.clone(),
        tone,
    }
}

/// "2nd try".
fn ordinal(number: u64) -> String {
    let ending = match number {
        1 => "st",
        2 => "nd",
        3 => "rd",
        _ => "th",
    };
    format!("{number}{ending} try")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: NoticeStatus, attempts: u64, expected: (&str, &str)) {
        let notice = NoticeState {
            channel: "email".into(),
            recipient: "ann@example.org".into(),
            status,
            attempts,
            next_attempt_at: Some(90_000),
            last_error: String::new(),
            created_at: 0,
            sent_at: None,
        };
        let view = view(&notice, 0);
        assert_eq!((view.label.as_str(), view.text.as_str()), expected);
    }

    #[test]
    fn each_state_is_told_in_words() {
        let to = "Email to ann@example.org";
        check(NoticeStatus::Waiting, 0, (to, "waiting to be sent"));
        check(NoticeStatus::Sending, 1, (to, "being sent"));
        check(NoticeStatus::Waiting, 2, (to, "waiting, 3rd try of 8"));
        check(NoticeStatus::Sending, 8, (to, "being sent, 8th try of 8"));
        check(NoticeStatus::Sent, 1, (to, "sent"));
        check(NoticeStatus::Failed, 1, (to, "not delivered, after 1 try"));
        check(NoticeStatus::Skipped, 0, ("Email", "not sent"));
    }
}
