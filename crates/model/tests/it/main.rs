//! The network files of the repository as LibTorch modules.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod published;
