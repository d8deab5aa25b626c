//! By which channels people hear of a task's end, and when.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::status::Status;

/// One way to tell somebody that a task has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Channel {
    /// The task's page, which always says how it ended.
    StatusPage,
    /// A message on whatever page the user is on, kept under a bell until it was seen.
    Messages,
    /// Mail to the address of the user who submitted it.
    Email,
    /// A function of the application (`powercrud::Builder::on_task_end`), a webhook, or both.
    Callback,
}

impl Channel {
    /// The word in settings and tables.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The channels of a resource's tasks: the task's page and messages, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification(Vec<Channel>);

impl Notification {
    const NONE: &str = "none";

    /// Nobody is told.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The channels, each once.
    pub fn channels(&self) -> &[Channel] {
        &self.0
    }

    /// Whether that channel is among them.
    pub fn includes(&self, channel: Channel) -> bool {
        self.0.contains(&channel)
    }

    /// The words in the task table: those of the channels, joined by commas, or `none`.
    pub(crate) fn words(&self) -> String {
        match self.0.as_slice() {
            [] => Self::NONE.to_owned(),
            channels => channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(","),
        }
    }

    /// The channels behind [`Notification::words`]; a word that this version does not know is passed over.
    pub(crate) fn from_words(words: &str) -> Self {
        words.split(',').filter_map(|word| word.parse().ok()).collect::<Vec<Channel>>().into()
    }
}

impl Default for Notification {
    fn default() -> Self {
        Self(vec![Channel::StatusPage, Channel::Messages])
    }
}

impl From<Channel> for Notification {
    fn from(channel: Channel) -> Self {
        Self(vec![channel])
    }
}

impl From<Vec<Channel>> for Notification {
    fn from(channels: Vec<Channel>) -> Self {
        let mut once = Vec::with_capacity(channels.len());
        for channel in channels {
            if !once.contains(&channel) {
                once.push(channel);
            }
        }
        Self(once)
    }
}

impl<const N: usize> From<[Channel; N]> for Notification {
    fn from(channels: [Channel; N]) -> Self {
        channels.to_vec().into()
    }
}

/// A word or a list of words; `none` stands alone.
impl<'de> Deserialize<'de> for Notification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Words {
            One(String),
            Several(Vec<Channel>),
        }
        match Words::deserialize(deserializer)? {
            Words::One(word) if word == Self::NONE => Ok(Self::none()),
            // A variable holds several as one text.
            Words::One(words) => {
                let channels = words.split(',').map(|word| {
                    let word = word.trim();
                    word.parse::<Channel>().map_err(|_| D::Error::custom(format!("{word:?} is no channel")))
                });
                Ok(channels.collect::<Result<Vec<_>, _>>()?.into())
            }
            Words::Several(channels) if channels.is_empty() => Err(D::Error::custom("an empty list")),
            Words::Several(channels) => Ok(channels.into()),
        }
    }
}

/// Of which ends people are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotifyWhen {
    /// Of all.
    #[default]
    Always,
    /// Only where some or all records failed.
    Failure,
    /// Only where at least that much time went by between a task's submission and its end: who submitted a shorter one was still there.
    Over(Duration),
}

impl NotifyWhen {
    /// Whether people are told of a task that has ended so, so many milliseconds after its submission.
    pub(crate) fn includes(self, status: Status, took: i64) -> bool {
        match self {
            Self::Always => true,
            Self::Failure => matches!(status, Status::Failure | Status::Partial),
            Self::Over(least) => u128::try_from(took).is_ok_and(|took| took >= least.as_millis()),
        }
    }
}

impl From<Duration> for NotifyWhen {
    fn from(least: Duration) -> Self {
        Self::Over(least)
    }
}

impl<'de> Deserialize<'de> for NotifyWhen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.trim() {
            "always" => Ok(Self::Always),
            "failure" => Ok(Self::Failure),
            word => duration(word).map(Self::Over).ok_or_else(|| D::Error::custom("no duration")),
        }
    }
}

/// "500ms", "30s", "5m", "2h".
fn duration(word: &str) -> Option<Duration> {
    let (number, unit) = word.split_at(word.find(|c: char| !c.is_ascii_digit())?);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check<T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(value: Value, expected: Option<T>) {
        assert_eq!(serde_json::from_value::<T>(value.clone()).ok(), expected, "{value}");
    }

    #[test]
    fn channels_are_a_word_or_a_list() {
        check(json!("none"), Some(Notification::none()));
        check(json!("messages"), Some(Notification::from(Channel::Messages)));
        check(
            json!(["messages", "status_page", "messages"]),
            Some(Notification::from([Channel::Messages, Channel::StatusPage])),
        );
        check(json!("status_page, messages"), Some(Notification::default()));
        check(json!(["email", "callback"]), Some(Notification::from([Channel::Email, Channel::Callback])));
        for wrong in [json!("pigeon"), json!(["messages", "none"]), json!([]), json!(""), json!(3)] {
            check::<Notification>(wrong, None);
        }
        for notification in [Notification::none(), Notification::default(), Channel::Messages.into()] {
            assert_eq!(Notification::from_words(&notification.words()), notification);
        }
    }

    #[test]
    fn ends_are_chosen_by_a_word_or_a_duration() {
        check(json!("always"), Some(NotifyWhen::Always));
        check(json!("failure"), Some(NotifyWhen::Failure));
        check(json!("90 s"), Some(NotifyWhen::Over(Duration::from_secs(90))));
        check(json!("250ms"), Some(NotifyWhen::Over(Duration::from_millis(250))));
        check(json!("2h"), Some(NotifyWhen::Over(Duration::from_secs(7_200))));
        for wrong in [json!("never"), json!("30"), json!("s"), json!("-3s"), json!("3 days"), json!(30)] {
            check::<NotifyWhen>(wrong, None);
        }
    }
}
