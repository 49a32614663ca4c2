use super::*;

#[test]
fn ngrams_come_back_as_they_were() {
    let names = Strings::of(["good", "not good", "é"]).unwrap();
    let weights = [0.25, -1.5e-8, f32::MAX];
    let bytes = to_bytes(&names, &weights).unwrap();
    assert_eq!(of_bytes(bytes).unwrap(), (names, weights.to_vec()));
    // Hashed ones have weights and no names.
    let bytes = to_bytes(&Strings::default(), &weights).unwrap();
    assert_eq!(
        of_bytes(bytes).unwrap(),
        (Strings::default(), weights.to_vec())
    );
}

#[test]
fn files_that_hold_no_ngrams_are_refused() {
    let refused = |bytes: &[u8]| of_bytes(bytes.to_vec()).unwrap_err().to_string();
    let names = Strings::of(["good", "bad"]).unwrap();
    let whole = to_bytes(&names, &[1.0, 2.0]).unwrap();
    for end in [0, 8, 60, whole.len() - 1] {
        assert_eq!(
            refused(&whole[..end]),
            "it is not a readable safetensors file"
        );
    }
    let changed = |from: &str, to: &str| {
        let mut places = whole.windows(from.len());
        let at = places.position(|own| own == from.as_bytes()).unwrap();
        let mut bytes = whole.clone();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    assert!(refused(&changed("\"ends\"", "\"mods\"")).starts_with("it lacks the tensor `ends`"));
    assert!(refused(&changed("F32", "I32")).starts_with("it lacks the tensor `weights`"));
    let shape = changed("\"shape\":[7]", "\"shape\":[8]");
    assert_eq!(refused(&shape), "it is not a readable safetensors file");
    let ends = [4_u32.to_le_bytes(), 7_u32.to_le_bytes()].concat();
    let at = whole.windows(8).position(|own| own == ends).unwrap();
    let mut falls = whole.clone();
    falls[at] = 9;
    assert_eq!(refused(&falls), "it has no names of n-grams");
}
