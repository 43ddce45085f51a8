//! How long a transfer still takes.
//!
//! A transfer of many small files is bound by the cost of a file, one of big
//! files by the cost of a byte. Both costs are fitted to what was measured
//! (least squares over decaying sums), so that the remaining time is
//! `bytes x cost of a byte + files x cost of a file` and does not jump when a
//! transfer goes from the one kind of file to the other. Pure arithmetic: the
//! caller brings the time.

use std::time::Duration;

/// What one measurement is still worth when the next one arrives.
const DECAY: f64 = 0.9;
/// Assumed before anything is measured, and where the measurements say nothing.
const FIRST_SECONDS_PER_MIB: f64 = 0.005;
const FIRST_SECONDS_PER_FILE: f64 = 0.000_5;
/// Longest remaining time worth showing.
const MOST_SECONDS: f64 = 1e8;

const MIB: f64 = 1_048_576.0;

/// Fits the two costs.
#[derive(Debug, Clone)]
pub(crate) struct Estimator {
    seconds: f64,
    mib: f64,
    mib_mib: f64,
    mib_files: f64,
    files_files: f64,
    mib_seconds: f64,
    files_seconds: f64,
}

impl Estimator {
    pub(crate) fn new() -> Self {
        Self {
            seconds: 0.0,
            mib: 0.0,
            mib_mib: 0.0,
            mib_files: 0.0,
            files_files: 0.0,
            mib_seconds: 0.0,
            files_seconds: 0.0,
        }
    }

    /// Takes in that `bytes` and `files` were finished in `seconds`.
    #[expect(clippy::cast_precision_loss, reason = "an estimate needs no exact integers")]
    pub(crate) fn observe(&mut self, seconds: f64, bytes: u64, files: u64) {
        let (mib, files) = (bytes as f64 / MIB, files as f64);
        let add = |sum: &mut f64, value: f64| *sum = *sum * DECAY + value;
        add(&mut self.seconds, seconds);
        add(&mut self.mib, mib);
        add(&mut self.mib_mib, mib * mib);
        add(&mut self.mib_files, mib * files);
        add(&mut self.files_files, files * files);
        add(&mut self.mib_seconds, mib * seconds);
        add(&mut self.files_seconds, files * seconds);
    }

    /// Bytes a second of late; 0 before the first measurement.
    pub(crate) fn bytes_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.mib * MIB / self.seconds } else { 0.0 }
    }

    /// Time that so much work takes; `None` before the first measurement.
    #[expect(clippy::cast_precision_loss, reason = "an estimate needs no exact integers")]
    pub(crate) fn remaining(&self, bytes: u64, files: u64) -> Option<Duration> {
        if self.seconds <= 0.0 {
            return None;
        }
        let (per_mib, per_file) = self.costs();
        let seconds = bytes as f64 / MIB * per_mib + files as f64 * per_file;
        Some(Duration::from_secs_f64(seconds.clamp(0.0, MOST_SECONDS)))
    }

    /// Seconds for a mebibyte and for a file. One invented measurement of each
    /// keeps the equations solvable when every real one has the same mixture.
    fn costs(&self) -> (f64, f64) {
        let (mib_mib, files_files) = (self.mib_mib + 1.0, self.files_files + 1.0);
        let mib_seconds = self.mib_seconds + FIRST_SECONDS_PER_MIB;
        let files_seconds = self.files_seconds + FIRST_SECONDS_PER_FILE;
        let determinant = mib_mib * files_files - self.mib_files * self.mib_files;
        let per_mib = (mib_seconds * files_files - files_seconds * self.mib_files) / determinant;
        let per_file = (files_seconds * mib_mib - mib_seconds * self.mib_files) / determinant;
        if per_mib < 0.0 {
            (0.0, files_seconds / files_files)
        } else if per_file < 0.0 {
            (mib_seconds / mib_mib, 0.0)
        } else {
            (per_mib, per_file)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB_BYTES: u64 = 1 << 20;

    fn seconds(estimator: &Estimator, bytes: u64, files: u64) -> f64 {
        estimator.remaining(bytes, files).expect("something was measured").as_secs_f64()
    }

    #[test]
    fn nothing_is_claimed_before_the_first_measurement() {
        assert_eq!(Estimator::new().remaining(1 << 30, 1), None);
        assert!(Estimator::new().bytes_per_second().abs() < f64::EPSILON);
    }

    #[test]
    fn both_costs_are_found_in_a_mixture() {
        let mut estimator = Estimator::new();
        for step in 0..60 {
            let (mib, files): (i32, i32) = if step % 2 == 0 { (100, 10) } else { (5, 400) };
            let taken = f64::from(mib) * 0.01 + f64::from(files) * 0.002;
            estimator.observe(
                taken,
                u64::from(mib.unsigned_abs()) * MIB_BYTES,
                u64::from(files.unsigned_abs()),
            );
        }
        assert!((seconds(&estimator, 1000 * MIB_BYTES, 0) - 10.0).abs() < 0.5);
        assert!((seconds(&estimator, 0, 10_000) - 20.0).abs() < 1.0);
    }

    #[test]
    fn files_of_one_size_predict_more_of_the_same() {
        let mut estimator = Estimator::new();
        for _ in 0..40 {
            estimator.observe(0.25, 500 * 4096, 500);
        }
        let left = seconds(&estimator, 5000 * 4096, 5000);
        assert!((left - 2.5).abs() < 0.2, "{left}");
    }

    #[test]
    fn no_measurement_makes_the_remaining_time_negative_or_endless() {
        let mut estimator = Estimator::new();
        estimator.observe(1.0, 0, 0);
        estimator.observe(1e-9, 1 << 40, 1);
        estimator.observe(5.0, 1, 1_000_000);
        let left = seconds(&estimator, u64::MAX, u64::MAX);
        assert!((0.0..=MOST_SECONDS).contains(&left));
    }
}
