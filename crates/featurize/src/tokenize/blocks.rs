//! Tokens by blocks of 64 bytes: a bit for each byte that is part of a token, and tokens where bits are set
//! in a row.
//!
//! Owns the way from bits to tokens. Does not own which bytes are part of one. A processor guesses how
//! often a loop runs; a loop over the bytes of each word is guessed wrong at nearly every word, one
//! over the tokens of a block once a block.

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// Gives the begin and end of every token to `visit`. `inside` says of each block, which begins at the
/// offset that it is given, which of its bytes are part of a token; those behind `length` do not count. It is
/// asked for a block that begins there, too, so that what stands at the end ends.
#[inline]
pub(super) fn each_token(
    length: usize,
    mut inside: impl FnMut(usize) -> u64,
    mut visit: impl FnMut(usize, usize),
) {
    let mut begin = 0;
    // Whether the block before ended inside a token, as its last bit.
    let mut before = 0;
    let mut base = 0;
    while base <= length {
        let mut bits = inside(base);
        let left = length - base;
        if left < BLOCK {
            bits &= !(u64::MAX << left);
        }
        let shifted = bits << 1 | before;
        let mut begins = bits & !shifted;
        let mut ends = !bits & shifted;
        if before == 0 {
            begin = base + begins.trailing_zeros() as usize;
            begins &= begins.wrapping_sub(1);
        }
        while ends != 0 {
            visit(begin, base + ends.trailing_zeros() as usize);
            ends &= ends - 1;
            begin = base + begins.trailing_zeros() as usize;
            begins &= begins.wrapping_sub(1);
        }
        before = bits >> (BLOCK - 1);
        base += BLOCK;
    }
}

/// The block of a padded text that begins at `base`.
#[inline]
pub(super) fn block(padded: &[u8], base: usize) -> &[u8; BLOCK] {
    padded[base..].first_chunk().unwrap_or(&[0; BLOCK])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tokens_are_runs_of_bits(bytes in prop::collection::vec(0_u8..4, 0..300)) {
            let part = |byte: u8| byte > 0;
            let mut found = Vec::new();
            let inside = |base: usize| {
                let block = bytes[base..].iter().take(BLOCK).enumerate();
                block.map(|(at, &byte)| u64::from(part(byte)) << at).sum::<u64>()
            };
            each_token(bytes.len(), inside, |begin, end| found.push((begin, end)));
            let mut wanted = Vec::new();
            for run in bytes.chunk_by(|a, b| part(*a) == part(*b)) {
                let begin = run.as_ptr() as usize - bytes.as_ptr() as usize;
                if part(run[0]) {
                    wanted.push((begin, begin + run.len()));
                }
            }
            prop_assert_eq!(found, wanted);
        }
    }
}
