//! What an example is used for.
//!
//! Owns the four names in the tables' column `split`. Does not own how examples are divided: that is
//! `featurize`'s work.

/// A part of the examples. The order is that of the tables and of everything that lists splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// Fits the weights, and alone makes the vocabulary.
    Train,
    /// Chooses the epoch and the settings.
    Valid,
    /// Fits the intervals, after everything was chosen.
    Calib,
    /// Gives the figures.
    Test,
}

impl Split {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Train, Self::Valid, Self::Calib, Self::Test];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Calib => "calib",
            Self::Test => "test",
        }
    }

    /// The split of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_and_no_other() {
        for split in Split::ALL {
            assert_eq!(Split::of_name(split.name()), Some(split));
        }
        assert_eq!(Split::of_name("unlabelled"), None);
    }
}
