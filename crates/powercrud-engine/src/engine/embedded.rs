//! The worker that a process runs beside what it serves, for tasks of the backend `in_process`.

use std::sync::{Mutex, PoisonError};

use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// At most one for each engine.
#[derive(Default)]
pub(crate) struct Embedded {
    /// Rung when this process has queued a task for it.
    pub(crate) wake_up: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Running {
        stop: CancellationToken,
        worker: JoinHandle<()>,
    },
    Ended,
}

impl Embedded {
    /// Starts it by `start`, unless it runs already or was ended.
    pub(crate) fn start(&self, start: impl FnOnce(CancellationToken) -> JoinHandle<()>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Idle) {
            let stop = CancellationToken::new();
            let worker = start(stop.clone());
            *state = State::Running { stop, worker };
        }
    }

    /// Tells it to stop, and returns it to be waited for; it is not started again.
    pub(crate) fn end(&self) -> Option<JoinHandle<()>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Ended) {
            State::Running { stop, worker } => {
                stop.cancel();
                Some(worker)
            }
            State::Idle | State::Ended => None,
        }
    }
}
