//! An allowance of bytes that several users share: what large requests (and answers)
//! hold in memory, all connections together.
//!
//! Guarantees: bytes handed out never exceed the total; a permit gives its bytes back
//! when it is dropped. Those who wait take turns by user, so that nobody gets more by
//! asking more often or on more connections; one user never holds more than half,
//! however slowly the network takes or brings it; and what is small, a listing for
//! instance, has room of its own and never waits for what is large.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What is small.
const SMALL_BYTES: u32 = 64 << 10;
/// Share of the allowance that is kept for what is small: one of so many parts.
const SMALL_PART: u32 = 8;

/// An allowance of bytes. Clones share it.
#[derive(Clone, Debug)]
pub struct FairBudget {
    small: Arc<Lane>,
    large: Arc<Lane>,
}

impl FairBudget {
    /// An allowance of `total` bytes (at most 4 GiB).
    pub fn new(total: usize) -> Self {
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        let small = total / SMALL_PART;
        Self { small: Arc::new(Lane::new(small)), large: Arc::new(Lane::new(total - small)) }
    }

    /// Bytes in use now.
    pub fn in_use(&self) -> usize {
        self.small.in_use() as usize + self.large.in_use() as usize
    }

    /// Waits for `bytes` on behalf of a user. A wish larger than there is gets all of it.
    pub(crate) async fn take(&self, user: u64, bytes: usize) -> Share {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let lane = if bytes <= SMALL_BYTES { &self.small } else { &self.large };
        let ticket = match Lane::enter(lane, user, bytes.min(lane.total)) {
            Ok(share) => return share,
            Err(ticket) => ticket,
        };
        // The sender is dropped only with the lane, which this borrow keeps.
        match ticket.await {
            Ok(share) => share,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Bytes taken from a `FairBudget` until dropped.
#[derive(Debug)]
pub(crate) struct Share {
    lane: Arc<Lane>,
    user: u64,
    bytes: u32,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.lane.give_back(self.user, self.bytes);
        Lane::serve(&self.lane);
    }
}

#[derive(Debug)]
struct Lane {
    total: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: u32,
    held: HashMap<u64, u32>,
    waiting: HashMap<u64, VecDeque<Waiter>>,
    /// Users who wait, in the order of their turns.
    turns: VecDeque<u64>,
}

#[derive(Debug)]
struct Waiter {
    bytes: u32,
    granted: oneshot::Sender<Share>,
}

impl Lane {
    fn new(total: u32) -> Self {
        Self { total, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_use(&self) -> u32 {
        self.lock().used
    }

    /// Takes at once, or waits.
    fn enter(lane: &Arc<Self>, user: u64, bytes: u32) -> Result<Share, oneshot::Receiver<Share>> {
        let mut state = lane.lock();
        if state.turns.is_empty() && state.may_hold(user, bytes, lane.total) {
            state.hold(user, bytes);
            drop(state);
            return Ok(Share { lane: Arc::clone(lane), user, bytes });
        }
        let (granted, ticket) = oneshot::channel();
        let waiter = Waiter { bytes, granted };
        match state.waiting.entry(user) {
            Entry::Occupied(mut queue) => queue.get_mut().push_back(waiter),
            Entry::Vacant(new) => {
                new.insert(VecDeque::from([waiter]));
                state.turns.push_back(user);
            }
        }
        drop(state);
        // Whoever waits may be held up by a share of his own only.
        Self::serve(lane);
        Err(ticket)
    }

    fn give_back(&self, user: u64, bytes: u32) {
        let mut state = self.lock();
        state.used -= bytes;
        if let Entry::Occupied(mut held) = state.held.entry(user) {
            *held.get_mut() -= bytes;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }

    /// Serves those who wait, as far as there is room.
    fn serve(lane: &Arc<Self>) {
        loop {
            let Some((user, waiter)) = lane.lock().next(lane.total) else { return };
            let Waiter { bytes, granted } = waiter;
            let share = Share { lane: Arc::clone(lane), user, bytes };
            // One that nobody waits for any more gives its bytes back, and is followed
            // by the next.
            drop(granted.send(share));
        }
    }
}

impl State {
    fn may_hold(&self, user: u64, bytes: u32, total: u32) -> bool {
        let held = self.held.get(&user).copied().unwrap_or(0);
        bytes <= total - self.used && (held == 0 || bytes <= (total / 2).saturating_sub(held))
    }

    fn hold(&mut self, user: u64, bytes: u32) {
        self.used += bytes;
        *self.held.entry(user).or_default() += bytes;
    }

    /// The next who gets room. One who holds as much as one may is passed over; one for
    /// whom there is no room yet is waited for, so that small wishes do not overtake a
    /// large one for ever.
    fn next(&mut self, total: u32) -> Option<(u64, Waiter)> {
        for _ in 0..self.turns.len() {
            let user = *self.turns.front()?;
            let queue = self.waiting.get_mut(&user)?;
            while queue.front().is_some_and(|waiter| waiter.granted.is_closed()) {
                queue.pop_front();
            }
            let Some(bytes) = queue.front().map(|waiter| waiter.bytes) else {
                self.waiting.remove(&user);
                self.turns.pop_front();
                continue;
            };
            if self.may_hold(user, bytes, total) {
                self.hold(user, bytes);
                self.turns.rotate_left(1);
                let waiter = self.waiting.get_mut(&user)?.pop_front()?;
                return Some((user, waiter));
            }
            if bytes > total - self.used {
                return None;
            }
            self.turns.rotate_left(1);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const MIB: usize = 1 << 20;
    const ADA: u64 = 1;
    const BOB: u64 = 2;
    const CLEO: u64 = 3;

    /// What comes of it without a wait.
    async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = future => Some(done),
            () = std::future::ready(()) => None,
        }
    }

    /// Takes that many bytes, and says so under a name.
    async fn asker(
        budget: FairBudget,
        user: u64,
        bytes: usize,
        name: &'static str,
        said: mpsc::Sender<&'static str>,
    ) {
        let share = budget.take(user, bytes).await;
        said.send(name).unwrap();
        tokio::task::yield_now().await;
        drop(share);
    }

    #[tokio::test]
    async fn those_who_wait_take_turns_however_often_they_ask() {
        let budget = FairBudget::new(8 * MIB);
        let all = budget.take(CLEO, 7 * MIB).await;
        let (said, order) = mpsc::channel();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            tasks.spawn(asker(budget.clone(), ADA, 4 * MIB, "ada", said.clone()));
        }
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        for _ in 0..3 {
            tasks.spawn(asker(budget.clone(), BOB, 4 * MIB, "bob", said.clone()));
        }
        for _ in 0..40 {
            tokio::task::yield_now().await;
        }
        drop(all);
        tasks.join_all().await;
        let order: Vec<_> = order.try_iter().collect();
        assert_eq!(order.len(), 23);
        assert_eq!(order[..6], ["ada", "bob", "ada", "bob", "ada", "bob"]);
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test]
    async fn one_user_holds_half_at_most_and_others_pass() {
        let budget = FairBudget::new(8 * MIB);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(budget.take(ADA, MIB).await);
        }
        assert!(at_once(budget.take(ADA, MIB)).await.is_none(), "half of 7 MiB");
        let waits = budget.take(ADA, MIB);
        tokio::pin!(waits);
        assert!(at_once(waits.as_mut()).await.is_none());
        for _ in 0..3 {
            held.push(at_once(budget.take(BOB, MIB)).await.expect("there is room"));
        }
        let cleo = at_once(budget.take(CLEO, MIB)).await.expect("there is room");
        drop(held.remove(0));
        let ada = waits.await;
        drop((ada, held, cleo));
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test]
    async fn what_is_small_never_waits_for_what_is_large() {
        let budget = FairBudget::new(8 * MIB);
        let large = budget.take(ADA, 100 * MIB).await;
        assert_eq!(budget.in_use(), 7 * MIB);
        assert!(at_once(budget.take(BOB, MIB)).await.is_none());
        for _ in 0..100 {
            assert!(at_once(budget.take(BOB, 64 << 10)).await.is_some());
            assert!(at_once(budget.take(ADA, 100)).await.is_some());
        }
        drop(large);
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_leaves_nothing_behind() {
        let budget = FairBudget::new(8 * MIB);
        let all = budget.take(CLEO, 7 * MIB).await;
        for user in 10..20 {
            assert!(at_once(budget.take(user, MIB)).await.is_none());
        }
        let (said, order) = mpsc::channel();
        let task = tokio::spawn(asker(budget.clone(), BOB, 7 * MIB, "bob", said));
        tokio::task::yield_now().await;
        drop(all);
        task.await.unwrap();
        assert_eq!(order.try_iter().count(), 1);
        let state = budget.large.lock();
        assert!(state.turns.is_empty() && state.waiting.is_empty() && state.held.is_empty());
    }
}
