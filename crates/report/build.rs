//! Computes the program's code digest for `cinescore-report describe`.

fn main() {
    cinescore_codedigest::emit();
}
