//! Names in Stanford's archive: which members are reviews, what their names say, and the number that
//! a review has everywhere after.

use crate::rejects::Refusal;

/// The two halves of the data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Train,
    Test,
}

/// The three folders of a half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Neg,
    Pos,
    Unsup,
}

/// A folder of reviews, `train/pos`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) half: Half,
    pub(super) class: Class,
}

/// What a member of the archive is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Member<'a> {
    /// A review, with its file name.
    Review(Folder, &'a str),
    /// The list of titles of a folder's reviews.
    Urls(Folder),
    /// Not read: README, vocabulary, bags of words, folders.
    Other,
}

/// What a review's file name says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileName {
    /// The number within the folder, below 2^45.
    pub(super) id: u64,
    /// 1 to 10; `None` for `unsup`.
    pub(super) score: Option<u8>,
}

/// File ids have at most this many bits, so that review ids have at most 48.
const FILE_ID_BITS: u32 = 45;
/// Bits of a review id.
const REVIEW_ID_BITS: u32 = FILE_ID_BITS + 3;

impl Folder {
    /// All folders, by [`Folder::index`].
    pub(super) const COUNT: usize = 6;

    /// 0 to 5.
    pub(super) fn index(self) -> usize {
        self.half as usize * 3 + self.class as usize
    }

    /// The value of the `split` column.
    pub(super) fn split(self) -> &'static str {
        match self {
            Self {
                class: Class::Unsup,
                ..
            } => "unlabelled",
            Self {
                half: Half::Train, ..
            } => "train",
            Self {
                half: Half::Test, ..
            } => "test",
        }
    }

    /// The value of the `polarity` column.
    pub(super) fn polarity(self) -> Option<u8> {
        match self.class {
            Class::Neg => Some(0),
            Class::Pos => Some(1),
            Class::Unsup => None,
        }
    }

    /// `train` or `test`.
    pub(super) fn half_name(self) -> &'static str {
        match self.half {
            Half::Train => "train",
            Half::Test => "test",
        }
    }

    /// `neg`, `pos` or `unsup`.
    pub(super) fn class_name(self) -> &'static str {
        match self.class {
            Class::Neg => "neg",
            Class::Pos => "pos",
            Class::Unsup => "unsup",
        }
    }
}

fn class(name: &str) -> Option<Class> {
    match name {
        "neg" => Some(Class::Neg),
        "pos" => Some(Class::Pos),
        "unsup" => Some(Class::Unsup),
        _ => None,
    }
}

/// What the member of this name is. The top folder `aclImdb` may be missing, as when somebody packed
/// its content; a name that is absolute or climbs is refused.
pub(super) fn member(name: &str) -> Result<Member<'_>, Refusal> {
    if name.starts_with('/') || name.split('/').any(|part| part == "..") {
        return Err(Refusal::UnsafeName);
    }
    let mut parts: Vec<&str> = name.split('/').filter(|part| *part != ".").collect();
    if parts.first() == Some(&"aclImdb") {
        parts.remove(0);
    }
    let half = match parts.first() {
        Some(&"train") => Half::Train,
        Some(&"test") => Half::Test,
        _ => return Ok(Member::Other),
    };
    let member = match parts[1..] {
        [folder, file] if file.ends_with(".txt") => {
            class(folder).map(|class| Member::Review(Folder { half, class }, file))
        }
        [file] => file
            .strip_prefix("urls_")
            .and_then(|rest| class(rest.strip_suffix(".txt")?))
            .map(|class| Member::Urls(Folder { half, class })),
        _ => None,
    };
    Ok(member.unwrap_or(Member::Other))
}

/// Reads `ID_SCORE.txt`. The scores of the data set are 1 to 4 in `neg`, 7 to 10 in `pos`, and 0, for
/// none, in `unsup`; another score in a folder means that one of the two is wrong.
pub(super) fn file_name(folder: Folder, file: &str) -> Result<FileName, Refusal> {
    let (id, score) = file
        .strip_suffix(".txt")
        .and_then(|stem| stem.split_once('_'))
        .ok_or(Refusal::FileName)?;
    let number = |text: &str| -> Result<u64, Refusal> {
        // `parse` would take a sign.
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::FileName);
        }
        text.parse().map_err(|_too_large| Refusal::FileId(u64::MAX))
    };
    let (id, score) = (number(id)?, number(score)?);
    if id >> FILE_ID_BITS != 0 {
        return Err(Refusal::FileId(id));
    }
    let contradiction = Refusal::ScoreFolder {
        score,
        folder: folder.class_name(),
    };
    let score = match (folder.class, score) {
        (Class::Unsup, 0) => None,
        (Class::Unsup, 1..) => return Err(contradiction),
        (_, 0 | 11..) => return Err(Refusal::ScoreRange(score)),
        (Class::Neg, 1..=4) | (Class::Pos, 7..=10) => Some(score as u8),
        _ => return Err(contradiction),
    };
    Ok(FileName { id, score })
}

/// The number of a review, from half, class and file id only.
///
/// Tables are sorted by this number, and a reader that takes the first rows, or batches in order,
/// must not find one class first. So half, class and file id are packed into 48 bits and mixed by a
/// bijection of 48-bit numbers (xor with a shift and multiplication by an odd number, each of which can
/// be undone): no two reviews share a number, and the order says nothing about class or half. 48 bits
/// because such a number survives JSON and every other place where numbers are doubles.
pub(super) fn review_id(folder: Folder, file_id: u64) -> u64 {
    mix(file_id << 3 | (folder.half as u64) << 2 | folder.class as u64)
}

/// The number of the review in a row, from 0, of a table of one's own; `None` where there are too many tables
/// (2^9) or rows (2^36). No class has the number 3, so it is none of Stanford's reviews.
pub(super) fn own_review_id(table: u64, row: u64) -> Option<u64> {
    let file_id = table << 36 | row;
    (row >> 36 == 0 && file_id >> FILE_ID_BITS == 0).then(|| mix(file_id << 3 | 3))
}

fn mix(mut id: u64) -> u64 {
    const MASK: u64 = (1 << REVIEW_ID_BITS) - 1;
    // The two odd multipliers are those of the SplitMix64 generator, cut to 48 bits.
    id ^= id >> 24;
    id = id.wrapping_mul(0x476d_1ce4_e5b9) & MASK;
    id ^= id >> 21;
    id = id.wrapping_mul(0xd049_bb13_3111) & MASK;
    id ^ id >> 24
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TRAIN_POS: Folder = Folder {
        half: Half::Train,
        class: Class::Pos,
    };
    const TEST_NEG: Folder = Folder {
        half: Half::Test,
        class: Class::Neg,
    };
    const TRAIN_UNSUP: Folder = Folder {
        half: Half::Train,
        class: Class::Unsup,
    };

    #[test]
    fn members_are_told_by_name() {
        assert_eq!(
            member("aclImdb/train/pos/12_9.txt"),
            Ok(Member::Review(TRAIN_POS, "12_9.txt"))
        );
        assert_eq!(
            member("./test/neg/x.txt"),
            Ok(Member::Review(TEST_NEG, "x.txt"))
        );
        assert_eq!(
            member("aclImdb/train/urls_unsup.txt"),
            Ok(Member::Urls(TRAIN_UNSUP))
        );
        for other in [
            "aclImdb/README",
            "aclImdb/imdb.vocab",
            "aclImdb/train/labeledBow.feat",
            "aclImdb/train/pos/",
            "aclImdb/train/pos",
        ] {
            assert_eq!(member(other), Ok(Member::Other), "{other}");
        }
        for bad in [
            "aclImdb/train/pos/../1_9.txt",
            "/aclImdb/train/pos/1_9.txt",
            "..",
        ] {
            assert_eq!(member(bad), Err(Refusal::UnsafeName), "{bad}");
        }
    }

    #[test]
    fn file_names_give_id_and_score_or_a_reason() {
        assert_eq!(
            file_name(TRAIN_POS, "12_9.txt"),
            Ok(FileName {
                id: 12,
                score: Some(9)
            })
        );
        assert_eq!(
            file_name(TRAIN_UNSUP, "7_0.txt"),
            Ok(FileName { id: 7, score: None })
        );
        for (folder, name, reason) in [
            (TRAIN_POS, "12.txt", Refusal::FileName),
            (TRAIN_POS, "12_.txt", Refusal::FileName),
            (TRAIN_POS, "+1_9.txt", Refusal::FileName),
            (TRAIN_POS, "12_11.txt", Refusal::ScoreRange(11)),
            (TEST_NEG, "12_0.txt", Refusal::ScoreRange(0)),
            (
                TEST_NEG,
                "12_7.txt",
                Refusal::ScoreFolder {
                    score: 7,
                    folder: "neg",
                },
            ),
            (
                TRAIN_POS,
                "12_5.txt",
                Refusal::ScoreFolder {
                    score: 5,
                    folder: "pos",
                },
            ),
            (
                TRAIN_UNSUP,
                "12_5.txt",
                Refusal::ScoreFolder {
                    score: 5,
                    folder: "unsup",
                },
            ),
            (TRAIN_POS, "35184372088832_9.txt", Refusal::FileId(1 << 45)),
        ] {
            assert_eq!(file_name(folder, name), Err(reason), "{name}");
        }
    }

    #[test]
    fn review_ids_are_unique_small_and_unsorted_by_class() {
        let mut ids = Vec::new();
        for file_id in (0..5000).chain((1 << FILE_ID_BITS) - 5000..1 << FILE_ID_BITS) {
            for folder in [TRAIN_POS, TEST_NEG, TRAIN_UNSUP] {
                ids.push((review_id(folder, file_id), folder.class == Class::Pos));
            }
        }
        let own = (0..5000).map(|row| (own_review_id(row % 3, row).unwrap(), false));
        assert_eq!(
            ids.iter()
                .copied()
                .chain(own)
                .collect::<BTreeSet<_>>()
                .len(),
            ids.len() + 5000
        );
        assert_eq!(own_review_id(1 << 9, 0), None);
        assert_eq!(own_review_id(0, 1 << 36), None);
        assert!(ids.iter().all(|(id, _)| id >> REVIEW_ID_BITS == 0));
        ids.sort();
        // A third of the rows is of the class; so is about a third of any thousand rows in order.
        for thousand in ids.chunks_exact(1000) {
            let count = thousand.iter().filter(|(_, pos)| *pos).count();
            assert!((240..430).contains(&count), "{count}");
        }
    }

    #[test]
    fn review_ids_never_change() {
        insta::assert_snapshot!(
            format!("{} {} {}", review_id(TEST_NEG, 0), review_id(TRAIN_POS, 0), review_id(TRAIN_POS, 12_499)),
            @r"6302654807947 254884801065408 110670538888905"
        );
    }
}
