//! Build script: without one, the build dependencies would not count.

fn main() {}
