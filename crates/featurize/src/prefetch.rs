//! What will soon be looked at, asked for beforehand.
//!
//! Owns the processor's instruction for it. One look-up in a large table after the other waits for memory each time; asked for
//! together, many places arrive in the time of one.

/// Has the processor fetch a value, without waiting for it.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    #[expect(
        unsafe_code,
        reason = "a prefetch neither reads nor writes, and may be of any address"
    )]
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
}

/// Elsewhere the look-up itself fetches it.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn prefetch<T>(_value: &T) {}
