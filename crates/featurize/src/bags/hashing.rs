//! Numbers of n-grams without a vocabulary, those of scikit-learn's `FeatureHasher`.

/// The number of an n-gram: MurmurHash3 (x86, 32 bits, seed 0; Appleby) as a signed number, without its
/// sign, modulo `size`.
pub(super) fn number(ngram: &[u8], size: u32) -> u32 {
    (murmur3(ngram) as i32).unsigned_abs() % size
}

fn murmur3(bytes: &[u8]) -> u32 {
    let mix = |word: u32| {
        word.wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593)
    };
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = 0_u32;
    for word in words {
        hash ^= mix(u32::from_le_bytes(*word));
        hash = hash
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    let mut tail = [0; 4];
    tail[..rest.len()].copy_from_slice(rest);
    hash ^= mix(u32::from_le_bytes(tail));
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_murmur3s() {
        // `sklearn.utils.murmurhash3_32(text, seed=0)`.
        for (text, hash) in [
            ("", 0),
            ("a", 1_009_084_850),
            ("foo", -156_908_512),
            ("good", 115_441_729),
            ("not good", -111_246_651),
            ("é🎬", 468_168_969),
        ] {
            assert_eq!(murmur3(text.as_bytes()) as i32, hash, "{text}");
        }
    }
}
