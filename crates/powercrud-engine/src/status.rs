//! The states of a bulk task, and the only way from one to another.

use serde::Serialize;
use strum::VariantArray as _;

use crate::error::{Error, Result};

/// Where a bulk task stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = TaskStatus))]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Status {
    /// Queued behind a conflicting task.
    Waiting,
    /// Ready for a worker.
    Pending,
    /// A worker is on it.
    Started,
    /// Asked to pause; the worker has not seen it yet.
    Pausing,
    /// Stopped at a checkpoint, to be resumed.
    Paused,
    /// Asked to cancel; the worker has not seen it yet.
    Cancelling,
    /// Every record was done.
    Success,
    /// Some records were done and some failed.
    Partial,
    /// None was done, or all-or-nothing was rolled back.
    Failure,
    /// Stopped before the end; its counts stand.
    Cancelled,
    /// A newer version of the program wrote a word that this one does not know. Nothing is done to such a task here.
    Unknown,
}

/// What may happen to a bulk task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The task it waited for has ended.
    Unblock,
    /// A worker takes it: for the first time, or after another's lease lapsed.
    Claim,
    /// Somebody asks for a pause.
    Pause,
    /// Somebody asks to go on.
    Resume,
    /// Somebody asks to cancel.
    Cancel,
    /// Somebody takes it from a worker that is dead, for another to go on.
    Requeue,
    /// The worker has seen the request to pause or cancel and stops at its checkpoint.
    Stop,
    /// The work ended with every record done.
    Succeed,
    /// The work ended with some records done and some not.
    SucceedPartly,
    /// The work ended with no record done.
    Fail,
}

impl Status {
    /// Every state that a task may be given.
    pub const ALL: &'static [Self] = Self::VARIANTS.split_last().expect("states").1;

    /// The state after `event`.
    ///
    /// # Errors
    /// [`Error::Transition`] for every pair that is not listed.
    pub fn next(self, event: Event) -> Result<Self> {
        use Event::*;
        Ok(match (self, event) {
            // The conflicting task ended.
            (Self::Waiting, Unblock) => Self::Pending,
            (Self::Pending, Claim) => Self::Started,
            // The last worker's lease lapsed; another resumes, or carries out the request that the last one did not see.
            (Self::Started, Claim) => Self::Started,
            (Self::Pausing, Claim) => Self::Pausing,
            (Self::Cancelling, Claim) => Self::Cancelling,
            (Self::Started, Pause) => Self::Pausing,
            (Self::Paused, Resume) => Self::Pending,
            // Its worker is dead; who claims it goes on at its cursor. A request to pause or cancel is not thrown away so: whoever claims the
            // task carries it out.
            (Self::Started, Requeue) => Self::Pending,
            // Nobody works on it: it ends at once.
            (Self::Waiting | Self::Pending | Self::Paused, Cancel) => Self::Cancelled,
            // The worker stops at its next checkpoint.
            (Self::Started | Self::Pausing, Cancel) => Self::Cancelling,
            (Self::Pausing, Stop) => Self::Paused,
            (Self::Cancelling, Stop) => Self::Cancelled,
            // The work may end before a request is seen.
            (Self::Started | Self::Pausing | Self::Cancelling, Succeed) => Self::Success,
            (Self::Started | Self::Pausing | Self::Cancelling, SucceedPartly) => Self::Partial,
            (Self::Started | Self::Pausing | Self::Cancelling, Fail) => Self::Failure,
            // It can't be started, for instance because its resource is gone.
            (Self::Pending, Fail) => Self::Failure,
            _ => {
                return Err(Error::Transition {
                    status: self.as_str().to_owned(),
                    event: format!("{event:?}").to_lowercase(),
                    message: self.refusal(event),
                });
            }
        })
    }

    /// Why `event` can't happen in this state, for people.
    fn refusal(self, event: Event) -> String {
        use Event::*;
        let word = self.as_str();
        let (done, needed) = match event {
            Cancel => ("cancelled", "has not ended and is not being cancelled"),
            Pause => ("paused", "runs (STARTED)"),
            Resume => ("resumed", "is PAUSED"),
            Requeue => ("queued again", "runs (STARTED)"),
            Unblock => ("let go", "is WAITING"),
            Claim => ("taken by a worker", "is PENDING, or whose worker fell silent"),
            Stop => ("stopped", "is PAUSING or CANCELLING"),
            Succeed | SucceedPartly | Fail => ("ended", "runs"),
        };
        match (self, event) {
            (Self::Unknown, _) => format!(
                "a newer version of PowerCRUD has written the state of this task ({word}), so it can't be {done} here"
            ),
            _ if self.is_final() => format!("this task has ended ({word}), so it can't be {done}"),
            (Self::Cancelling, Cancel) => format!("this task is being cancelled already ({word})"),
            (Self::Pausing | Self::Paused, Pause) => format!("this task is paused already, or about to be ({word})"),
            _ => format!("this task is {word}, so it can't be {done}; only one that {needed} can"),
        }
    }

    /// The word in tables, programs' answers and docs.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        word.parse().ok().filter(|status| *status != Self::Unknown)
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Partial | Self::Failure | Self::Cancelled)
    }

    /// Whether a worker holds it.
    pub fn is_held(self) -> bool {
        matches!(self, Self::Started | Self::Pausing | Self::Cancelling)
    }
}

/// The outcome of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// It was tried and stayed as it was, for a reason.
    Failed,
    /// It was not tried, or not yet.
    Unprocessed,
}

impl Outcome {
    /// All of them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The word in addresses and on the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 10] = [
        Event::Unblock,
        Event::Claim,
        Event::Pause,
        Event::Resume,
        Event::Cancel,
        Event::Requeue,
        Event::Stop,
        Event::Succeed,
        Event::SucceedPartly,
        Event::Fail,
    ];

    #[test]
    fn what_ended_stays_ended_and_what_lives_can_be_cancelled() {
        for &status in Status::ALL {
            for event in EVENTS {
                assert!(!status.is_final() || status.next(event).is_err(), "{status:?} {event:?}");
            }
            let can_cancel = status.next(Event::Cancel).is_ok();
            assert_eq!(can_cancel, !status.is_final() && status != Status::Cancelling, "{status:?}");
            assert_eq!(Status::from_word(status.as_str()), Some(status));
        }
        assert_eq!(Status::from_word(Status::Unknown.as_str()), None);
        assert!(!Status::ALL.contains(&Status::Unknown));
    }

    /// Every pair of state and event; a dash is a refusal.
    #[test]
    fn every_pair_is_listed_or_refused() {
        let table = "
            state       Unblock  Claim       Pause    Resume   Cancel      Requeue  Stop       Succeed  SucceedPartly  Fail
            WAITING     PENDING  -           -        -        CANCELLED   -        -          -        -              -
            PENDING     -        STARTED     -        -        CANCELLED   -        -          -        -              FAILURE
            STARTED     -        STARTED     PAUSING  -        CANCELLING  PENDING  -          SUCCESS  PARTIAL        FAILURE
            PAUSING     -        PAUSING     -        -        CANCELLING  -        PAUSED     SUCCESS  PARTIAL        FAILURE
            PAUSED      -        -           -        PENDING  CANCELLED   -        -          -        -              -
            CANCELLING  -        CANCELLING  -        -        -           -        CANCELLED  SUCCESS  PARTIAL        FAILURE
            SUCCESS     -        -           -        -        -           -        -          -        -              -
            PARTIAL     -        -           -        -        -           -        -          -        -              -
            FAILURE     -        -           -        -        -           -        -          -        -              -
            CANCELLED   -        -           -        -        -           -        -          -        -              -";
        let mut lines = table.trim().lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let head = lines.next().expect("a head");
        assert_eq!(head[1..], EVENTS.map(|event| format!("{event:?}")));
        let lines: Vec<_> = lines.collect();
        assert_eq!(
            lines.iter().map(|line| line[0]).collect::<Vec<_>>(),
            Status::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>()
        );
        for (status, line) in Status::ALL.iter().copied().zip(&lines) {
            assert_eq!(line.len(), 1 + EVENTS.len(), "{status:?}");
            for (event, expected) in EVENTS.into_iter().zip(&line[1..]) {
                match status.next(event) {
                    Ok(next) => assert_eq!(next.as_str(), *expected, "{status:?} {event:?}"),
                    Err(error) => {
                        assert_eq!("-", *expected, "{status:?} {event:?}");
                        assert_eq!(error.code(), "INVALID_TRANSITION", "{error:?}");
                        assert!(error.to_string().contains(status.as_str()), "{error}");
                    }
                }
            }
        }
    }

    #[test]
    fn refusals_say_why() {
        let check = |status: Status, event: Event, expected: &str| {
            assert_eq!(status.next(event).expect_err("a refusal").to_string(), expected);
        };
        check(Status::Success, Event::Cancel, "this task has ended (SUCCESS), so it can't be cancelled");
        check(Status::Cancelled, Event::Pause, "this task has ended (CANCELLED), so it can't be paused");
        check(Status::Cancelling, Event::Cancel, "this task is being cancelled already (CANCELLING)");
        let paused = "this task is PENDING, so it can't be paused; only one that runs (STARTED) can";
        check(Status::Pending, Event::Pause, paused);
        let resumed = "this task is STARTED, so it can't be resumed; only one that is PAUSED can";
        check(Status::Started, Event::Resume, resumed);
    }
}
