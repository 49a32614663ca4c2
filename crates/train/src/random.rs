//! Random numbers of a training: each epoch has its own, from the seed and the epoch's number alone,
//! so that an epoch does not depend on how the ones before it were reached.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The epoch number that the first weights belong to; epochs count from 1.
pub const INITIALISATION: u32 = 0;

/// Our own random numbers of an epoch, for the order of the examples.
pub fn of_epoch(seed: u64, epoch: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(epoch));
    rng
}

/// Sets LibTorch's random numbers for an epoch: first weights, dropout.
pub fn seed_torch(seed: u64, epoch: u32) {
    // A stream of its own: the order of the examples must not repeat what dropout does.
    let mut rng = of_epoch(seed, epoch);
    rng.set_stream(u64::from(epoch) | 1 << 32);
    tch::manual_seed(rng.random());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_epochs_have_their_own_numbers_which_never_change() {
        let first = |seed, epoch| of_epoch(seed, epoch).random::<u32>();
        assert_eq!(first(7, 1), first(7, 1));
        assert_ne!(first(7, 1), first(7, 2));
        assert_ne!(first(7, 1), first(8, 1));
    }
}
