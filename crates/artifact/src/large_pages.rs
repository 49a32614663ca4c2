//! Large buffers in the system's large pages, where it has any.
//!
//! Owns the request for them. A page is cleared when it is first touched, which interrupts the thread, and the processor
//! remembers the places of a few thousand pages only: a table of 16 MB is 4,096 pages of 4 KiB, or 8 of 2 MiB. Linux gives
//! large ones to whoever asks (`/sys/kernel/mm/transparent_hugepage/enabled` says `madvise` or `always`); elsewhere,
//! and where there is none left, nothing is different but the time.

/// A large page of most systems, in bytes; smaller parts of a buffer stay as they are.
const LARGE_PAGE: usize = 1 << 21;

/// So many copies of a value.
pub fn filled<T: Copy>(value: T, len: usize) -> Vec<T> {
    let mut values = with_capacity(len);
    values.resize(len, value);
    values
}

/// Room for so many values.
pub fn with_capacity<T>(len: usize) -> Vec<T> {
    let values: Vec<T> = Vec::with_capacity(len);
    ask(values.as_ptr().addr(), len * size_of::<T>());
    values
}

/// Has a buffer that is still to be filled lie in large pages, but for what of it was touched before.
pub fn prefer<T>(buffer: &mut [T]) {
    ask(buffer.as_ptr().addr(), size_of_val(buffer));
}

/// Asks for large pages between the first and the last boundary of one within a buffer.
#[cfg(target_os = "linux")]
fn ask(begin: usize, bytes: usize) {
    let first = begin.next_multiple_of(LARGE_PAGE);
    let end = (begin + bytes) / LARGE_PAGE * LARGE_PAGE;
    if first < end {
        #[expect(unsafe_code, reason = "the standard library has no name for it")]
        // SAFETY: it changes how memory of ours is kept and nothing that is in it. Where it is refused, all stays as it was.
        unsafe {
            libc::madvise(
                std::ptr::with_exposed_provenance_mut(first),
                end - first,
                libc::MADV_HUGEPAGE,
            );
        }
    }
}

/// Other systems choose by themselves.
#[cfg(not(target_os = "linux"))]
fn ask(_begin: usize, _bytes: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_the_same_whatever_its_pages() {
        for len in [0, 1, LARGE_PAGE / 4, LARGE_PAGE] {
            assert_eq!(filled(7_u32, len), vec![7; len]);
            let room = with_capacity::<u32>(len);
            assert!(room.is_empty() && room.capacity() >= len);
        }
    }
}
