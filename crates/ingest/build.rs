//! Hands the code digest to the compiler.

fn main() {
    cinescore_codedigest::emit();
}
