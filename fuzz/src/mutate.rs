//! Mutations: bit flips, lies about lengths, truncation, repetition, splices of
//! two inputs, words the format knows, and noise.

use crate::random::Random;

/// Inputs do not grow beyond this.
const MAX_INPUT_BYTES: usize = 128 << 10;

/// Numbers that lengths and counts get wrong.
const LIES: &[u64] = &[
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x100,
    0xfa,
    0xfb,
    0xfc,
    0xfd,
    0x1fff,
    0x2000,
    0xffff,
    0x1_0000,
    0x10_0000,
    0x40_0000,
    0x40_0001,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// Changes `input` one to eight times.
pub(crate) fn mutate(input: &mut Vec<u8>, random: &mut Random, pool: &[Vec<u8>], words: &[&[u8]]) {
    for _ in 0..=random.below(8) {
        mutate_once(input, random, pool, words);
        input.truncate(MAX_INPUT_BYTES);
    }
}

fn mutate_once(input: &mut Vec<u8>, random: &mut Random, pool: &[Vec<u8>], words: &[&[u8]]) {
    let place = random.below(input.len());
    match random.below(12) {
        0 | 1 => flip(input, place, 1 << random.below(8)),
        2 => flip(input, place, random.byte()),
        3 | 4 => lie(input, place, random),
        5 => input.truncate(place),
        6 => {
            let end = (place + 1 + random.below(32)).min(input.len());
            input.drain(place..end);
        }
        7 => insert_noise(input, place, random),
        8 => repeat(input, place, random),
        9 => splice(input, place, random, pool),
        10 => {
            if let Some(word) = random.pick(words) {
                input.splice(place..place, word.iter().copied());
            }
        }
        _ => {
            for _ in 0..=random.below(16) {
                input.push(random.byte());
            }
        }
    }
}

fn flip(input: &mut [u8], place: usize, bits: u8) {
    if let Some(byte) = input.get_mut(place) {
        *byte ^= bits;
    }
}

/// Overwrites 1, 2, 4 or 8 bytes with a number, in either byte order.
fn lie(input: &mut [u8], place: usize, random: &mut Random) {
    let number = random.pick(LIES).copied().unwrap_or_default();
    let number = number.wrapping_add([0, 1, u64::MAX][random.below(3)]);
    let width = 1_usize << random.below(4);
    let (big, little) = (number.to_be_bytes(), number.to_le_bytes());
    let bytes = if random.below(2) == 0 { &big[8 - width..] } else { &little[..width] };
    for (byte, new) in input.iter_mut().skip(place).zip(bytes) {
        *byte = *new;
    }
}

fn insert_noise(input: &mut Vec<u8>, place: usize, random: &mut Random) {
    let noise: Vec<u8> = (0..=random.below(32)).map(|_| random.byte()).collect();
    input.splice(place..place, noise);
}

fn repeat(input: &mut Vec<u8>, place: usize, random: &mut Random) {
    let end = (place + 1 + random.below(64)).min(input.len());
    let part = input[place..end].to_vec();
    let times = 1 + random.below(64);
    input.splice(place..place, part.repeat(times));
}

fn splice(input: &mut Vec<u8>, place: usize, random: &mut Random, pool: &[Vec<u8>]) {
    let Some(other) = random.pick(pool) else { return };
    let from = random.below(other.len());
    input.truncate(place);
    input.extend_from_slice(&other[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(seed: u64) -> Vec<Vec<u8>> {
        let mut random = Random::new(seed);
        let pool = [b"one input".to_vec(), Vec::new(), vec![7; 300]];
        let mut mutated = |index: usize| {
            let mut input = pool[index % pool.len()].clone();
            mutate(&mut input, &mut random, &pool, &[b"word"]);
            input
        };
        (0..2000).map(&mut mutated).collect()
    }

    #[test]
    fn a_seed_repeats_its_inputs_and_another_gives_others() {
        assert_eq!(sequence(1), sequence(1));
        assert_ne!(sequence(1), sequence(2));
    }

    #[test]
    fn inputs_stay_bounded_and_differ() {
        let inputs = sequence(3);
        assert!(inputs.iter().all(|input| input.len() <= MAX_INPUT_BYTES));
        let different: std::collections::BTreeSet<_> = inputs.iter().collect();
        assert!(different.len() > 1500, "{} of 2000", different.len());
    }
}
