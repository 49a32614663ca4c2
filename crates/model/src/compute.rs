//! The thread on which LibTorch computes, and how it is set up.
//!
//! **Signals.** oneDNN's matrix kernels point the stack pointer at a buffer on the heap while they
//! work. A signal that is handled on such a thread writes its frame there, over whatever lies below
//! the buffer: an interrupted training died of a corrupted heap instead of ending (LibTorch 2.11.0,
//! AVX-512). So all computing is done on a thread that takes no signals, and so are the threads that
//! it starts; the main thread, which does nothing but wait, takes them.
//!
//! **Denormal numbers.** Gradients fade on their way through hundreds of steps, and a processor works
//! on numbers below 1e-38 many times more slowly. They are taken as 0: a backward pass through 500 steps
//! took 1.2 s with them and 0.13 s without, on one thread.
//!
//! **Memory.** Each step needs the same few large buffers. The system's allocator gives such buffers back
//! at once, and the kernel then clears every page of them anew: 40 % of a training's time. It is told to
//! keep them.

use std::ffi::c_void;
use std::panic::resume_unwind;
use std::{env, io, thread};

use nix::sys::signal::SigSet;
use tch::{Device, Kind, Tensor};

/// Does some work on a thread of its own, on which LibTorch uses so many threads, and waits for it.
pub fn apart<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    keep_memory();
    reproducible_products();
    thread::scope(|scope| {
        let apart = move || -> io::Result<T> {
            SigSet::all().thread_block()?;
            flush_denormals();
            tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
            // One operation after the other: their order is part of what makes two runs alike. It can
            // be set once.
            if tch::get_num_interop_threads() != 1 {
                tch::set_num_interop_threads(1);
            }
            choose_kernels();
            Ok(work())
        };
        let handle = thread::Builder::new()
            .name("compute".into())
            .spawn_scoped(scope, apart)?;
        handle.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

// tch has no name for it. These are `at::globalContext()` and `at::Context::setFlushDenormal(bool)`,
// exported by the one version of LibTorch that tch binds.
#[expect(unsafe_code, reason = "declares two functions of LibTorch")]
unsafe extern "C" {
    #[link_name = "_ZN2at13globalContextEv"]
    fn at_global_context() -> *mut c_void;
    #[link_name = "_ZN2at7Context16setFlushDenormalEb"]
    fn at_context_set_flush_denormal(context: *mut c_void, on: bool) -> bool;
    #[link_name = "_ZN2at7Context26setDeterministicAlgorithmsEbb"]
    fn at_context_set_deterministic_algorithms(context: *mut c_void, on: bool, warn_only: bool);
    #[link_name = "_ZN2at7Context21setDeterministicCuDNNEb"]
    fn at_context_set_deterministic_cudnn(context: *mut c_void, on: bool);
}

/// Whether LibTorch may use none but algorithms that give the same bits each time, and refuses work that it has none for;
/// for the whole process. It is about GPUs: on a CPU they all do. To be said before the first work on a GPU.
pub fn deterministic(on: bool) {
    // cuBLAS multiplies alike each time only where its work space is fixed; it reads this when it is first used.
    if on {
        set_unless_there("CUBLAS_WORKSPACE_CONFIG", ":4096:8");
    }
    #[expect(
        unsafe_code,
        reason = "calls LibTorch, which tch does here for everything else"
    )]
    // SAFETY: the context lives as long as the process; both functions set a flag of it, as LibTorch does for Python
    // (`torch.use_deterministic_algorithms`, `torch.backends.cudnn.deterministic`).
    unsafe {
        at_context_set_deterministic_algorithms(at_global_context(), on, false);
        at_context_set_deterministic_cudnn(at_global_context(), on);
    }
}

/// Takes denormal numbers as 0 on this thread and those that it starts; says whether the processor can.
fn flush_denormals() -> bool {
    #[expect(
        unsafe_code,
        reason = "calls LibTorch, which tch does here for everything else"
    )]
    // SAFETY: the context lives as long as the process, and the function sets one flag of this thread's
    // floating-point unit, as LibTorch does for Python (`torch.set_flush_denormal`).
    unsafe {
        at_context_set_flush_denormal(at_global_context(), true)
    }
}

/// Calls every function that LibTorch takes from MKL's vector library, on tensors too small to be shared
/// out among threads.
fn choose_kernels() {
    const FUNCTIONS: [fn(&Tensor) -> Tensor; 15] = [
        Tensor::acos,
        Tensor::asin,
        Tensor::atan,
        Tensor::cos,
        Tensor::erf,
        Tensor::erfc,
        Tensor::exp,
        Tensor::expm1,
        Tensor::log,
        Tensor::log10,
        Tensor::log1p,
        Tensor::sin,
        Tensor::sqrt,
        Tensor::tan,
        Tensor::tanh,
    ];
    for kind in [Kind::Float, Kind::Double] {
        let argument = Tensor::full([16], 0.5, (kind, Device::Cpu));
        for function in FUNCTIONS {
            let _value = function(&argument);
        }
    }
}

/// The setting for which MKL promises equal results from equal calls; it reads it at its first call. A
/// value of the user's is left.
fn reproducible_products() {
    set_unless_there("MKL_CBWR", "AUTO");
}

/// A setting of a library that it takes from the environment alone, before its first call.
fn set_unless_there(name: &str, value: &str) {
    if env::var_os(name).is_none() {
        #[expect(unsafe_code, reason = "there is no other way to these settings")]
        // SAFETY: other threads of a stage program, where there are any yet, neither read nor change the
        // environment: the program read its own settings from it before it came here.
        unsafe {
            env::set_var(name, value);
        }
    }
}

/// Has the allocator keep what is freed for the next step, in one place for all threads.
#[cfg(target_env = "gnu")]
fn keep_memory() {
    let settings = [
        (libc::M_MMAP_MAX, 0),
        (libc::M_TRIM_THRESHOLD, -1),
        (libc::M_ARENA_MAX, 1),
    ];
    for (setting, value) in settings {
        #[expect(
            unsafe_code,
            reason = "calls the C library, which the standard library allocates with"
        )]
        // SAFETY: it changes how memory is kept and no memory; the values are among those documented.
        unsafe {
            libc::mallopt(setting, value);
        }
    }
}

/// Other allocators are left as they are.
#[cfg(not(target_env = "gnu"))]
fn keep_memory() {}

#[cfg(test)]
mod tests {
    use nix::sys::signal::Signal;

    use super::*;

    #[test]
    fn no_signal_is_taken_where_libtorch_computes() {
        let masked = || SigSet::thread_get_mask().unwrap().contains(Signal::SIGTERM);
        assert!(!masked());
        assert!(apart(1, masked).unwrap());
        assert_eq!(apart(1, tch::get_num_threads).unwrap(), 1);
    }

    #[test]
    fn denormal_numbers_are_zero_where_libtorch_computes() {
        let least = || (Tensor::from_slice(&[1e-38_f32]) * 0.01).double_value(&[0]);
        assert!(least() > 0.0);
        assert_eq!(
            apart(1, || (flush_denormals(), least())).unwrap(),
            (true, 0.0)
        );
        // And only there.
        assert!(least() > 0.0);
    }
}
