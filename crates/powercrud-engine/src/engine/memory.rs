//! How much memory requests may hold together. Each request is bounded by itself; this bounds all that are answered at the same time.
//! A request that finds no room waits a moment, and is refused then.
//!
//! What a request is about to read is reckoned beforehand, and put right once it is there. Large bodies, large and small reads have room
//! of their own, so that none of them keeps the others out.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Engine;
use crate::error::{Error, Result};

/// How long a request waits for room.
const WAIT: Duration = Duration::from_secs(5);

/// What is counted by.
const UNIT: u64 = 1024;

/// Reads of so many bytes, or fewer, are small.
const SMALL: u64 = 4 * 1024 * 1024;

/// How many times its own size a request's body takes once it is parsed: of short values, mostly the places they stand at.
const PARSED: u64 = 16;

/// Bodies of so many bytes, or fewer, are not counted.
const SMALL_BODY: u64 = 64 * 1024;

tokio::task_local! {
    /// What the request that is answered here holds for what it reads.
    static HELD: Held;
}

/// The room that there is.
pub(super) struct Memory {
    bodies: Pool,
    small: Pool,
    large: Pool,
    limit: u64,
}

struct Pool {
    room: Arc<Semaphore>,
    units: u32,
}

/// Room that is taken; given back when it is dropped.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Memory {
    pub(super) fn new(limit: u64) -> Self {
        Self { bodies: Pool::new(limit / 4), small: Pool::new(limit / 4), large: Pool::new(limit / 2), limit }
    }

    async fn take(&self, pool: &Pool, units: u32) -> Result<OwnedSemaphorePermit> {
        let taken = Arc::clone(&pool.room).acquire_many_owned(units);
        match tokio::time::timeout(WAIT, taken).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::NoRoom { limit: self.limit }),
        }
    }
}

impl Pool {
    fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self { room: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// What is larger than all the room there is takes all of it.
    fn units(&self, bytes: u64) -> u32 {
        units(bytes).min(self.units)
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

impl Held {
    fn with<T>(&self, act: impl FnOnce(&mut Option<OwnedSemaphorePermit>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives back what is more than that.
    pub fn shrink(&self, bytes: u64) {
        self.with(|held| {
            let more = held.as_ref().map_or(0, |permit| permit.num_permits()).saturating_sub(units(bytes) as usize);
            drop(held.as_mut().and_then(|permit| permit.split(more)));
        });
    }
}

impl Engine {
    /// Does a request's work; what it takes room for is held until what comes back with the result is dropped.
    pub async fn counted<F: Future>(&self, work: F) -> (F::Output, Held) {
        let held = Held::default();
        (HELD.scope(held.clone(), work).await, held)
    }

    /// Takes room for a request's body of so many bytes.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    pub async fn room_for_body(&self, bytes: u64) -> Result<Held> {
        let memory = &self.inner.memory;
        if bytes <= SMALL_BODY {
            return Ok(Held::default());
        }
        let units = memory.bodies.units(bytes.saturating_mul(PARSED));
        Ok(Held(Arc::new(Mutex::new(Some(memory.take(&memory.bodies, units).await?)))))
    }

    /// Takes room for what this request is about to hold, unless it has it already. Outside of a request nothing is counted.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    pub(crate) async fn room(&self, bytes: u64) -> Result<()> {
        let Ok(held) = HELD.try_with(Held::clone) else { return Ok(()) };
        let memory = &self.inner.memory;
        let pool = if bytes <= SMALL { &memory.small } else { &memory.large };
        let units = pool.units(bytes);
        if held.with(|held| held.as_ref().is_some_and(|permit| permit.num_permits() >= units as usize)) {
            return Ok(());
        }
        // What it has, which is little by now, is given back first, so that no two wait for each other.
        held.with(Option::take);
        let taken = memory.take(pool, units).await?;
        held.with(|held| *held = Some(taken));
        Ok(())
    }

    /// Gives back what was taken beyond that, now that it is known what was read.
    pub(crate) fn settle(&self, bytes: u64) {
        let _ = HELD.try_with(|held| held.shrink(bytes));
    }

    /// Whether a request is answered here, so that what it holds is counted.
    pub(crate) fn is_counted(&self) -> bool {
        HELD.try_with(|_| ()).is_ok()
    }
}
