//! Build script: see `cinescore-codedigest`.

fn main() {
    cinescore_codedigest::torch_rpath::emit();
    cinescore_codedigest::torch_rpath::emit_version();
}
