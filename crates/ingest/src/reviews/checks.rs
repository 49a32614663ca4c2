//! What a review must be to be taken, whatever source it comes from.

use crate::lines::LINE_LIMIT;
use crate::rejects::Refusal;

/// Refuses a text that is too long, no UTF-8, empty or has a NUL byte in it.
pub(super) fn check_text(bytes: &[u8]) -> Result<&str, Refusal> {
    if bytes.len() > LINE_LIMIT {
        return Err(Refusal::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| Refusal::Utf8(error.valid_up_to()))?;
    if let Some(at) = memchr::memchr(0, bytes) {
        return Err(Refusal::Nul(at));
    }
    if text.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    Ok(text)
}

/// Whether this is an IMDb id of a title, `tt0111161`.
pub(super) fn is_tconst(id: &str) -> bool {
    id.strip_prefix("tt").is_some_and(|digits| {
        (1..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_checked() {
        assert_eq!(check_text(b"fine"), Ok("fine"));
        assert_eq!(check_text(b" \n"), Err(Refusal::Empty));
        assert_eq!(check_text(b"ab\0"), Err(Refusal::Nul(2)));
        assert_eq!(check_text(b"a\xff"), Err(Refusal::Utf8(1)));
        assert_eq!(check_text(&[b'x'; LINE_LIMIT + 1]), Err(Refusal::TooLong));
        assert!(check_text(&[b'x'; LINE_LIMIT]).is_ok());
    }
}
