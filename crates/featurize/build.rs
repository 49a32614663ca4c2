//! Gives the program its code digest.

fn main() {
    cinescore_codedigest::emit();
}
