//! How much of a file may be on its way at a time: enough to keep line and server
//! busy, and no more, because what is on its way when somebody dies is sent again.
//!
//! What is needed is what is answered in the time that an answer takes when nothing
//! queues; both are measured all the while. That much, a quarter more and [`SPARE`]
//! bytes are let go, so that growing speed is noticed, and one slow answer stops
//! nothing.

use std::collections::VecDeque;
use std::time::Duration;

/// Bytes beyond what was measured.
const SPARE: f64 = (2 << 20) as f64;
/// Answers of which the fastest rate counts.
const RATES: usize = 16;

/// When a chunk was sent, and how much had been answered by then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    at: Duration,
    answered: u64,
}

/// See the module. Times are counted from any moment.
#[derive(Debug, Default)]
pub(crate) struct Window {
    answered: u64,
    in_flight: u64,
    /// Seconds of the fastest answer. A later one may have waited behind others.
    shortest: Option<f64>,
    /// Bytes answered in a second, as the last answers have shown.
    rates: VecDeque<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
impl Window {
    /// Whether one more may go.
    pub(crate) fn is_open(&self) -> bool {
        (self.in_flight as f64) < self.bytes()
    }

    fn bytes(&self) -> f64 {
        let fastest = self.rates.iter().copied().fold(0.0, f64::max);
        SPARE + 1.25 * self.shortest.unwrap_or(0.0) * fastest
    }

    /// A chunk is on its way from now on.
    pub(crate) fn reserve(&mut self, len: u64) {
        self.in_flight += len;
    }

    /// The chunk leaves now.
    pub(crate) fn sent(&self, now: Duration) -> Sent {
        Sent { at: now, answered: self.answered }
    }

    /// The chunk was answered.
    pub(crate) fn answered(&mut self, sent: Sent, len: u64, now: Duration) {
        self.answered += len;
        self.in_flight -= len;
        let seconds = now.saturating_sub(sent.at).as_secs_f64().max(1e-6);
        let rate = (self.answered - sent.answered) as f64 / seconds;
        self.shortest = Some(self.shortest.map_or(seconds, |before| before.min(seconds)));
        self.rates.push_back(rate);
        if self.rates.len() > RATES {
            self.rates.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u64 = 1 << 20;

    /// Sends chunks over a line of `rate` bytes a second to a server that takes `delay`
    /// for an answer; returns bytes a second, and the most that were on their way.
    fn simulate(rate: f64, delay: f64) -> (f64, u64) {
        let (mut window, mut waiting) = (Window::default(), VecDeque::new());
        let (mut now, mut free, mut most) = (0.0_f64, 0.0_f64, 0);
        let chunks = 400;
        for _ in 0..chunks {
            while window.is_open() {
                window.reserve(CHUNK);
                let sent = window.sent(Duration::from_secs_f64(now));
                free = free.max(now) + CHUNK as f64 / rate;
                waiting.push_back((free + delay, sent));
                most = most.max(window.in_flight);
            }
            let (there, sent) = waiting.pop_front().expect("the window is never shut for good");
            now = there;
            window.answered(sent, CHUNK, Duration::from_secs_f64(now));
        }
        (f64::from(chunks) * CHUNK as f64 / now, most)
    }

    #[test]
    fn lines_are_kept_busy_with_little_on_its_way() {
        for (rate, delay) in [(24e6, 0.001), (1e9, 0.001), (100e6, 0.1), (2e6, 0.3), (24e6, 0.03)] {
            let (reached, most) = simulate(rate, delay);
            assert!(reached > 0.9 * rate, "{rate} {delay}: {reached}");
            let needed = rate * delay + CHUNK as f64;
            let bound = 1.5 * needed + SPARE + CHUNK as f64;
            assert!((most as f64) < bound, "{rate} {delay}: {most} of {bound}");
        }
    }

    #[test]
    fn a_slower_server_soon_gets_less() {
        let mut window = Window::default();
        let at = Duration::from_millis;
        for _ in 0..10 {
            window.reserve(CHUNK);
            let sent = window.sent(at(0));
            window.answered(sent, CHUNK, at(10));
        }
        let before = window.bytes();
        for number in 0..RATES as u64 {
            window.reserve(CHUNK);
            let sent = window.sent(at(1000 * number));
            window.answered(sent, CHUNK, at(1000 * number + 500));
        }
        assert!(window.bytes() < before && window.is_open());
    }
}
