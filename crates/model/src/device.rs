//! The choice of a device, and opening LibTorch's CUDA library where one is wanted.
//!
//! Programs are linked without CUDA, so that one binary serves machines with and without it. The
//! CUDA library makes itself known to LibTorch when it is opened.

use std::sync::OnceLock;

use libloading::Library;
use tch::{Cuda, Device};
use thiserror::Error;

/// The file name of LibTorch's CUDA library; it is looked for where LibTorch itself lies.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";

/// Why a device cannot be used.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// It is no device's name.
    #[error("`{name}` is no device: use auto, cpu, cuda or cuda:N")]
    Unknown {
        /// The name as given.
        name: String,
    },
    /// The CUDA library could not be opened.
    #[error("the device `{name}` cannot be used")]
    NoLibrary {
        /// The device's name.
        name: String,
        /// What the loader said.
        source: &'static libloading::Error,
    },
    /// The CUDA library is there, and the device is not.
    #[error("the device `{name}` cannot be used: LibTorch sees {count} CUDA devices")]
    NotThere {
        /// The device's name.
        name: String,
        /// How many there are.
        count: usize,
    },
}

/// A device that can be used.
#[derive(Debug)]
pub struct Chosen {
    /// The device.
    pub device: Device,
    /// For people: why `auto` means the CPU here.
    pub note: Option<String>,
}

/// The device of a name: `cpu`, `cuda`, `cuda:N`, or `auto`, which is the first CUDA device where
/// there is one, and the CPU elsewhere.
pub fn choose(name: &str) -> Result<Chosen, DeviceError> {
    let chosen = |device| Chosen { device, note: None };
    match name {
        "cpu" => Ok(chosen(Device::Cpu)),
        "auto" => Ok(match cuda(name, 0) {
            Ok(device) => chosen(device),
            Err(error) => Chosen {
                device: Device::Cpu,
                note: Some(note(&error)),
            },
        }),
        "cuda" => cuda(name, 0).map(chosen),
        _ => {
            let index = name
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok());
            let index = index.ok_or_else(|| DeviceError::Unknown {
                name: name.to_owned(),
            })?;
            cuda(name, index).map(chosen)
        }
    }
}

/// `cpu`, `cuda:0`, ..
pub fn name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".into(),
        Device::Cuda(index) => format!("cuda:{index}"),
        Device::Mps => "mps".into(),
        Device::Vulkan => "vulkan".into(),
    }
}

fn note(error: &DeviceError) -> String {
    match error {
        DeviceError::NoLibrary { source, .. } => format!("working on the CPU: {source}"),
        _ => "working on the CPU: there is no CUDA device".into(),
    }
}

fn cuda(name: &str, index: usize) -> Result<Device, DeviceError> {
    let name = || name.to_owned();
    library().map_err(|source| DeviceError::NoLibrary {
        name: name(),
        source,
    })?;
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    if index < count {
        Ok(Device::Cuda(index))
    } else {
        Err(DeviceError::NotThere {
            name: name(),
            count,
        })
    }
}

/// Opens the CUDA library once and keeps it open: LibTorch holds pointers into it.
fn library() -> Result<(), &'static libloading::Error> {
    static OPENED: OnceLock<Result<Library, libloading::Error>> = OnceLock::new();
    #[expect(unsafe_code, reason = "opening a library runs its initialisers")]
    // SAFETY: it is LibTorch's own library, whose initialisers register its kernels with the LibTorch
    // that is loaded and are meant to run at any time; it is never closed, so that nothing dangles.
    let open = || unsafe { Library::new(CUDA_LIBRARY) };
    OPENED.get_or_init(open).as_ref().map(|_open| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there_and_auto_always_finds_something() {
        assert_eq!(choose("cpu").unwrap().device, Device::Cpu);
        let auto = choose("auto").unwrap();
        assert_eq!(auto.device == Device::Cpu, auto.note.is_some());
        assert_eq!(name(Device::Cuda(1)), "cuda:1");
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        assert_eq!(
            choose("gpu").unwrap_err().to_string(),
            "`gpu` is no device: use auto, cpu, cuda or cuda:N"
        );
        assert!(
            choose("cuda:4096")
                .unwrap_err()
                .to_string()
                .starts_with("the device `cuda:4096` cannot be used")
        );
    }
}
