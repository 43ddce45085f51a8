//! Which machine is asked for the next chunk: the one that is expected to answer
//! first, by how long its answers have taken and how many it still owes.

use std::time::Duration;

/// Part that the newest measurement has in the average.
const NEWEST: f64 = 0.25;
/// A machine whose answers take this many times as long as the fastest one's
/// would only hold the others up.
const SLOW: f64 = 4.0;
/// After so many choices a slow machine is tried once more.
const TRY_AGAIN: u32 = 64;
/// A machine is given this many times what the fastest one takes, and at least
/// `SHORTEST_WAIT`, before another is asked instead.
const TOO_LONG: u32 = 8;
const SHORTEST_WAIT: Duration = Duration::from_secs(2);

/// The machines of one transfer; the first is the primary.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    all: Vec<Source>,
    choices: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Source {
    /// Requests without an answer.
    owed: u32,
    /// Average time of an answer, in seconds; `None` before the first.
    seconds: Option<f64>,
    /// Not asked any more.
    is_out: bool,
}

impl Sources {
    /// The primary alone.
    pub(crate) fn new() -> Self {
        Self { all: vec![Source::default()], choices: 0 }
    }

    /// Adds a machine; its number.
    pub(crate) fn add(&mut self) -> usize {
        self.all.push(Source::default());
        self.all.len() - 1
    }

    /// Chooses a machine, which then owes one more answer.
    pub(crate) fn choose(&mut self) -> usize {
        self.choices = self.choices.wrapping_add(1);
        let fastest = self.fastest();
        let retry = self.choices.is_multiple_of(TRY_AGAIN);
        let waits = self.all.iter().enumerate().filter(|(_, source)| !source.is_out);
        let waits = waits
            .map(|(number, source)| (number, source.expected(if retry { None } else { fastest })));
        let best = waits.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(number, _)| number);
        self.all[best].owed += 1;
        best
    }

    /// The primary is asked in the place of another; its number.
    pub(crate) fn ask_primary(&mut self) -> usize {
        self.all[0].owed += 1;
        0
    }

    fn fastest(&self) -> Option<f64> {
        let known = self.all.iter().filter(|source| !source.is_out);
        known.filter_map(|source| source.seconds).min_by(f64::total_cmp)
    }

    /// An answer came after this time; `None`: none that could be used.
    pub(crate) fn answered(&mut self, number: usize, took: Option<Duration>) {
        let source = &mut self.all[number];
        source.owed = source.owed.saturating_sub(1);
        if let Some(took) = took.map(|took| took.as_secs_f64()) {
            source.seconds =
                Some(source.seconds.map_or(took, |before| before + (took - before) * NEWEST));
        }
    }

    /// Asks this machine for nothing more. The primary is never left out.
    pub(crate) fn leave_out(&mut self, number: usize) {
        if number > 0 {
            self.all[number].is_out = true;
        }
    }

    /// How long an answer of another machine than the primary is waited for.
    pub(crate) fn longest_wait(&self) -> Duration {
        let fastest = self.fastest().map_or(Duration::ZERO, Duration::from_secs_f64);
        fastest.saturating_mul(TOO_LONG).max(SHORTEST_WAIT)
    }
}

impl Source {
    /// Expected seconds until it has answered one more; infinite for one that is
    /// too slow to be worth it.
    fn expected(&self, fastest: Option<f64>) -> f64 {
        let Some(seconds) = self.seconds else {
            // Not measured yet: worth one trial, and no second before its end.
            return if self.owed == 0 { 0.0 } else { f64::MAX };
        };
        if fastest.is_some_and(|fastest| seconds > fastest * SLOW) {
            return f64::INFINITY;
        }
        seconds * f64::from(self.owed + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a transfer with so many chunks in flight, each machine answering one
    /// after the other in its own time; how many chunks each was asked for.
    fn play(sources: &mut Sources, millis: &[u64], chunks: usize) -> Vec<usize> {
        let mut asked = vec![0; millis.len()];
        let mut free_at = vec![0; millis.len()];
        let mut flights: Vec<(u64, u64, usize)> = Vec::new();
        let mut now = 0;
        for _ in 0..chunks {
            if flights.len() == 8 {
                flights.sort_unstable();
                let (end, begun, number) = flights.remove(0);
                now = end;
                sources.answered(number, Some(Duration::from_millis(end - begun)));
            }
            let number = sources.choose();
            asked[number] += 1;
            free_at[number] = now.max(free_at[number]) + millis[number];
            flights.push((free_at[number], now, number));
        }
        asked
    }

    #[test]
    fn the_primary_alone_is_asked_for_everything() {
        assert_eq!(play(&mut Sources::new(), &[10], 50), [50]);
    }

    #[test]
    fn equal_machines_share_the_work_and_a_faster_one_does_more() {
        let mut sources = Sources::new();
        sources.add();
        let shared = play(&mut sources, &[10, 10], 200);
        assert!(shared.iter().all(|chunks| (70..=130).contains(chunks)), "{shared:?}");
        let mut sources = Sources::new();
        sources.add();
        let shared = play(&mut sources, &[20, 10], 200);
        assert!(shared[1] > shared[0], "{shared:?}");
        assert!(shared[0] > 30, "{shared:?}");
    }

    #[test]
    fn a_slow_machine_is_tried_and_then_left_alone_for_a_while() {
        let mut sources = Sources::new();
        sources.add();
        let shared = play(&mut sources, &[2, 500], 1000);
        assert!((1..=40).contains(&shared[1]), "{shared:?}");
    }

    #[test]
    fn one_that_was_left_out_is_not_asked_and_the_primary_always_may_be() {
        let mut sources = Sources::new();
        let other = sources.add();
        sources.leave_out(other);
        sources.leave_out(0);
        assert_eq!(play(&mut sources, &[10, 1], 50), [50, 0]);
    }

    #[test]
    fn patience_follows_the_fastest_answer() {
        let mut sources = Sources::new();
        assert_eq!(sources.longest_wait(), SHORTEST_WAIT);
        sources.answered(0, Some(Duration::from_secs(1)));
        assert_eq!(sources.longest_wait(), Duration::from_secs(8));
    }
}
