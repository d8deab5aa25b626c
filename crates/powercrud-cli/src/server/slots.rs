//! Places for connections. Where all are taken, whoever waits longest for a next request, or the rest of one, has to go. No address has all of them, so that
//! the others still get in.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    /// How many of them one address may have.
    share: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    /// Connections without a whole request, in the order in which they began to wait.
    since: BTreeMap<u64, (IpAddr, CancellationToken)>,
    /// How many places each address has.
    held: HashMap<IpAddr, usize>,
}

/// The place of one connection.
pub(super) struct Slot {
    waiting: Arc<Mutex<Waiting>>,
    state: Arc<Mutex<State>>,
    address: IpAddr,
    given_up: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

#[derive(Default)]
struct State {
    /// Requests at work; with pipelining there may be another before the last answer is gone.
    requests: usize,
    /// Its number among those that wait.
    number: Option<u64>,
}

/// While it is there, the connection keeps its place.
pub(super) struct AtWork {
    waiting: Arc<Mutex<Waiting>>,
    state: Arc<Mutex<State>>,
    address: IpAddr,
    given_up: CancellationToken,
}

impl Slots {
    pub(super) fn new(number: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(number)), share: number - number / 4, waiting: Arc::default() }
    }

    /// A place for a connection from that address, once there is one; `None` where the address has its share, all with requests at work.
    pub(super) async fn take(&self, address: IpAddr) -> Option<Slot> {
        let address = address.to_canonical();
        let has_its_share = lock(&self.waiting).held.get(&address).is_some_and(|held| *held >= self.share);
        if has_its_share && !self.send_away(|other| other == address) {
            return None;
        }
        let free = Arc::clone(&self.free);
        let permit = match free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                if !has_its_share {
                    self.make_room();
                }
                free.acquire_owned().await.ok()?
            }
        };
        let slot = Slot {
            waiting: Arc::clone(&self.waiting),
            state: Arc::default(),
            address,
            given_up: CancellationToken::new(),
            _permit: permit,
        };
        *lock(&self.waiting).held.entry(address).or_default() += 1;
        lock(&slot.state).number = Some(begin(&slot.waiting, address, &slot.given_up));
        Some(slot)
    }

    /// Sends away whoever waits longest.
    pub(super) fn make_room(&self) {
        self.send_away(|_| true);
    }

    /// Whether there was one whom it could send away, of those whose address fits.
    fn send_away(&self, fits: impl Fn(IpAddr) -> bool) -> bool {
        let mut waiting = lock(&self.waiting);
        let longest = waiting.since.iter().find(|(_, (address, _))| fits(*address)).map(|(number, _)| *number);
        let sent = longest.and_then(|number| waiting.since.remove(&number));
        sent.map(|(_, given_up)| given_up.cancel()).is_some()
    }
}

impl Slot {
    /// Says that a request is at work, until what it returns is dropped.
    pub(super) fn at_work(&self) -> AtWork {
        let mut state = lock(&self.state);
        state.requests += 1;
        if let Some(number) = state.number.take() {
            lock(&self.waiting).since.remove(&number);
        }
        AtWork {
            waiting: Arc::clone(&self.waiting),
            state: Arc::clone(&self.state),
            address: self.address,
            given_up: self.given_up.clone(),
        }
    }

    /// When this connection has to make room for another.
    pub(super) async fn given_up(&self) {
        self.given_up.cancelled().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(number) = lock(&self.state).number.take() {
            lock(&self.waiting).since.remove(&number);
        }
        // An answer whose body outlives its connection is not to bring it back.
        lock(&self.state).requests = usize::MAX / 2;
        let mut waiting = lock(&self.waiting);
        if let Some(held) = waiting.held.get_mut(&self.address) {
            *held -= 1;
            if *held == 0 {
                waiting.held.remove(&self.address);
            }
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.requests -= 1;
        if state.requests == 0 {
            state.number = Some(begin(&self.waiting, self.address, &self.given_up));
        }
    }
}

fn begin(waiting: &Mutex<Waiting>, address: IpAddr, given_up: &CancellationToken) -> u64 {
    let mut waiting = lock(waiting);
    waiting.next += 1;
    let number = waiting.next;
    waiting.since.insert(number, (address, given_up.clone()));
    number
}

/// Nothing here is left half-done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test]
    async fn whoever_waits_longest_makes_room_and_whoever_works_stays() {
        let slots = Slots::new(2);
        let take = async |last| slots.take(address(last)).await.expect("a place");
        let (first, second) = (take(1).await, take(2).await);
        let at_work = first.at_work();
        let taking = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take(address(3)).await }
        });
        second.given_up().await;
        drop(second);
        let third = taking.await.unwrap().expect("a place");
        // Now the first has waited for less time than the third.
        drop(at_work);
        slots.make_room();
        third.given_up().await;
        assert!(!first.given_up.is_cancelled());
        slots.make_room();
        first.given_up().await;
        drop((first, third));
        let waiting = lock(&slots.waiting);
        assert!(waiting.since.is_empty() && waiting.held.is_empty());
        assert_eq!(slots.free.available_permits(), 2);
    }

    #[tokio::test]
    async fn no_address_has_every_place() {
        let slots = Slots::new(4);
        let mut held = Vec::new();
        let mut work = Vec::new();
        for _ in 0..3 {
            let slot = slots.take(address(1)).await.expect("a place");
            work.push(slot.at_work());
            held.push(slot);
        }
        assert!(slots.take(address(1)).await.is_none(), "all of its share are at work");
        let other = slots.take(address(2)).await.expect("a place is left for others");
        // One of its own makes room for its next, not the other's.
        work.pop();
        let taking = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take(address(1)).await }
        });
        held[2].given_up().await;
        assert!(!other.given_up.is_cancelled());
        held.pop();
        assert!(taking.await.unwrap().is_some());
    }
}
