//! Which columns of a table of one's own hold what, by the user's words or by their usual names.

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Text,
    Score,
    Sentiment,
    Tconst,
    Split,
    Id,
}

/// All roles, by [`Role`]'s order.
pub(crate) const ROLES: [Role; 6] = [
    Role::Text,
    Role::Score,
    Role::Sentiment,
    Role::Tconst,
    Role::Split,
    Role::Id,
];

impl Role {
    /// Usual names of its column, in lower case, most telling first.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Text => &[
                "text",
                "review",
                "review_text",
                "content",
                "comment",
                "body",
            ],
            Self::Score => &["score", "rating", "stars"],
            Self::Sentiment => &["sentiment", "polarity", "label"],
            Self::Tconst => &["tconst", "imdb_id", "imdbid", "title_id"],
            Self::Split => &["split"],
            Self::Id => &["review_id", "id"],
        }
    }

    /// What it is called in words: `text`.
    pub(crate) fn name(self) -> &'static str {
        self.param().trim_end_matches("_column")
    }

    /// The parameter that names its column.
    pub(crate) fn param(self) -> &'static str {
        match self {
            Self::Text => "text_column",
            Self::Score => "score_column",
            Self::Sentiment => "sentiment_column",
            Self::Tconst => "tconst_column",
            Self::Split => "split_column",
            Self::Id => "id_column",
        }
    }
}

/// The column of each role, by [`ROLES`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Columns(pub(crate) [Option<String>; ROLES.len()]);

impl Columns {
    /// The columns of a table with these column names: those that the user named (an empty name is none), and
    /// else the first that has a usual name, whatever its case.
    pub(crate) fn of(found: &[String], named: &Self) -> Self {
        let guess = |role: Role| {
            let is = |name: &&str, column: &String| column.trim().to_lowercase() == **name;
            role.names()
                .iter()
                .find_map(|name| found.iter().find(|column| is(name, column)).cloned())
        };
        let column = |role: Role| named.get(role).cloned().or_else(|| guess(role));
        Self(ROLES.map(|role| column(role).filter(|name| !name.is_empty())))
    }

    /// The column of a role.
    pub(crate) fn get(&self, role: Role) -> Option<&String> {
        self.0[role as usize].as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_taken_by_usual_names_or_as_named() {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let found = Columns::of(&names(&["review", "sentiment"]), &Columns::default());
        assert_eq!(found.get(Role::Text).unwrap(), "review");
        assert_eq!(found.get(Role::Sentiment).unwrap(), "sentiment");
        assert_eq!(found.get(Role::Score), None);
        let mut named = Columns::default();
        named.0[Role::Text as usize] = Some("body of it".into());
        let found = Columns::of(&names(&["Text", "Stars", "body of it"]), &named);
        assert_eq!(found.get(Role::Text).unwrap(), "body of it");
        assert_eq!(found.get(Role::Score).unwrap(), "Stars");
        named.0[Role::Score as usize] = Some(String::new());
        let found = Columns::of(&names(&["Text", "Stars"]), &named);
        assert_eq!(found.get(Role::Score), None);
    }
}
