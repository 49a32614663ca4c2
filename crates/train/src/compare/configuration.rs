//! Which networks differ in their seed only.

/// Networks that are one but for their seed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Configuration {
    /// `net[network=lstm_c]` of `net[network=lstm_c,seed=7]` and the like.
    pub(super) name: String,
    /// The numbers of its networks, in the order given.
    pub(super) members: Vec<usize>,
}

/// The configurations of some networks, in the order of their first ones. Two networks of one name are two
/// members of it.
pub(super) fn configurations<'a>(
    names: impl Iterator<Item = &'a str>,
    seed_key: &str,
) -> Vec<Configuration> {
    let mut found: Vec<Configuration> = Vec::new();
    for (index, name) in names.enumerate() {
        let name = without(name, seed_key);
        match found.iter_mut().find(|own| own.name == name) {
            Some(own) => own.members.push(index),
            None => found.push(Configuration {
                name,
                members: vec![index],
            }),
        }
    }
    found
}

/// A cell's name without one of its keys.
fn without(name: &str, key: &str) -> String {
    let cell = name
        .strip_suffix(']')
        .and_then(|cell| cell.split_once('['))
        .filter(|_| !key.is_empty());
    let Some((stage, values)) = cell else {
        return name.to_owned();
    };
    let is_own = |value: &&str| {
        value
            .split_once('=')
            .is_some_and(|(own, _)| own.trim() == key)
    };
    let kept: Vec<&str> = values.split(',').filter(|value| !is_own(value)).collect();
    match kept.as_slice() {
        [] => stage.to_owned(),
        kept => format!("{stage}[{}]", kept.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_differ_in_their_seed_are_one_configuration() {
        let names = [
            "net[network=a,seed=7]",
            "ridge",
            "net[network=b,seed=7]",
            "net[network=a,seed=8]",
            "other[seed=7]",
        ];
        let found = configurations(names.into_iter(), "seed");
        let listed: Vec<_> = found
            .iter()
            .map(|own| (own.name.as_str(), own.members.as_slice()))
            .collect();
        assert_eq!(
            listed,
            [
                ("net[network=a]", &[0, 3][..]),
                ("ridge", &[1]),
                ("net[network=b]", &[2]),
                ("other", &[4]),
            ]
        );
        assert_eq!(configurations(names.into_iter(), "").len(), 5);
    }
}
