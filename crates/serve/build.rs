//! Build script: see `cinescore-codedigest`.

fn main() {
    cinescore_codedigest::emit();
    cinescore_codedigest::torch_rpath::emit();
}
